import { expect, test } from "vitest";
import { restoreBetween } from "../../../src/sql/between.ts";

const CASES: ReadonlyArray<readonly [sql: string, expected: string]> = [
  ["(((a >= 1) and (a <= 9)) and (b > 0))", "((a between 1 and 9) and (b > 0))"],
  ["(((a < 1) or (a > 9)) or (b > 0))", "((a not between 1 and 9) or (b > 0))"],
  [
    "(((length(a) >= 1) and (length(a) <= (x.n)::bigint)) and (b <> ''::text) and c)",
    "((length(a) between 1 and (x.n)::bigint) and (b <> ''::text) and c)",
  ],
  // Anywhere but in the lead the parser keeps the pair as it is.
  ["((b > 0) and ((a >= 1) and (a <= 9)))", "((b > 0) and ((a >= 1) and (a <= 9)))"],
  ["((a >= 1) and (a <= 9))", "((a >= 1) and (a <= 9))"],
  ["(((a >= 1) and (a <= 9)) or (b > 0))", "(((a >= 1) and (a <= 9)) or (b > 0))"],
  ["(((a >= 1) and (c <= 9)) and (b > 0))", "(((a >= 1) and (c <= 9)) and (b > 0))"],
  ["(((a >= 1) and (a <= 9) and d) and (b > 0))", "(((a >= 1) and (a <= 9) and d) and (b > 0))"],
  ["select '(((a >= 1) and (a <= 9)) and (b > 0))'", "select '(((a >= 1) and (a <= 9)) and (b > 0))'"],
];
for (const [sql, expected] of CASES) {
  test(`${sql} is written ${sql === expected ? "as it is" : expected}`, () => {
    expect(restoreBetween(sql)).toBe(expected);
  });
}
