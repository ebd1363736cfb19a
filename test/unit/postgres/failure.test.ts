import { expect, test } from "vitest";
import { toPlanStatementError, toStatementError } from "../../../src/postgres/failure.ts";
import type { ServerError } from "../../../src/postgres/sqlstate.ts";
import { readScript, type Script } from "../../../src/sql/script.ts";

function serverError(
  fields: Partial<Omit<ServerError, "name" | "message">> & { message?: string },
): ServerError {
  const { message = "it failed", ...rest } = fields;
  return Object.assign(new Error(message), { code: "XX000", severity: "ERROR", ...rest });
}

const scriptOf = (text: string, vars?: Record<string, string>): Script =>
  readScript({ path: "f.sql", text }, vars).script;

/** Sends the n-th statement (from 0) of a script, as migrations do, and has the server point at `word` in it. */
function placeOf(script: Script, index: number, word: string): string {
  const statement = script.statements[index];
  if (statement === undefined) throw new Error(`the script has no statement ${index}`);
  const before = statement.text.slice(0, statement.text.indexOf(word));
  const error = serverError({ position: String([...before].length + 1) });
  const part = { script, start: statement.start, sql: statement.text };
  const { place } = toStatementError("it failed", error, part, "run again").failure;
  return `${place?.line}:${place?.column}`;
}

const POSITIONS: ReadonlyArray<readonly [what: string, text: string, index: number, place: string]> = [
  ["the first statement", "select NOPE", 0, "1:8"],
  ["a later statement of the same line", "select 1; select NOPE", 1, "1:18"],
  ["a later line", "select 1;\n\n  select\n    NOPE", 1, "4:5"],
  ["characters of two UTF-16 units before it, in the statement", "select '😀😀', NOPE", 0, "1:14"],
  ["characters of two UTF-16 units before it, in another statement", "select '😀😀'; select NOPE", 1, "1:21"],
  ["composed characters, which are several code points", "select 'e\u0301👩‍👧', NOPE", 0, "1:17"],
  ["lines that end in CRLF", "select 1;\r\nselect\r\n  NOPE\r\n", 1, "3:3"],
  ["tabs, each one column", "\tselect\n\t\tNOPE", 0, "2:3"],
  ["a comment before it", "-- ä 😀\n/* b\nc */ select NOPE", 0, "3:13"],
];
test.each(POSITIONS)("a position is found behind %s", (_, text, index, place) => {
  expect(placeOf(scriptOf(text), index, "NOPE")).toBe(place);
});

test("a position behind a filled placeholder is that of the user's file, not of the text that was sent", () => {
  const script = scriptOf("grant usage on schema {{A}} to {{B}}; select NOPE", {
    A: "a_very_long_name_of_a_schema",
    B: "x",
  });

  expect(placeOf(script, 1, "NOPE")).toBe("1:46");
});

test("a position one beyond the end is the end: the statement is incomplete", () => {
  const script = scriptOf("select 1;\nselect (");
  const part = { script, start: 10, sql: "select (" };

  const { place } = toStatementError("x", serverError({ position: "9" }), part, "").failure;

  expect(place).toEqual({ file: "f.sql", line: 2, column: 9 });
});

test("what is in the same message before and behind a statement is no part of its place and reason", () => {
  const script = scriptOf("select '😀', NOPE; select (");
  const before = "begin; set local lock_timeout = 0; ";
  const failureOf = (index: number, position: number, message: string) => {
    const { start = 0, text: sql = "" } = script.statements[index] ?? {};
    const error = serverError({ code: "42601", position: String(position), message });
    return toStatementError("x", error, { script, start, sql, before }, "").failure;
  };

  expect(failureOf(0, before.length + 13, "it failed").place).toEqual({ file: "f.sql", line: 1, column: 13 });
  const incomplete = failureOf(1, before.length + 9, 'syntax error at or near ";"');
  expect(incomplete.place).toEqual({ file: "f.sql", line: 1, column: 27 });
  expect(incomplete.reason).toBe("syntax error at end of input");
});

