import { expect, test } from "vitest";
import { sqlChecksum } from "../../../src/sql/checksum.ts";

const SAME: ReadonlyArray<readonly [what: string, one: string, other: string]> = [
  ["a comment at the head", "select 1;", "-- why\nselect 1;"],
  ["a comment that nests", "select 1;", "select /* a /* b */ ; */ 1;"],
  ["another indentation", "select a,\n  b from t;", "select a,\r\n\t\tb\nfrom t ;\n\n"],
  ["no semicolon at the end", "select 1;\nselect 2", "select 1;\nselect 2;"],
  ["stray semicolons", "select 1; select 2;", ";select 1;;select 2; ;"],
  ["other line ends in a body", "do $$\nbegin end\n$$;", "do $$\r\nbegin end\r\n$$;"],
  ["nothing but comments", "", "-- nothing\n;\n/* at all */"],
];
test.each(SAME)("%s is no change of the statements", (_, one, other) => {
  expect(sqlChecksum(other)).toBe(sqlChecksum(one));
});

const DIFFERENT: ReadonlyArray<readonly [what: string, one: string, other: string]> = [
  ["white space in a literal", "select 'a b';", "select 'a  b';"],
  ["white space in a quoted name", 'select "a b";', 'select "a  b";'],
  ["white space in a body", "do $$ begin end $$;", "do $$  begin end $$;"],
  ["what looks like a comment in a literal", "select '-- a';", "select '-- b';"],
  ["a commented-out statement", "select 1; select 2;", "select 1; -- select 2;"],
  ["two words instead of one", "select ab;", "select a b;"],
  ["another statement", "select 1;", "select 2;"],
  ["two statements instead of one", "select 1 -1;", "select 1; -1;"],
  ["a literal that goes on in the next line, against one in the same", "select 'a'\n'b';", "select 'a' 'b';"],
];
test.each(DIFFERENT)("%s is a change of the statements", (_, one, other) => {
  expect(sqlChecksum(other)).not.toBe(sqlChecksum(one));
});
