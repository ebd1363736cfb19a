import { existsSync, globSync, readFileSync } from "node:fs";
import { loadModule, parseSync, scanSync } from "libpg-query";
import { beforeAll, expect, test, vi } from "vitest";
import { tokenize } from "../../../src/sql/lexer.ts";
import { splitStatements } from "../../../src/sql/split.ts";

beforeAll(loadModule);

// Every text is read twice, thousands of them, beside other tests.
vi.setConfig({ testTimeout: 120_000 });

const CORPUS = new URL("../../../../shared/corpora/pgschema-diff", import.meta.url).pathname;

/** The repository's own files. */
const OWN = ["schema", "examples"].flatMap((folder) =>
  globSync(`${new URL(`../../../${folder}`, import.meta.url).pathname}/**/*.sql`),
);

/** PostgreSQL's byte offsets as UTF-16 offsets. */
function toUtf16(sql: string): (byte: number) => number {
  const bytes = Buffer.from(sql);
  return (byte) => bytes.subarray(0, byte).toString().length;
}

/** `start-end` of every token but comments, as PostgreSQL's scanner has it; undefined when it refuses. */
function serverTokens(sql: string): string[] | undefined {
  if (sql === "") return [];
  const utf16 = toUtf16(sql);
  try {
    return scanSync(sql)
      .tokens.filter(({ tokenName }) => !tokenName.endsWith("COMMENT"))
      .map(({ start, end }) => `${utf16(start)}-${utf16(end)}`);
  } catch {
    return undefined;
  }
}

/** `start-end` of every statement from its first token to its last; undefined when it can't be parsed. */
function serverStatements(sql: string): string[] | undefined {
  const tokens = serverTokens(sql)?.map((range) => range.split("-").map(Number));
  if (tokens === undefined) return undefined;
  const utf16 = toUtf16(sql);
  const parsed = tryParse(sql);
  return parsed?.map(({ stmt_location = 0, stmt_len }) => {
    const from = utf16(stmt_location);
    const to = stmt_len === undefined ? sql.length : utf16(stmt_location + stmt_len);
    const own = tokens.filter(([start = 0, end = 0]) => start >= from && end <= to);
    const last = own.findLast(([start]) => sql[start ?? 0] !== ";");
    return `${own[0]?.[0]}-${last?.[1]}`;
  });
}

function tryParse(sql: string) {
  if (sql.trim() === "") return [];
  try {
    return parseSync(sql).stmts ?? [];
  } catch {
    return undefined;
  }
}

function ourTokens(sql: string): string[] {
  return tokenize(sql)
    .filter(({ kind }) => kind !== "comment")
    .map(({ start, end }) => `${start}-${end}`);
}

function ourStatements(sql: string): string[] {
  return splitStatements(sql).statements.map(({ start, end }) => `${start}-${end}`);
}

/** What stands between the statements besides white space, comments, psql's commands and semicolons. */
function leftovers(sql: string): string {
  const { statements } = splitStatements(sql);
  let at = 0;
  let between = "";
  for (const { start, end, text } of statements) {
    expect(sql.slice(start, end)).toBe(text);
    expect(start).toBeGreaterThanOrEqual(at);
    between += `${sql.slice(at, start)}\n`;
    at = end;
  }
  between += sql.slice(at);
  return tokenize(between)
    .filter(({ kind }) => kind !== "comment" && kind !== "metaCommand")
    .map(({ start, end }) => between.slice(start, end))
    .join("")
    .replaceAll(";", "");
}

