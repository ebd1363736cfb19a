import { expect, test } from "vitest";
import { toFiles } from "../../../../src/declarative/dump/files.ts";

const pathsOf = (...paths: readonly (readonly string[])[]): readonly string[] =>
  toFiles(paths.map((path) => ({ path, sql: "select 1" }))).map(({ path }) => path);

test("statements of one object are one file, each ended and apart", () => {
  const path = ["app", "tables", "orders"];

  expect(
    toFiles([
      { path, sql: "create table app.orders ()" },
      { path, sql: "comment on table app.orders is 'x'; " },
    ]),
  ).toEqual([
    {
      path: "schemas/app/tables/orders.sql",
      text: "create table app.orders ();\n\ncomment on table app.orders is 'x';\n",
    },
  ]);
});

test("no name leads out of the folder or means something to a file system", () => {
  expect(pathsOf(["..", "tables", "a/b"], ["app", "tables", "x.sql"], ["app", "views", " y:"])).toEqual([
    "schemas/%2E%2E/tables/a%2Fb.sql",
    "schemas/app/tables/x%2Esql.sql",
    "schemas/app/views/%20y%3A.sql",
  ]);
});

test("names that differ in case alone are files that differ in more", () => {
  const folded = pathsOf(
    ["app", "tables", "Orders"],
    ["app", "tables", "ORDERS"],
    ["app", "tables", "orders"],
  ).map((path) => path.toLowerCase());

  expect(new Set(folded).size).toBe(3);
  expect(folded).toContain("schemas/app/tables/orders.sql");
});
