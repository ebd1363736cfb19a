import { expect, test } from "vitest";
import { skeletonOf } from "../../../src/sql/skeleton.ts";

const SAME: ReadonlyArray<readonly [what: string, one: string, other: string]> = [
  ["a literal", "alter role a password 'x'", "alter role a password 'y'"],
  ["a literal with escapes", String.raw`alter role a password E'\'x'`, "alter role a password E'y'"],
  ["a number", "alter role a connection limit 5", "alter role a connection limit 6"],
  ["a literal in code", "do $$ begin perform f('x'); end $$", "do $$ begin perform f('y'); end $$"],
  ["a comment", "select 1 -- one", "select 1 /* other */"],
];
for (const [what, one, other] of SAME) {
  test(`${what} is not part of the skeleton`, () => {
    expect(skeletonOf(one)).toBe(skeletonOf(other));
  });
}

const DIFFERENT: ReadonlyArray<readonly [what: string, one: string, other: string]> = [
  ["a name", "create schema a", "create schema b"],
  ["a quoted name", 'create schema "a"', 'create schema "b"'],
  ["a name in code", "do $$ begin create schema a; end $$", "do $$ begin create schema b; end $$"],
  ["a name in code that is not closed", "do $$ begin a", "do $$ begin b"],
];
for (const [what, one, other] of DIFFERENT) {
  test(`${what} is part of the skeleton`, () => {
    expect(skeletonOf(one)).not.toBe(skeletonOf(other));
  });
}
