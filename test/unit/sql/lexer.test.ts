import { expect, test } from "vitest";
import { type Token, tokenize } from "../../../src/sql/lexer.ts";

function pieces(sql: string): string[] {
  return tokenize(sql).map(({ kind, start, end }) => `${kind} ${sql.slice(start, end)}`);
}

function kinds(sql: string): string[] {
  return tokenize(sql).map(({ kind }) => kind);
}

const FORMS: ReadonlyArray<readonly [sql: string, ...expected: string[]]> = [
  ["select", "word select"],
  ["_a$1é", "word _a$1é"],
  ["größe\u00a0x", "word größe\u00a0x"],
  ["a$$b$$", "word a$$b$$"],
  ['"a""b;"', 'quotedIdentifier "a""b;"'],
  ['U&"d\\0061" x', 'quotedIdentifier U&"d\\0061"', "word x"],
  ["'it''s'", "string 'it''s'"],
  ["'a\\'", "string 'a\\'"],
  ["E'a\\'b'", "escapeString E'a\\'b'"],
  ["e'\\\\'", "escapeString e'\\\\'"],
  ["E'a'''", "escapeString E'a'''"],
  ["B'01' x'1F' N'n' U&'\\0061'", "string B'01'", "string x'1F'", "string N'n'", "string U&'\\0061'"],
  ["foo'a'", "word foo", "string 'a'"],
  ["fooE'a\\'", "word fooE", "string 'a\\'"],
  ["$$a'b$$", "dollarString $$a'b$$"],
  ["$a$ $b$ $$ $a$", "dollarString $a$ $b$ $$ $a$"],
  ["$A$ $a$ $A$", "dollarString $A$ $a$ $A$"],
  ["$ü$;$ü$", "dollarString $ü$;$ü$"],
  ["$1 $23", "parameter $1", "parameter $23"],
  [
    "1 1.5 .5 1. 1e5 1.5E-3",
    "number 1",
    "number 1.5",
    "number .5",
    "number 1.",
    "number 1e5",
    "number 1.5E-3",
  ],
  ["0x1F 0o17 0b1_0 1_000.5", "number 0x1F", "number 0o17", "number 0b1_0", "number 1_000.5"],
  ["1..10", "number 1", "punctuation ..", "number 10"],
  ["1e'x'", "number 1", "escapeString e'x'"],
  ["-- a;\rb", "comment -- a;", "word b"],
  ["-- a;\r\nb", "comment -- a;", "word b"],
  ["/* a /* b */ ; */ c", "comment /* a /* b */ ; */", "word c"],
  ["/*/* **/*/ c", "comment /*/* **/*/", "word c"],
  ["a@--x\nb", "word a", "operator @", "comment --x", "word b"],
  ["a*/*x*/b", "word a", "operator *", "comment /*x*/", "word b"],
  ["a<>b", "word a", "operator <>", "word b"],
  ["a=-1", "word a", "operator =", "operator -", "number 1"],
  ["a@-1", "word a", "operator @-", "number 1"],
  ["a*+-1", "word a", "operator *", "operator +", "operator -", "number 1"],
  ["a::int", "word a", "operator ::", "word int"],
  ["a := b => c", "word a", "operator :=", "word b", "operator =>", "word c"],
  ["x[1:2]", "word x", "punctuation [", "number 1", "punctuation :", "number 2", "punctuation ]"],
  ["a.b;", "word a", "punctuation .", "word b", "punctuation ;"],
  ["\\copy t from 'x'\r\nselect", "metaCommand \\copy t from 'x'", "word select"],
  ["{{NAME}} {{ name_1 }}", "placeholder {{NAME}}", "placeholder {{ name_1 }}"],
  ["{{a b}}", "unknown {", "unknown {", "word a", "word b", "unknown }", "unknown }"],
  ["a\f\v\tb", "word a", "word b"],
  ["\ufeffselect", "word \ufeffselect"],
];
for (const [sql, ...expected] of FORMS) {
  test(`${JSON.stringify(sql)} is read as ${expected.join(", ")}`, () => {
    expect(pieces(sql)).toEqual(expected);
  });
}

test("a literal that continues an E literal on a later line escapes as well", () => {
  expect(kinds("E'a'\n'b\\'c'")).toEqual(["escapeString", "escapeString"]);
  expect(kinds("E'a' -- why\n  'b\\'c'")).toEqual(["escapeString", "comment", "escapeString"]);
  expect(kinds("E'a'\n-- b\n'c\\'d' 'e'")).toEqual(["escapeString", "comment", "escapeString", "string"]);
});

test("a literal on the same line, or behind a plain literal, doesn't", () => {
  expect(kinds("E'a' 'b\\' c")).toEqual(["escapeString", "string", "word"]);
  expect(kinds("'a'\n'b\\' c")).toEqual(["string", "string", "word"]);
});

const OPENINGS: ReadonlyArray<readonly [sql: string, kind: Token["kind"], start: number]> = [
  ["select 'abc; select 1", "string", 7],
  ["select E'abc\\'", "escapeString", 7],
  ['select "abc', "quotedIdentifier", 7],
  ["select $a$ abc $A$ $", "dollarString", 7],
  ["/* a /* b */ select", "comment", 0],
  ["'a'''", "string", 0],
];
for (const [sql, kind, start] of OPENINGS) {
  test(`${sql} ends inside the ${kind}, which is the rest of the text`, () => {
    const last = tokenize(sql).at(-1);

    expect(last).toEqual(
      sql === "'a'''"
        ? { kind, start, end: 5, closed: true }
        : { kind, start, end: sql.length, closed: false },
    );
  });
}

test("offsets are UTF-16 code units", () => {
  expect(tokenize("'😀' a")).toEqual([
    { kind: "string", start: 0, end: 4, closed: true },
    { kind: "word", start: 5, end: 6, closed: true },
  ]);
});

type Count = readonly [kind: Token["kind"], tokens: number];

/** Each is quadratic to read for a lexer that looks too far ahead: it would be busy for minutes. */
const LONG: ReadonlyArray<readonly [what: string, sql: string, closed: boolean, ...expected: Count[]]> = [
  ["pluses", "+".repeat(300_000), true, ["operator", 300_000]],
  ["doubled quotes", `'${"''".repeat(300_000)}`, false, ["string", 1]],
  ["unmatched dollar tags", "$a".repeat(300_000), true, ["dollarString", 1], ["word", 1]],
  ["comment openings", "/*".repeat(300_000), false, ["comment", 1]],
  ["E literals on lines", "E'a'\n--x\n".repeat(60_000), true, ["escapeString", 60_000], ["comment", 60_000]],
  ["braces", "{{".repeat(300_000), true, ["unknown", 600_000]],
];
for (const [what, sql, closed, ...expected] of LONG) {
  test(`half a megabyte of ${what} is read to its end`, () => {
    const tokens = tokenize(sql);

    const counts = new Map<Token["kind"], number>();
    for (const { kind } of tokens) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    expect([...counts]).toEqual(expected);
    expect(tokens.at(-1)).toMatchObject({ end: sql.trimEnd().length, closed });
  });
}
