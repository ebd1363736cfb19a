import { expect, test } from "vitest";
import { formatProblem } from "../../../src/errors.ts";
import { findTemplates } from "../../../src/sql/template.ts";

const templatesIn = (sql: string, arePlaceholders = false): string[] =>
  findTemplates("f.sql", sql, arePlaceholders).map(({ at, message }) => formatProblem({ at, message }));

test("a placeholder that is not to be filled is found, with what fills it", () => {
  const sql = "create table {{T}} (id int);\ncomment on table {{ T }} is '{{T}}';";

  expect(templatesIn(sql)).toEqual([
    "f.sql:1:14: {{T}} is a placeholder, and nobody fills it",
    "f.sql:2:18: {{ T }} is a placeholder, and nobody fills it",
  ]);
  expect(templatesIn(sql, true)).toEqual([]);
});

test("what another tool was to fill is found once each, whatever stands in it", () => {
  const sql = `create table {{ index .Options "Namespace" }}.t ();\ncreate role \${APP_USER}; select '\${X}';`;

  expect(templatesIn(sql)).toEqual([
    "f.sql:1:14: {{ begins a template, and nobody fills it",
    "f.sql:2:13: ${ begins a template, and nobody fills it",
  ]);
});

const HARMLESS: readonly string[] = [
  `select '{{NAME}}', $$ \${x} {{ y }} $$, "{{z}}" -- {{a}}\n/* \${b} */`,
  "do $body$ begin execute '{{a}}'; end $body$",
  "select '{{1,2},{3,4}}'::int[], '{}'::jsonb",
];
test.each(HARMLESS)("%j has no template", (sql) => {
  expect(templatesIn(sql)).toEqual([]);
});
