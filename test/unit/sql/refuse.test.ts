import { expect, test } from "vitest";
import { formatProblem } from "../../../src/errors.ts";
import { findRefusals } from "../../../src/sql/refuse.ts";

function refusals(sql: string): string[] {
  return findRefusals("f.sql", sql).map(({ at, message }) => formatProblem({ at, message }));
}

function hintsOf(sql: string): (string | undefined)[] {
  return findRefusals("f.sql", sql).map(({ hint }) => hint);
}

const META: ReadonlyArray<readonly [command: string, hint: RegExp]> = [
  ["\\restrict abc", /output of pg_dump/],
  ["\\unrestrict abc", /output of pg_dump/],
  ["\\connect shop", /output of pg_dump/],
  ["\\c shop", /can't change the database/],
  ["\\i other.sql", /copy the other file/],
  ["\\copy t from 'x'", /INSERT/],
  ["\\set a 1", /remove the line/],
  ["\\.", /data of a COPY/],
];
for (const [command, hint] of META) {
  test(`${command} is refused as a command of psql, with a remedy`, () => {
    const sql = `select 1;\n  ${command}\nselect 2;`;
    const [name = ""] = command.split(" ");

    expect(refusals(sql)).toEqual([`f.sql:2:3: ${name} is a command of psql, not SQL`]);
    expect(hintsOf(sql)).toEqual([expect.stringMatching(hint)]);
  });
}

test("a command of psql behind a query is refused at its place", () => {
  expect(refusals("select 'drop table a'\\gexec")).toEqual([
    "f.sql:1:22: \\gexec is a command of psql, not SQL",
  ]);
});

const VARIABLES: ReadonlyArray<readonly [sql: string, place: string]> = [
  ["select :name", "1:8"],
  ["select\n  :'name'", "2:3"],
  ['create table :"name" ()', "1:14"],
  ["select f(:a)", "1:10"],
  ["select json_object('a' value :b), :c", "1:35"],
  ["select 1; select a[1], :b", "1:24"],
];
for (const [sql, place] of VARIABLES) {
  test(`${JSON.stringify(sql)} has a variable of psql at ${place}`, () => {
    expect(refusals(sql)).toEqual([`f.sql:${place}: a variable of psql, which nobody fills`]);
  });
}

const HARMLESS: readonly string[] = [
  "select a::int, b ::text, '1'::numeric(1)",
  "do $$ declare a int := 1; b int :=a; begin a:=b; end $$",
  "select a[1:2], a[1:n], a[:n], a[f(1):n]",
  "select json_object('a':b, 'c' : d), json_objectagg(k:v)",
  "select ':a', E':a\\'', $$ :a $$, ':\"b\"', \":c\" -- :d\n/* :e */",
  "select '\\i x', E'\\\\', $$\\gexec$$ -- \\i\n/* \\c */",
  "select '12:30:00'::time",
  "copy t from '/tmp/x'",
  "copy (select 1) to program 'cat'",
  "copy stdin from 'x'",
  "set standard_conforming_strings = on",
  "set standard_conforming_strings to 'on'",
  "set client_encoding = 'UTF8'",
  "SET client_encoding TO 'utf-8'",
  "set names 'unicode'",
  "reset client_encoding",
  "set client_encoding to default",
  "set local search_path to a",
  "create role {{APP_USER}}",
  "-- +goose Up\nselect 1;\n-- +goose StatementBegin\nselect 2;\n-- +goose StatementEnd",
  "select '-- migrate:down'",
];
for (const sql of HARMLESS) {
  test(`${JSON.stringify(sql)} is not refused`, () => {
    expect(refusals(sql)).toEqual([]);
  });
}

const STATEMENTS: ReadonlyArray<readonly [sql: string, problem: string]> = [
  ["copy t (a, b) from stdin", "COPY FROM STDIN reads its rows from the client, and there is none"],
  [
    "COPY t FROM STDIN WITH (FORMAT csv)",
    "COPY FROM STDIN reads its rows from the client, and there is none",
  ],
  ["copy (select * from stdin) to stdout", "COPY TO STDOUT writes to the client, and there is none"],
  [
    "set standard_conforming_strings = off",
    "SET standard_conforming_strings changes where literals end, here and in later files",
  ],
  [
    "set session standard_conforming_strings to default",
    "SET standard_conforming_strings changes where literals end, here and in later files",
  ],
  ["set client_encoding = 'LATIN1'", "SET client_encoding to something that this file is not sent in"],
  [
    "set local client_encoding to sql_ascii",
    "SET client_encoding to something that this file is not sent in",
  ],
  ["set names 'win1252'", "SET client_encoding to something that this file is not sent in"],
];
for (const [sql, problem] of STATEMENTS) {
  test(`${sql} is refused`, () => {
    expect(refusals(`select 1;\n${sql};`)).toEqual([`f.sql:2:1: ${problem}`]);
  });
}

const UNCLOSED: ReadonlyArray<readonly [sql: string, problem: string, hint: RegExp]> = [
  ["select 'abc;", "1:8: a literal that is never closed", /''/],
  ["select E'abc\\';", "1:8: a literal that is never closed", /backslash/],
  ['select "abc;', "1:8: a quoted name that is never closed", /""/],
  ["select 1;\n do $body$ begin", "2:5: a dollar-quoted text that is never closed", /\$body\$/],
  ["select 1;\n/* a /* b */", "2:1: a comment that is never closed", /nest/],
];
for (const [sql, problem, hint] of UNCLOSED) {
  test(`${JSON.stringify(sql)} is refused at the opening`, () => {
    expect(refusals(sql)).toEqual([`f.sql:${problem}`]);
    expect(hintsOf(sql)).toEqual([expect.stringMatching(hint)]);
  });
}

test("a NUL byte is refused", () => {
  expect(refusals("select 1;\nselect '\0'")).toEqual([
    "f.sql:2:9: a NUL byte, which would end the text for PostgreSQL",
  ]);
});

const DOWN: readonly string[] = [
  "-- +goose Down",
  "-- +migrate Down",
  "-- migrate:down",
  "---- create above / drop below ----",
];
for (const marker of DOWN) {
  test(`a file that goes on behind "${marker}" is refused: it would undo itself`, () => {
    expect(refusals(`create table a ();\n${marker}\ndrop table a;`)).toEqual([
      "f.sql:2:1: the part of another tool's file that undoes the part above it",
    ]);
  });
}

test("all refusals are found, in the order of the file, each with its line", () => {
  const sql =
    "\\restrict x\nset standard_conforming_strings = off;\ncopy t from stdin;\n1\t:x it's\n\\.\nselect :v;\n";

  const problems = findRefusals("dump.sql", sql);

  expect(problems.map(({ at, excerpt }) => [at, excerpt])).toEqual([
    [{ file: "dump.sql", line: 1, column: 1 }, "  1 | \\restrict x\n    | ^"],
    [{ file: "dump.sql", line: 2, column: 1 }, "  2 | set standard_conforming_strings = off;\n    | ^"],
    [{ file: "dump.sql", line: 3, column: 1 }, "  3 | copy t from stdin;\n    | ^"],
    [{ file: "dump.sql", line: 6, column: 8 }, "  6 | select :v;\n    |        ^"],
  ]);
});

test("of very many refusals the first fifty are shown, and the others counted", () => {
  const problems = findRefusals("f.sql", "select :x;\n".repeat(60));

  expect(problems).toHaveLength(51);
  expect(problems.at(-1)).toEqual({ at: { file: "f.sql" }, message: "10 more problems of these kinds" });
});
