import { expect, test } from "vitest";
import { ApprovalError } from "../../../src/declarative/approval.ts";
import { type Problem, ProblemsError, SlipwayError, StatementError } from "../../../src/errors.ts";
import { lastLine, toFailure } from "../../../src/report/failure.ts";
import { changeOf, planOf } from "../declarative/support.ts";

const EXCERPT = "  4 | alter table a add b int\n    |             ^";

const STATEMENT = new StatementError(
  "migration 003_x failed",
  {
    sqlstate: "42P01",
    reason: 'relation "a" does not exist',
    place: { file: "/migrations/user/003_x.up.sql", line: 4, column: 13 },
    excerpt: EXCERPT,
    detail: "There is none.",
    pgHint: "Make one.",
    context: "SQL statement",
  },
  { next: "correct 003_x.up.sql and run again" },
);

const PROBLEM: Problem = {
  at: { file: "schemas/a.sql", line: 2, column: 1 },
  message: "INSERT is a one-time action, which a schema file cannot hold",
  hint: "move it to a migration",
  excerpt: "  2 | insert into t values (1)\n    | ^",
};

const PLAN = planOf([changeOf("drop table app.orders", { verb: "drop", class: "destructive" })]);
const APPROVAL = new ApprovalError(
  "APPROVAL_REQUIRED",
  `plan ${PLAN.id} needs an approval: drop table app.orders (data loss)`,
  PLAN,
  `read it with \`slipway plan\`, then approve it: slipway run --approve ${PLAN.id}`,
);

const LINES: ReadonlyArray<readonly [what: string, error: unknown, line: string]> = [
  [
    "a refused statement",
    STATEMENT,
    'STATEMENT_FAILED (exit 30): migration 003_x failed at /migrations/user/003_x.up.sql:4:13: 42P01 relation "a" does not exist. Next: correct 003_x.up.sql and run again',
  ],
  [
    "a statement of slipway's own, which stands in no file",
    new StatementError("change 1 of 2 failed", { sqlstate: "23505", reason: "duplicates" }),
    "STATEMENT_FAILED (exit 30): change 1 of 2 failed: 23505 duplicates. Next: fix the statement and run again; what was committed before it stays",
  ],
  [
    "one wrong file",
    new ProblemsError("SOURCE_INVALID", [PROBLEM]),
    "SOURCE_INVALID (exit 11): schemas/a.sql:2:1: INSERT is a one-time action, which a schema file cannot hold (move it to a migration). Next: fix every file listed; nothing was changed",
  ],
  [
    "several wrong files",
    new ProblemsError("SOURCE_INVALID", [PROBLEM, PROBLEM]),
    "SOURCE_INVALID (exit 11): schemas/a.sql:2:1: INSERT is a one-time action, which a schema file cannot hold (move it to a migration) (and 1 more). Next: fix every file listed; nothing was changed",
  ],
  [
    "a missing approval",
    APPROVAL,
    `APPROVAL_REQUIRED (exit 31): plan ${PLAN.id} needs an approval: drop table app.orders (data loss). Next: read it with \`slipway plan\`, then approve it: slipway run --approve ${PLAN.id}`,
  ],
  [
    "any other failure that was foreseen",
    new SlipwayError("LOCK_BUSY", "another run held the lock for 900 s"),
    "LOCK_BUSY (exit 21): another run held the lock for 900 s. Next: another run holds the lock; it is safe to run again, or raise SLIPWAY_LOCK_WAIT",
  ],
  [
    "a bug",
    new TypeError("x is not a function"),
    "BUG (exit 1): unexpected: x is not a function. Next: this is a bug in slipway: report it with the output of the same command under SLIPWAY_LOG_LEVEL=debug",
  ],
  [
    "something thrown that is no error",
    "what?",
    "BUG (exit 1): unexpected: what?. Next: this is a bug in slipway: report it with the output of the same command under SLIPWAY_LOG_LEVEL=debug",
  ],
];
test.each(LINES)("the last line of %s says what, where, why and how to get on", (_, error, line) => {
  expect(lastLine(toFailure(error))).toBe(line);
});

test("the last line is one line, whatever PostgreSQL or a file put into it", () => {
  const error = new StatementError(
    "migration 003_x failed",
    {
      sqlstate: "P0001",
      reason: "first\nsecond\r\n\tthird",
      place: { file: "a\nb.sql", line: 1, column: 1 },
    },
    { next: "do this\nthen that" },
  );

  const line = lastLine(toFailure(error));

  expect(line).toBe(
    "STATEMENT_FAILED (exit 30): migration 003_x failed at a b.sql:1:1: P0001 first second third. Next: do this then that",
  );
});

test("a refused statement carries place, excerpt, detail and PostgreSQL's own hint", () => {
  const failure = toFailure(STATEMENT);

  expect(failure).toEqual({
    code: "STATEMENT_FAILED",
    exit: 30,
    what: "migration 003_x failed",
    where: "/migrations/user/003_x.up.sql:4:13",
    why: '42P01 relation "a" does not exist',
    sqlstate: "42P01",
    detail: "There is none.; PostgreSQL's hint: Make one.",
    excerpt: EXCERPT,
    next: "correct 003_x.up.sql and run again",
  });
});

test("what PostgreSQL did not say is left out, not left empty", () => {
  const failure = toFailure(new StatementError("it failed", { sqlstate: "23505", reason: "duplicates" }));

  expect(Object.keys(failure).toSorted()).toEqual(["code", "exit", "next", "sqlstate", "what", "why"]);
});

test("all problems are listed; an excerpt is shown where there is only one", () => {
  const one = toFailure(new ProblemsError("SOURCE_INVALID", [PROBLEM]));
  const two = toFailure(new ProblemsError("SOURCE_INVALID", [PROBLEM, { ...PROBLEM, message: "and this" }]));

  expect(one.problems).toHaveLength(1);
  expect(one.excerpt).toBe(PROBLEM.excerpt);
  expect(two.problems).toEqual([
    "schemas/a.sql:2:1: INSERT is a one-time action, which a schema file cannot hold (move it to a migration)",
    "schemas/a.sql:2:1: and this (move it to a migration)",
  ]);
  expect(two.excerpt).toBeUndefined();
});

test("a missing approval names the plan that waits", () => {
  expect(toFailure(APPROVAL).planId).toBe(PLAN.id);
});
