import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { CHART } from "../support/chart.ts";
import { documentedValues, leafPaths, toTable } from "./values-table.ts";

const yaml = readFileSync(`${CHART}/values.yaml`, "utf8");
const README = `${CHART}/README.md`;
const [START, END] = ["<!-- values -->", "<!-- end of values -->"];

test("every value says what it is for", () => {
  const documented = new Set(documentedValues(yaml).map((value) => value.path));

  const silent = leafPaths(parse(yaml)).filter((path) => {
    const names = path.split(".");
    return !names.some((_, index) => documented.has(names.slice(0, index + 1).join(".")));
  });

  expect(silent).toEqual([]);
});

test("the table in the chart's README is that of values.yaml", () => {
  const table = `${START}\n${toTable(documentedValues(yaml))}\n${END}`;
  const text = readFileSync(README, "utf8");
  const [before = "", rest = ""] = text.split(START);
  const [, after = ""] = rest.split(END);
  const current = `${before}${table}${after}`;

  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(README, current);

  expect(readFileSync(README, "utf8")).toBe(current);
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
}

test("every value has its place in the schema, and the schema has no others", () => {
  const schema: Schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, "utf8"));

  const declared = closedPaths(schema, "");

  const given = documentedValues(yaml).map((value) => value.path);
  // Names that are taken besides: what Helm hands to every chart, and what an older chart called it.
  const others = ["global", "config.database.user_migrations_path"];
  expect(declared.filter((path) => !others.includes(path)).sort()).toEqual(given.sort());
});

function closedPaths({ properties, additionalProperties }: Schema, path: string): readonly string[] {
  // `settings` is one value here; that its names are slipway's is another test's.
  if (properties === undefined || additionalProperties !== false || path === "settings") return [path];
  return Object.entries(properties).flatMap(([name, each]) =>
    closedPaths(each, path === "" ? name : `${path}.${name}`),
  );
}