const TEXTS: readonly string[] = [
  "select 1; select 'a;b'; select E'a\\';b'; select $$a;b$$; select $x$ $$ ; $x$; select \"a;b\" from t;",
  "select 'é😀;'; /* é😀; */ select '日本' as \"größe;\"; -- 😀;\nselect größe from täble;;",
  "/* a /* b; */ ; */ select 1 /* c; */; -- d; e\r\nselect 2\r; --\n;",
  "select U&'\\0061;' uescape '!', U&\"d\\0061;\" from t; select B'01', X'1f', N'a;b';",
  "select 'a;'\n  'b;', E'a'\n'b\\';' ; select 2;",
  "select a[1:2], b::text, c->>'d', e#>>'{f}', -1, @-1, 2*-3, 4<--;\n5; select .5, 1., 1e5, 1.5e-3, 0x1F, 0o7, 0b1, 1_000;",
  "create rule r as on insert to t do also (insert into a values (1); delete from b;); select 1;",
  "create function f() returns int language sql begin atomic select case when true then 1 else 2 end; select 2; end; select 1;",
  "create or replace procedure p(a int) language sql begin atomic insert into t values (a); update t set b = case a when 1 then case when true then 2 end end; end; select 1;",
  "create function begin(a int) returns int language sql return a; select 1;",
  "create function f() returns int language plpgsql as $f$ begin if true then return 1; end if; end; $f$; select 1;",
  "do $$ begin execute $q$ select ';' $q$; end $$; select 1",
  "prepare a(int) as select $1; execute a(1); select $1;",
  "begin; savepoint a; rollback to a; commit; start transaction isolation level serializable; end;",
  "create schema s create table t (a int) create view v as select 1; select 2;",
  "create table t (a int check (a > 0), b text default ';'); comment on table t is 'a;''b;';",
  "select 1 operator(pg_catalog.+) 2; select a ? 'b', a ?| array['c'], a @? '$.d';",
  "select\f1;\u000bselect 2;\tselect 3",
  "copy t from '/tmp/x;y'; copy (select ';') to '/tmp/z';",
  "select a$$b, _$1$ from t; select a$b$c from t",
  "",
  ";",
  " \n-- nothing\n",
];

// The first is nonsense to the grammar. The second the server takes, but libpg-query's scanner, made to
// keep comments as tokens, lets none stand between the parts of a continued literal.
const REFUSED: readonly string[] = [
  "select 1..2[1]; select 3",
  "select E'a' -- x;\n -- y;\n 'b\\';'; select 3;",
];

test("a text of every lexical form is split and read as PostgreSQL does", () => {
  for (const sql of [...TEXTS, ...REFUSED]) {
    const statements = serverStatements(sql);
    if (statements !== undefined) expect(ourStatements(sql)).toEqual(statements);
    expect(leftovers(sql)).toBe("");
  }
  expect([...TEXTS, ...REFUSED].filter((sql) => serverStatements(sql) === undefined)).toEqual(REFUSED);
});

test("every file of the corpora is split and read as PostgreSQL does", ({ skip }) => {
  if (!existsSync(CORPUS)) skip("no corpora beside the repository");
  const files = globSync(`${CORPUS}/**/*.sql`);
  const refused = files.filter((file) => {
    const sql = readFileSync(file, "utf8");
    const statements = serverStatements(sql);
    expect(ourStatements(sql), file).toEqual(statements ?? ourStatements(sql));
    expect(ourTokens(sql), file).toEqual(serverTokens(sql));
    expect(leftovers(sql), file).toBe("");
    return statements === undefined;
  });

  expect(files.length).toBeGreaterThan(100);
  expect(refused).toEqual([]);
});

test("every file of the repository's own is split and read as PostgreSQL does", () => {
  for (const file of OWN) {
    const sql = readFileSync(file, "utf8");
    expect(serverStatements(sql), file).toBeDefined();
    expect(ourStatements(sql), file).toEqual(serverStatements(sql));
    expect(ourTokens(sql), file).toEqual(serverTokens(sql));
  }
  expect(OWN.length).toBeGreaterThan(20);
});

test("all files of the corpora glued together are split as PostgreSQL does", ({ skip }) => {
  if (!existsSync(CORPUS)) skip("no corpora beside the repository");
  const sql = globSync(`${CORPUS}/**/*.sql`)
    .map((file) => readFileSync(file, "utf8"))
    .join("\n;\n");

  expect(ourStatements(sql).length).toBe(tryParse(sql)?.length);
});

