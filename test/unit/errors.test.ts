import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  ERRORS,
  type ErrorCode,
  exitCodeOf,
  formatPlace,
  formatProblem,
  type Place,
  type Problem,
  ProblemsError,
  SlipwayError,
  StatementError,
} from "../../src/errors.ts";

/** The contract's table. Public: lines are added, a number is never changed and never used again. */
const EXITS: Readonly<Record<ErrorCode, number>> = {
  USAGE: 2,
  PENDING: 3,
  CONFIG_INVALID: 10,
  SOURCE_INVALID: 11,
  DATABASE_UNREACHABLE: 20,
  LOCK_BUSY: 21,
  SESSION_LOST: 22,
  TABLE_LOCKED: 23,
  WAIT_TIMEOUT: 24,
  STATEMENT_FAILED: 30,
  APPROVAL_REQUIRED: 31,
  OUTCOME_UNKNOWN: 32,
  DRIFT_REFUSED: 33,
  RECORDS_TOO_NEW: 34,
  HISTORY_MISMATCH: 35,
  UNSAFE_DATABASE: 36,
  NOT_CONVERGED: 37,
  PLAN_STALE: 40,
  INTERRUPTED: 143,
};
const CODES = Object.keys(EXITS) as ErrorCode[];

test("the exit codes are those of the contract, no more and no less", () => {
  const exits = Object.fromEntries(Object.entries(ERRORS).map(([code, { exit }]) => [code, exit]));

  expect(exits).toEqual(EXITS);
});

test("no two codes share an exit code, and none is 0 or 1", () => {
  const exits = Object.values(ERRORS).map(({ exit }) => exit);

  expect(new Set(exits).size).toBe(exits.length);
  expect(Math.min(...exits)).toBeGreaterThan(1);
});

test.each(CODES)("%s ends the process with its own exit code and, unasked, with its own way on", (code) => {
  const error = new SlipwayError(code, "it went wrong");

  expect(exitCodeOf(error)).toBe(EXITS[code]);
  expect(error.next).toBe(ERRORS[code].hint);
  expect(error.next).toMatch(/^[^\n]+[^\n.]$/);
});

test("every code has a heading in docs/errors.md, in the order of the table", () => {
  const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");

  const headings = [...page.matchAll(/^## ([A-Z_]+)$/gm)].map(([, code]) => code);

  expect(headings).toEqual(Object.keys(ERRORS));
});

test("what nobody foresaw exits with 1", () => {
  const unforeseen = [new Error("x"), new TypeError("x"), "x", undefined, null, { exit: 30, code: "USAGE" }];

  expect(unforeseen.map(exitCodeOf)).toEqual([1, 1, 1, 1, 1, 1]);
});

test("an error keeps its cause, says its class and may name a way on of its own", () => {
  const cause = new Error("socket hang up");

  const error = new SlipwayError("SESSION_LOST", "the session ended", { cause, next: "call somebody" });

  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: "SlipwayError", code: "SESSION_LOST", cause, next: "call somebody" });
});

const PLACES: ReadonlyArray<readonly [place: Place, text: string]> = [
  [{ file: "a.sql" }, "a.sql"],
  [{ file: "a.sql", line: 4 }, "a.sql:4"],
  [{ file: "a.sql", line: 4, column: 12 }, "a.sql:4:12"],
  [{ file: "a.sql", column: 12 }, "a.sql"],
  [{ file: "/mnt/my files/ä.sql", line: 1, column: 1 }, "/mnt/my files/ä.sql:1:1"],
];
test.each(PLACES)("the place %o is written %s", (place, text) => {
  expect(formatPlace(place)).toBe(text);
});

const PROBLEMS: ReadonlyArray<readonly [problem: Problem, text: string]> = [
  [{ at: "--lock-wait", message: "must be a duration" }, "--lock-wait: must be a duration"],
  [{ at: { file: "a.sql" }, message: "is UTF-16" }, "a.sql: is UTF-16"],
  [
    { at: { file: "a.sql", line: 2, column: 3 }, message: "COMMIT without BEGIN", hint: "leave it out" },
    "a.sql:2:3: COMMIT without BEGIN (leave it out)",
  ],
  [
    { at: { file: "a.sql", line: 2, column: 3 }, message: "no", excerpt: "  2 | commit\n    | ^" },
    "a.sql:2:3: no",
  ],
];
test.each(PROBLEMS)("the problem %o is one line", (problem, text) => {
  expect(formatProblem(problem)).toBe(text);
});

test("several problems are one error: its text is the first and how many more there are", () => {
  const problem = (line: number): Problem => ({ at: { file: "a.sql", line }, message: "is wrong" });

  const one = new ProblemsError("SOURCE_INVALID", [problem(1)]);
  const two = new ProblemsError("SOURCE_INVALID", [problem(1), problem(2)]);
  const four = new ProblemsError("CONFIG_INVALID", [problem(1), problem(2), problem(3), problem(4)]);

  expect(one.message).toBe("a.sql:1: is wrong");
  expect(two.message).toBe("a.sql:1: is wrong (and 1 more)");
  expect(four.message).toBe("a.sql:1: is wrong (and 3 more)");
  expect(four.problems).toHaveLength(4);
  expect(exitCodeOf(four)).toBe(10);
});

test("a refused statement is STATEMENT_FAILED and keeps what PostgreSQL said apart from the message", () => {
  const failure = { sqlstate: "42P01", reason: 'relation "a" does not exist', place: { file: "a.sql" } };

  const error = new StatementError("migration 003_x failed", failure);

  expect(exitCodeOf(error)).toBe(30);
  expect(error.message).toBe("migration 003_x failed");
  expect(error.failure).toBe(failure);
});
