import { expect, test } from "vitest";
import { SlipwayError, StatementError } from "../../../src/errors.ts";
import { fromRecordedFailure, toRecordedFailure } from "../../../src/records/recorded-failure.ts";

const ERRORS = [
  new SlipwayError("HISTORY_MISMATCH", "the folder is empty", { next: "check the mount" }),
  new SlipwayError("STATEMENT_FAILED", "it ended its transaction", { next: "correct it" }),
  new StatementError("it failed", { sqlstate: "42P01", reason: "no such table" }, { next: "correct it" }),
  new StatementError(
    "migration 003_x failed",
    {
      sqlstate: "42703",
      reason: 'column "a" does not exist',
      place: { file: "003_x.up.sql", line: 4, column: 2 },
      excerpt: "  4 | select a\n    |        ^",
      detail: "there is a column b",
    },
    { next: "correct 003_x.up.sql" },
  ),
];

test.each(ERRORS)("a failure that went through the records is the same error again: $message", (error) => {
  const recorded = JSON.parse(JSON.stringify(toRecordedFailure(error)));

  const again = fromRecordedFailure(recorded);

  expect(again).toStrictEqual(error);
  expect(again?.next).toBe(error.next);
});

test("a code of a newer release is no error of this one", () => {
  expect(fromRecordedFailure({ code: "COFFEE_COLD", message: "it is", next: "heat it" })).toBeUndefined();
});