/** mulberry32: the same numbers for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function pick<T>(next: () => number, from: readonly [T, ...T[]]): T {
  return from[Math.floor(next() * from.length)] ?? from[0];
}

const PIECES: readonly [string, ...string[]] = [
  "select",
  "a",
  "_b1",
  "c$d",
  "größe",
  "E",
  "u",
  "U&",
  "x",
  "begin",
  "end",
  "case",
  "'a'",
  "'it''s;'",
  "'\\'",
  "E'\\''",
  "e'a\\\\'",
  "E''",
  "B'01'",
  "x'1f'",
  "U&'\\0061'",
  'U&"d"',
  '"a"',
  '"b"";"',
  "$$a;'$$",
  "$x$ $$ $x$",
  "$é$;$é$",
  "$1",
  "$$",
  "1",
  "1.5",
  ".5",
  "1.",
  "1e5",
  "0x1F",
  "1_000",
  "..",
  "+",
  "-",
  "*",
  "/",
  "<",
  "@-",
  "<>",
  "=",
  "!",
  "|/",
  "#>>",
  "?",
  "::",
  ":=",
  "=>",
  ":",
  ",",
  ".",
  "(",
  ")",
  "[",
  "]",
  ";",
  ";",
  "--",
  "-- c;'\n",
  "/*",
  "*/",
  "/* c; */",
  "/* /* n */ ' */",
  "\n",
  "\r\n",
  " ",
  " ",
  " ",
  "\t",
  "\n",
  "😀",
  "\u00a0",
];

// A bit string goes on in a later line by rules of its own, which nothing here depends on; for a comment
// inside a continued literal see REFUSED.
const BEYOND_COMPARISON = /[bx]'[^']*'\s*[\r\n]|'\s*--[^\r\n]*[\r\n]\s*(?:--[^\r\n]*[\r\n]\s*)*'/i;

test("random lexical pieces are read as PostgreSQL's scanner reads them", () => {
  const next = random(20_261_123);
  let agreed = 0;
  for (let round = 0; round < 4_000; round += 1) {
    const sql = Array.from({ length: 1 + Math.floor(next() * 12) }, () => pick(next, PIECES)).join("");
    expect(leftovers(sql), JSON.stringify(sql)).toBe("");
    const tokens = serverTokens(sql);
    // A backslash outside literals is psql's, and no token to the server.
    const isPsql = tokenize(sql).some(({ kind }) => kind === "metaCommand");
    if (tokens === undefined || isPsql || BEYOND_COMPARISON.test(sql)) continue;
    agreed += 1;
    expect(mergeContinued(sql), JSON.stringify(sql)).toEqual(tokens);
  }
  expect(agreed).toBeGreaterThan(1_000);
});

/** Our tokens, with a literal continued on a later line as the one that PostgreSQL makes of it. */
function mergeContinued(sql: string): string[] {
  const merged: { start: number; end: number; kind: string }[] = [];
  for (const token of tokenize(sql)) {
    if (token.kind === "comment") continue;
    const last = merged.at(-1);
    const between = last === undefined ? "" : sql.slice(last.end, token.start).replace(/--[^\r\n]*/g, "");
    const continues =
      last !== undefined &&
      /string/i.test(last.kind) &&
      last.kind !== "dollarString" &&
      sql[token.start] === "'" &&
      /^\s*[\r\n]\s*$/.test(between);
    if (continues) last.end = token.end;
    else merged.push({ start: token.start, end: token.end, kind: token.kind });
  }
  return merged.map(({ start, end }) => `${start}-${end}`);
}

