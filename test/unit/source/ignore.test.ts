import type { StableId } from "@supabase/pg-delta/core";
import { expect, test } from "vitest";
import { formatProblem } from "../../../src/errors.ts";
import { parseIgnore } from "../../../src/source/ignore.ts";

const FILE = ".slipwayignore";

const MATCHES: ReadonlyArray<readonly [rule: string, kind: string, name: string, isIgnored: boolean]> = [
  ["table app.tmp_*", "table", "app.tmp_1", true],
  ["table app.tmp_*", "table", "app.tmp", false],
  ["table app.tmp_*", "view", "app.tmp_1", false],
  ["table app.tmp_*", "table", "app2.tmp_1", false],
  ["table *.t", "table", "app.t", true],
  ["index *.*_old", "index", "app.orders_old", true],
  ["index *.*_old", "index", "app.orders_old2", false],
  ["schema audit", "schema", "audit", true],
  ["SCHEMA audit", "schema", "audit", true],
  ["schema Audit", "schema", "audit", false],
  ["table app.a?", "table", "app.ab", true],
  ["table app.a?", "table", "app.a.", false],
  ["table app.*", "table", "app.a.b", false],
  ["table app.**", "table", "app.a.b", true],
  ["column app.orders.legacy_*", "column", "app.orders.legacy_id", true],
  ["column **.legacy", "column", "app.orders.legacy", true],
  ["materialized view app.m", "materializedView", "app.m", true],
  ["event trigger audit_*", "eventTrigger", "audit_ddl", true],
  ["function app.f", "function", "app.f(integer, text)", true],
  ["function app.f", "function", "app.f2(integer)", false],
  ["function app.f(integer)", "function", "app.f(integer)", true],
  ["function app.f(integer)", "function", "app.f(text)", false],
  ["function app.f(app.mood[])", "function", "app.f(app.mood[])", true],
  ["grant app.orders", "acl", "app.orders to reader", true],
  ["grant app.orders to reader", "acl", "app.orders to writer", false],
  ["grant ** to reader", "acl", "app.orders to reader", true],
  ["policy app.orders.own rows", "policy", "app.orders.own rows", true],
  ["* app.tmp_*", "sequence", "app.tmp_1", true],
  ["* app.tmp_*", "column", "app.tmp_1.id", false],
  [String.raw`table app.a\*`, "table", "app.a*", true],
  [String.raw`table app.a\*`, "table", "app.ab", false],
  ["table app.größe_*", "table", "app.größe_1", true],
];
test.each(MATCHES)("%s matches %s %s: %s", (rule, kind, name, isIgnored) => {
  const reading = parseIgnore(FILE, rule);

  expect(reading.problems).toEqual([]);
  expect(reading.isIgnored(kind, name)).toBe(isIgnored);
});

test("the last rule that matches wins, and comments and empty lines are none", () => {
  const { isIgnored, problems } = parseIgnore(
    FILE,
    "# partman's\r\n\r\ntable app.tmp_*\r\n!table app.tmp_keep*\r\n  table app.tmp_keep_not\n",
  );

  expect(problems).toEqual([]);
  expect(["app.tmp_1", "app.tmp_keep", "app.tmp_keep_not"].map((name) => isIgnored("table", name))).toEqual([
    true,
    false,
    true,
  ]);
});

const REFUSED: ReadonlyArray<readonly [text: string, problem: string]> = [
  ["\ntabel app.t", `${FILE}:2:1: "tabel" is no kind of object (did you mean table?)`],
  ["  !  colum app.t.c", `${FILE}:1:6: "colum" is no kind of object (did you mean column?)`],
  ["table", `${FILE}:1:6: names a kind and no object (write a name or a pattern: table app.name)`],
  [
    "table tmp_*",
    `${FILE}:1:7: the name of a table has 2 parts, this one matches none (as plans show it: table *.tmp_*)`,
  ],
  [
    "column orders.c",
    `${FILE}:1:8: the name of a column has 3 parts, this one matches none (as plans show it: column *.orders.c)`,
  ],
];
test.each(REFUSED)("%j is refused", (text, problem) => {
  expect(parseIgnore(FILE, text).problems.map(formatProblem)).toEqual([problem]);
});

test("what is no kind and near to none is answered with the list", () => {
  const [problem] = parseIgnore(FILE, "app.*").problems;

  expect(problem?.hint).toMatch(/^one of aggregate, .*view, or \* for any$/);
});

/** Every kind that the engine knows; undefined for those of the cluster, and for parts of a publication. */
const WORDS: Readonly<Record<StableId["kind"], string | undefined>> = {
  aggregate: "aggregate",
  acl: "grant",
  collation: "collation",
  column: "column",
  comment: "comment",
  constraint: "constraint",
  default: "default",
  defaultPrivilege: "default privileges",
  domain: "domain",
  eventTrigger: "event trigger",
  extension: "extension",
  extensionIntent: undefined,
  fdw: "foreign data wrapper",
  foreignTable: "foreign table",
  function: "function",
  index: "index",
  language: "language",
  materializedView: "materialized view",
  membership: undefined,
  policy: "policy",
  procedure: "procedure",
  publication: "publication",
  publicationRel: undefined,
  publicationSchema: undefined,
  role: undefined,
  rule: "rule",
  schema: "schema",
  securityLabel: "security label",
  sequence: "sequence",
  server: "server",
  subscription: undefined,
  table: "table",
  trigger: "trigger",
  type: "type",
  typeAttribute: "attribute",
  userMapping: undefined,
  view: "view",
};
test.each(Object.entries(WORDS))("a rule for the kind %s says %s", (kind, word) => {
  if (word === undefined) return;
  const { isIgnored, problems } = parseIgnore(FILE, `${word} **`);

  expect(problems).toEqual([]);
  expect(
    isIgnored(kind, ["aggregate", "function", "procedure"].includes(kind) ? "a.f(integer)" : "a.b to x"),
  ).toBe(true);
});