test("without a position the statement's beginning is the place", () => {
  const script = scriptOf("select 1;\n  insert into t values (1)");
  const part = { script, start: 12, sql: "insert into t values (1)" };

  const { place, excerpt } = toStatementError("x", serverError({}), part, "").failure;

  expect(place).toEqual({ file: "f.sql", line: 2, column: 3 });
  expect(excerpt).toBe("  2 |   insert into t values (1)\n    |   ^");
});

const block = (line: number): string => `PL/pgSQL function inline_code_block line ${line} at RAISE`;

const BLOCKS: ReadonlyArray<readonly [what: string, text: string, where: string | undefined, place: string]> =
  [
    ["the line of the opening quote", "select 1;\ndo $$ begin raise 'x'; end $$", block(1), "2:4"],
    ["a later line", "do $$\nbegin\n  raise 'x';\nend $$", block(3), "3:3"],
    ["a line behind CRLF", "do $$\r\nbegin\r\n\traise 'x';\r\nend $$", block(3), "3:2"],
    ["a line behind emoji", "do $$ -- 😀😀\nbegin -- 😀\n  raise 'x';\nend $$", block(3), "3:3"],
    ["a tagged quote", "do\n  $body_1$\nbegin\n raise 'x'; end $body_1$", block(3), "4:2"],
    [
      "a context of several levels",
      "do $$\nbegin\n  perform f();\nend $$",
      `PL/pgSQL function f() line 9 at RAISE\n${block(3)}`,
      "3:3",
    ],
    ["a line that is not there: the statement", "select 1;\ndo $$ begin end $$", block(9), "2:1"],
    ["no context: the statement", "select 1;\ndo $$\nbegin end $$", undefined, "2:1"],
    [
      "another function's context: the statement",
      "select\n f()",
      "PL/pgSQL function f() line 3 at RAISE",
      "1:1",
    ],
    ["a block that is no dollar quote: the statement", "do 'begin\nraise x; end'", block(2), "1:1"],
  ];
test.each(BLOCKS)("an error at run time of a DO block is placed by %s", (_, text, where, place) => {
  const script = scriptOf(text);
  const statement = script.statements.at(-1);
  const part = { script, start: statement?.start ?? 0, sql: statement?.text ?? "" };
  const error = serverError({ code: "P0001", ...(where === undefined ? {} : { where }) });

  const found = toStatementError("x", error, part, "").failure.place;

  expect(`${found?.line}:${found?.column}`).toBe(place);
});

test("all that PostgreSQL says is kept, in its own words", () => {
  const error = serverError({
    code: "23505",
    message: "could not create unique index",
    detail: "Key (a)=(1) is duplicated.",
    hint: "Remove it.",
    where: "SQL statement",
  });
  const script = scriptOf("select 1");

  const failed = toStatementError(
    "migration 003_x failed",
    error,
    { script, start: 0, sql: "select 1" },
    "run again",
  );

  expect(failed.message).toBe("migration 003_x failed");
  expect(failed.cause).toBe(error);
  expect(failed.failure).toMatchObject({
    sqlstate: "23505",
    reason: "could not create unique index",
    detail: "Key (a)=(1) is duplicated.",
    pgHint: "Remove it.",
    context: "SQL statement",
  });
  expect(failed.next).toBe("there are duplicates (see detail): remove them first; then run again");
});

test("where there is no advice for an SQLSTATE, the way on is what the caller says", () => {
  const script = scriptOf("select 1");

  const failed = toStatementError(
    "x",
    serverError({ code: "P0001" }),
    { script, start: 0, sql: "select 1" },
    "run again",
  );

  expect(failed.next).toBe("run again");
});

test("a statement that slipway wrote itself has no place, and is shown by its first line", () => {
  const long = `CREATE VIEW v AS SELECT ${"x, ".repeat(100)}`;

  const short = toPlanStatementError("x", serverError({ position: "5" }), "CREATE VIEW v AS\nSELECT 1", "");
  const cut = toPlanStatementError("x", serverError({}), `${long}\nFROM t`, "");

  expect(short.failure.place).toBeUndefined();
  expect(short.failure.excerpt).toBe("  CREATE VIEW v AS");
  expect(cut.failure.excerpt).toBe(`  ${long.slice(0, 199)}…`);
});