test("real statements with random pieces put in, and parts cut out, are read as PostgreSQL reads them", () => {
  const next = random(7);
  const from = (count: number): number => Math.floor(next() * count);
  const statements = OWN.flatMap((file) => splitStatements(readFileSync(file, "utf8")).statements).filter(
    ({ text }) => text.length < 2_000,
  );
  let [agreedTokens, agreedStatements] = [0, 0];
  for (let round = 0; round < 2_000; round += 1) {
    const some = Array.from({ length: 1 + from(3) }, () => statements[from(statements.length)]?.text ?? "");
    let sql = `${some.join(";\n")};`;
    for (let change = from(3); change > 0; change -= 1) {
      const bounds = tokenize(sql).flatMap(({ start, end }) => [start, end]);
      const at = bounds[from(bounds.length)] ?? 0;
      const to = next() < 0.5 ? at : at + from(20);
      sql = `${sql.slice(0, at)}${next() < 0.7 ? pick(next, PIECES) : ""}${sql.slice(to)}`;
    }
    expect(leftovers(sql), JSON.stringify(sql)).toBe("");
    const tokens = serverTokens(sql);
    const isPsql = tokenize(sql).some(({ kind }) => kind === "metaCommand");
    if (tokens === undefined || isPsql || BEYOND_COMPARISON.test(sql)) continue;
    agreedTokens += 1;
    expect(mergeContinued(sql), JSON.stringify(sql)).toEqual(tokens);
    const found = serverStatements(sql);
    if (found === undefined) continue;
    agreedStatements += 1;
    expect(ourStatements(sql), JSON.stringify(sql)).toEqual(found);
  }
  expect(agreedTokens).toBeGreaterThan(1_000);
  expect(agreedStatements).toBeGreaterThan(500);
});

const EXPRESSIONS: readonly [string, ...string[]] = [
  "1",
  "'a;'",
  "'it''s'",
  "E'\\';'",
  "$$;$$",
  "$q$ $$;' $q$",
  '"c;"',
  "x",
  "f(a, b)",
  "(select ';')",
  "U&'\\0061;'",
  "case when a then ';' else b end",
  "a::text",
  "b[1:2]",
  "-1",
  "@-1",
  "'é😀'",
  "größe",
  "B'01'",
  "'a'\n';'",
  "E'a'\n'\\';'",
];
const GAPS: readonly [string, ...string[]] = [
  " ",
  "\n",
  "\r\n",
  "\t",
  " -- c;'\"\n",
  " /* c; /* $$ */ ' */ ",
  " -- 😀;\r",
];
const FRAMES: readonly [(body: string) => string, ...((body: string) => string)[]] = [
  (body) => `select ${body}`,
  (body) => `select ${body}`,
  (body) => `insert into t values (${body})`,
  (body) => `do $do$ begin perform ${body}; end $do$`,
  (body) => `create rule r as on insert to t do also (select ${body}; select 1)`,
  (body) => `create function f() returns int language sql begin atomic select ${body}; select 1; end`,
  (body) => `create or replace procedure p() begin atomic select ${body}; end`,
  (body) => `create function begin() returns int language sql return ${body}`,
  () => "",
  () => "begin",
  () => "end",
];

test("random statements are split as PostgreSQL splits them", () => {
  const next = random(42);
  let agreed = 0;
  for (let round = 0; round < 2_000; round += 1) {
    const sql = Array.from({ length: 1 + Math.floor(next() * 4) }, () => {
      const body = Array.from({ length: 1 + Math.floor(next() * 3) }, () => pick(next, EXPRESSIONS));
      const statement = pick(next, FRAMES)(body.join(`,${pick(next, GAPS)}`));
      return `${pick(next, GAPS)}${statement}${pick(next, GAPS)};`;
    }).join("");
    expect(leftovers(sql), JSON.stringify(sql)).toBe("");
    const statements = serverStatements(sql);
    if (statements === undefined) continue;
    agreed += 1;
    expect(ourStatements(sql), JSON.stringify(sql)).toEqual(statements);
  }
  expect(agreed).toBeGreaterThan(1_500);
});
