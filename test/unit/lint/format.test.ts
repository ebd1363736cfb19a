import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { formatGithub } from "../../../src/lint/format/github.ts";
import { toJson } from "../../../src/lint/format/json.ts";
import { toSarif } from "../../../src/lint/format/sarif.ts";
import { formatText } from "../../../src/lint/format/text.ts";
import { findingOf, type LintReport } from "../../../src/lint/lint.ts";
import { RULES } from "../../../src/lint/rules/rules.ts";
import { lintFiles } from "./support.ts";

const FILES = {
  "001_x.up.sql": 'select 1;\n  drop index "50% größe, a:b";\nalter table t enable row level security;\n',
  "002_y.up.sql": "alter table t\n  add a int not null;\nselekt;\n",
};
const report = await lintFiles(FILES);

/** The same with another file's path, which is that of a temporary folder. */
function movedTo(file: string): LintReport {
  const findings = report.findings.map((finding) => ({
    ...finding,
    at: typeof finding.at === "string" ? finding.at : { ...finding.at, file },
  }));
  return { ...report, findings };
}

describe("text", () => {
  test("shows place, line, reason, the safe form and where to read on", () => {
    expect(formatText(movedTo("m/001_x.up.sql")).split("\n\n")[0]).toBe(
      [
        "m/001_x.up.sql:2:3: warning: dropping 50% größe, a:b locks its table against reads and writes [drop-index-not-concurrent]",
        '  2 |   drop index "50% größe, a:b";',
        "    |   ^",
        "    why: DROP INDEX waits for, and then keeps out, everybody who uses the table",
        "    instead: drop index concurrently, in a file of its own",
        "    see: docs/lint.md#drop-index-not-concurrent",
      ].join("\n"),
    );
  });

  test("ends with the counts", () => {
    expect(formatText(report).split("\n").at(-2)).toBe("2 files judged: 2 errors, 1 warning, 1 note");
    expect(formatText({ ...report, findings: [], passedOver: 1 })).toBe(
      "2 files judged (1 file passed over): nothing found\n",
    );
  });
});

test("json holds every finding with its place", () => {
  expect(toJson(movedTo("m/x.sql"))).toMatchObject({
    judged: 2,
    passedOver: 0,
    findings: [
      { rule: "drop-index-not-concurrent", severity: "warning", file: "m/x.sql", line: 2, column: 3 },
      { rule: "row-security-without-policy", severity: "note", line: 3, column: 13 },
      { rule: "add-not-null", severity: "error", line: 2, column: 7, see: "docs/lint.md#add-not-null" },
      { rule: "invalid-file", severity: "error", line: 3, column: 1 },
    ],
  });
});

describe("github", () => {
  const lines = formatGithub(movedTo("m/a,b:c%.sql")).split("\n");

  test("is one workflow command a finding, and the counts", () => {
    expect(lines.map((line) => line.split(" ")[0])).toEqual([
      "::warning",
      "::notice",
      "::error",
      "::error",
      "2",
      "",
    ]);
  });

  test("escapes what would end a property or the line", () => {
    expect(lines[0]).toBe(
      "::warning file=m/a%2Cb%3Ac%25.sql,line=2,col=3,title=drop-index-not-concurrent::dropping 50%25 größe, a:b locks its table against reads and writes%0AInstead: drop index concurrently, in a file of its own%0ASee docs/lint.md#drop-index-not-concurrent",
    );
  });
});

describe("sarif", () => {
  interface Sarif {
    $schema: string;
    version: string;
    runs: {
      tool: { driver: { name: string; semanticVersion: string; rules: { id: string }[] } };
      invocations: { executionSuccessful: boolean }[];
      columnKind: string;
      results: {
        ruleId: string;
        ruleIndex: number;
        level: string;
        message: { text: string };
        locations: {
          physicalLocation: {
            artifactLocation: { uri: string };
            region?: { startLine: number; startColumn: number };
          };
        }[];
      }[];
    }[];
  }
  const sarifOf = (what: LintReport): Sarif => JSON.parse(JSON.stringify(toSarif(what, "0.1.0"))) as Sarif;
  const [run] = sarifOf(report).runs;

  test("is a log of version 2.1.0 with one run", () => {
    expect(sarifOf(report)).toEqual({
      $schema: expect.stringMatching(/^https:\/\/.*sarif-2\.1\.0/),
      version: "2.1.0",
      runs: [
        {
          tool: { driver: { name: "slipway", semanticVersion: "0.1.0", rules: expect.any(Array) } },
          invocations: [{ executionSuccessful: false }],
          columnKind: "unicodeCodePoints",
          results: expect.any(Array),
        },
      ],
    });
  });

  test("describes each rule once, with text for people and a level of the standard", () => {
    const rules = run?.tool.driver.rules ?? [];

    expect(rules.map(({ id }) => id)).toEqual(RULES.map(({ name }) => name));
    for (const rule of rules) {
      expect(rule).toEqual({
        id: expect.stringMatching(/^[a-z-]+$/),
        shortDescription: { text: expect.stringMatching(/\S/) },
        help: { text: expect.stringMatching(/docs\/lint\.md#/) },
        defaultConfiguration: expect.toSatisfy(
          (each: { enabled?: boolean; level?: string }) =>
            each.enabled === false || ["none", "note", "warning", "error"].includes(each.level ?? ""),
        ),
      });
    }
  });

  test("has a result for each finding, at a region counted from 1", () => {
    expect(run?.results).toHaveLength(report.findings.length);
    for (const result of run?.results ?? []) {
      expect(result).toEqual({
        ruleId: run?.tool.driver.rules[result.ruleIndex]?.id,
        ruleIndex: expect.any(Number),
        level: expect.stringMatching(/^(?:note|warning|error)$/),
        message: { text: expect.stringMatching(/\S/) },
        locations: [
          {
            physicalLocation: {
              artifactLocation: { uri: expect.any(String) },
              region: { startLine: expect.any(Number), startColumn: expect.any(Number) },
            },
          },
        ],
      });
      expect(result.locations[0]?.physicalLocation.region?.startLine).toBeGreaterThan(0);
      expect(result.locations[0]?.physicalLocation.region?.startColumn).toBeGreaterThan(0);
    }
  });

  test.each([
    ["m/größe a%.sql", "m/gr%C3%B6%C3%9Fe%20a%25.sql"],
    [join(process.cwd(), "m/x.sql"), "m/x.sql"],
    ["/elsewhere/x y.sql", pathToFileURL("/elsewhere/x y.sql").href],
    ["../beside/x.sql", "../beside/x.sql"],
  ])("names %s by a URI reference", (path, uri) => {
    const [result] = sarifOf(movedTo(path)).runs[0]?.results ?? [];

    expect(result?.locations[0]?.physicalLocation.artifactLocation.uri).toBe(uri);
  });

  test("has a result for a problem without a line", () => {
    const findings = [findingOf({ at: { file: "m/x.sql" }, message: "is UTF-16" })];
    const [result] = sarifOf({ ...report, findings }).runs[0]?.results ?? [];

    expect(result?.locations).toEqual([{ physicalLocation: { artifactLocation: { uri: "m/x.sql" } } }]);
  });
});
