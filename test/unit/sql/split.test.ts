import { expect, test } from "vitest";
import { splitStatements } from "../../../src/sql/split.ts";

function texts(sql: string): string[] {
  return splitStatements(sql).statements.map(({ text }) => text);
}

const BODY = `create function f(a int) returns int
begin atomic
  select case when a = 1 then 2 else 3 end;
  select a.case, 1 as end from a;
end`;

const CASES: ReadonlyArray<readonly [what: string, sql: string, statements: readonly string[]]> = [
  ["two statements", "select 1; select 2", ["select 1", "select 2"]],
  [
    "empty statements vanish",
    ";; select 1 ;;\n; /* only a comment */ ; select 2;;",
    ["select 1", "select 2"],
  ],
  ["an empty file", "", []],
  ["white space and comments only", " \n-- a;\n/* b; */", []],
  [
    "literals",
    "select ';', E'\\';', $$;$$, $a$;$$;$a$; select 1",
    ["select ';', E'\\';', $$;$$, $a$;$$;$a$", "select 1"],
  ],
  ["quoted names", 'select 1 as "a;""b"; select 2', ['select 1 as "a;""b"', "select 2"]],
  ["nested comments", "/* a /* b */ ; */ select 1; select 2", ["select 1", "select 2"]],
  [
    "comments inside a statement stay",
    "select -- a;\n 1 /* ; */ + 2; select 3",
    ["select -- a;\n 1 /* ; */ + 2", "select 3"],
  ],
  ["a comment behind the last token goes", "select 1 -- a\n; select 2 /* b */", ["select 1", "select 2"]],
  [
    "a rule's statements in parentheses",
    "create rule r as on insert to t do also (insert into a values (1); delete from b); select 1",
    ["create rule r as on insert to t do also (insert into a values (1); delete from b)", "select 1"],
  ],
  ["a parenthesis too many", "select 1); select 2", ["select 1)", "select 2"]],
  ["an SQL-standard body", `${BODY}; select 4`, [BODY, "select 4"]],
  [
    "a procedure with OR REPLACE and an empty body",
    "create or replace procedure p() begin atomic end; select 1",
    ["create or replace procedure p() begin atomic end", "select 1"],
  ],
  [
    "CASE in parentheses in a body",
    "create function f() returns int begin atomic select (case when true then 1 end); end; select 1",
    ["create function f() returns int begin atomic select (case when true then 1 end); end", "select 1"],
  ],
  [
    "a function named begin",
    "create function begin() returns int language sql return 1; select 1",
    ["create function begin() returns int language sql return 1", "select 1"],
  ],
  ["atomic without a routine", "begin; select atomic; end", ["begin", "select atomic", "end"]],
  ["a placeholder", "create role {{A}}; create role {{B}}", ["create role {{A}}", "create role {{B}}"]],
  ["carriage returns", "select 1;\r\nselect 2;\r\n", ["select 1", "select 2"]],
  ["a psql command ends a statement", "select 1 \\gexec\nselect 2;\n\\q\n", ["select 1", "select 2"]],
  [
    "rows of a COPY are passed over",
    "copy t (a) from stdin;\nit's; a row\n\\N\t;\n\\.\n\nselect 1;",
    ["copy t (a) from stdin", "select 1"],
  ],
  ["a COPY without its rows", "copy t from stdin; select 1", ["copy t from stdin", "select 1"]],
];
for (const [what, sql, statements] of CASES) {
  test(`${what}: ${statements.length} statements`, () => {
    expect(texts(sql)).toEqual(statements);
  });
}

test("a statement knows its offsets, its line and its column in code points", () => {
  const sql = "-- one\nselect '😀';  /* two */ select 2;\r\n\tselect 3";

  expect(splitStatements(sql).statements).toMatchObject([
    { start: 7, end: 18, line: 2, column: 1 },
    { start: 31, end: 39, line: 2, column: 24 },
    { start: 43, end: 51, line: 3, column: 2 },
  ]);
});

test("directives before, inside and on the line behind a statement are the statement's", () => {
  const sql = `
-- slipway: optional
-- slipway: allow drop-table
drop table a; -- slipway:allow lock-table
/* slipway: no-transaction */
drop table b
  -- Slipway : ALLOW Drop-Column
  cascade;
-- slipway is mentioned only
drop table c;`;

  const directives = splitStatements(sql).statements.map((statement) =>
    statement.directives.map(({ name, argument }) => `${name}:${argument}`),
  );

  expect(directives).toEqual([
    ["optional:", "allow:drop-table", "allow:lock-table"],
    ["no-transaction:", "allow:Drop-Column"],
    [],
  ]);
});

test("directives before the first statement speak of the file as well", () => {
  const { directives } = splitStatements(
    "-- slipway: no-transaction\nselect 1;\n-- slipway: optional\nselect 2;",
  );

  expect(directives).toEqual([{ name: "no-transaction", argument: "", tool: "slipway", start: 0 }]);
});

const FOREIGN: ReadonlyArray<readonly [tool: string, comment: string]> = [
  ["goose", "-- +goose NO TRANSACTION"],
  ["dbmate", "-- migrate:up transaction:false"],
  ["sqlx", "-- no-transaction"],
  ["tern", "---- tern: disable-tx ----"],
  ["morph", "-- morph:nontransactional"],
  ["concourse", "-- NO_TRANSACTION"],
  ["flyway", "-- flyway:executeInTransaction=false"],
  ["postgres-migrations", "-- postgres-migrations disable-transaction"],
  ["atlas", "-- atlas:txmode none"],
  ["graphile-migrate", "--! no-transaction"],
  ["sql-migrate", "-- +migrate Up notransaction"],
  ["liquibase", "--changeset me:1 runInTransaction:false"],
];
for (const [tool, comment] of FOREIGN) {
  test(`${comment} at the head is understood as ${tool}'s no-transaction`, () => {
    const head = splitStatements(`-- a file\n${comment}\nvacuum t;`);
    const later = splitStatements(`select 1;\n${comment}\nvacuum t;`);

    expect(head.directives).toMatchObject([{ name: "no-transaction", tool }]);
    expect(later.directives).toEqual([]);
  });
}

test("comments of other tools that don't say so are no directives", () => {
  const sql = "-- +goose Up\n-- migrate:up\n-- atlas:txmode file\nselect 1;";

  expect(splitStatements(sql).directives).toEqual([]);
});

test("what is never closed is named with its place, and is part of the last statement", () => {
  const { statements, unterminated } = splitStatements("select 1;\nselect 'abc; select 2");

  expect(statements.map(({ text }) => text)).toEqual(["select 1", "select 'abc; select 2"]);
  expect(unterminated).toMatchObject({ kind: "string", start: 17, closed: false });
});

const LONG: ReadonlyArray<readonly [what: string, sql: string]> = [
  ["statements on one line", "select 1;".repeat(50_000)],
  ["COPY statements without rows", "copy t from stdin;\n".repeat(25_000)],
  ["semicolons", ";".repeat(500_000)],
  ["directives", "-- slipway: allow x\n".repeat(25_000)],
];
for (const [what, sql] of LONG) {
  test(`half a megabyte of ${what} is split in linear time`, () => {
    const started = performance.now();

    splitStatements(sql);

    expect(performance.now() - started).toBeLessThan(2_000);
  });
}
