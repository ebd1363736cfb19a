import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Rule } from "../../../src/lint/rules/rule.ts";
import { RULES } from "../../../src/lint/rules/rules.ts";
import { type LintFiles, lintFiles } from "./support.ts";

const PAGE = readFileSync(new URL("../../../docs/lint.md", import.meta.url), "utf8");

interface Section {
  readonly words: string;
  /** What is found, and what is not. */
  readonly examples: readonly string[];
}

const sections = new Map<string, Section>(
  PAGE.split(/^(?=###? )/m)
    .filter((part) => part.startsWith("### "))
    .map((part) => {
      const name = /^### (\S+)/.exec(part)?.[1] ?? "";
      const examples = [...part.matchAll(/```sql\n(.*?)```/gs)].map(([, sql = ""]) => sql);
      return [name, { words: part.replaceAll(/```sql\n.*?```/gs, ""), examples }];
    }),
);

const FILE_NAME = /^-- (\d{3}_\w+\.(?:up|down)\.sql)\n/m;

/** The files of an example: a comment with a file's name begins one. */
function filesOf(rule: Rule, sql: string): LintFiles {
  const first = rule.files[0] === "schema" ? "schema/schemas/x.sql" : "001_x.up.sql";
  const [head = "", ...rest] = sql.split(FILE_NAME);
  const named = rest.flatMap((part, index) =>
    index % 2 === 0 ? [[part, rest[index + 1] ?? ""] as const] : [],
  );
  return Object.fromEntries([...(head.trim() === "" ? [] : [[first, head] as const]), ...named]);
}

test("every rule has a section, in the order of the list", () => {
  expect([...sections.keys()]).toEqual(RULES.map(({ name }) => name));
});

describe.each(RULES)("the page on $name", (rule) => {
  const { words = "", examples = [] } = sections.get(rule.name) ?? {};
  const [bad = "", good = ""] = examples;
  // As it is when the rule speaks at all.
  const severities = rule.severity === "off" ? { [rule.name]: "warning" as const } : {};

  test("says its severity", () => {
    const said = rule.severity === "off" ? "Off unless turned on" : rule.severity;
    expect(words.toLowerCase()).toContain(`\n\n${said.toLowerCase()}`);
  });

  test("has an example in which it is found", async () => {
    const { findings } = await lintFiles(filesOf(rule, bad), { severities });
    expect(findings.map((finding) => finding.rule.name)).toContain(rule.name);
  });

  test("has an example in which nothing is found", async () => {
    expect(good).not.toBe("");
    const { findings } = await lintFiles(filesOf(rule, good), { severities });
    expect(findings).toEqual([]);
  });
});
