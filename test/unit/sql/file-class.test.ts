import { expect, test } from "vitest";
import { formatProblem } from "../../../src/errors.ts";
import { classifyFile } from "../../../src/sql/file-class.ts";

/** `mode: group | group`, a group's statements joined by `;`, `!` before one that stands alone, `~` before one that is separate. */
function shape(sql: string): string {
  const { mode, groups } = classifyFile("f.sql", sql);
  const shapes = groups.map(({ transactional, statements, beginOptions }) => {
    const texts = statements.map(({ text }) => text).join(";");
    const sign = transactional === "separate" ? "~" : transactional ? "" : "!";
    return `${sign}${texts}${beginOptions === undefined ? "" : ` [${beginOptions}]`}`;
  });
  return [`${mode}:`, shapes.join(" | ")].join(" ").trim();
}

function problemsOf(sql: string): string[] {
  return classifyFile("f.sql", sql).problems.map(formatProblem);
}

const SHAPES: ReadonlyArray<readonly [sql: string, shape: string]> = [
  ["", "transactional:"],
  ["select 1; select 2;", "transactional: select 1;select 2"],
  ["savepoint a; select 1; rollback to a;", "transactional: savepoint a;select 1;rollback to a"],
  ["begin; select 1; select 2; commit;", "wrapped: select 1;select 2"],
  ["-- x\nBEGIN WORK; select 1; END", "wrapped: select 1"],
  ["begin; commit", "wrapped:"],
  [
    "start transaction isolation level serializable; select 1; commit",
    "wrapped: select 1 [isolation level serializable]",
  ],
  ["vacuum t", "no-transaction: !vacuum t"],
  ["select 1; select 2; vacuum t; select 3;", "no-transaction: select 1;select 2 | !vacuum t | select 3"],
  ["vacuum a; vacuum b", "no-transaction: !vacuum a | !vacuum b"],
  ["-- slipway: no-transaction\nselect 1; select 2", "no-transaction: ~select 1 | ~select 2"],
  ["-- +goose NO TRANSACTION\nselect 1", "no-transaction: ~select 1"],
  [
    "select 1;\n-- slipway: no-transaction\ncall p(); select 2",
    "no-transaction: select 1 | !call p() | select 2",
  ],
  ["-- fill\ncall p();", "no-transaction: ~call p()"],
  ["-- slipway: no-transaction\ncall p()", "no-transaction: !call p()"],
  ["call p(); select 1", "transactional: call p();select 1"],
  [
    "begin; select 1; commit; begin read only; select 2; commit",
    "self-managed: select 1 | select 2 [read only]",
  ],
  [
    "select 0; begin; select 1; commit; vacuum t; select 2",
    "self-managed: select 0 | select 1 | !vacuum t | select 2",
  ],
  [
    "begin read write; select 1; commit and chain; select 2; commit",
    "self-managed: select 1 [read write] | select 2 [read write]",
  ],
  ["begin; select 1; commit; select 2", "self-managed: select 1 | select 2"],
  ["begin; drop subscription s; commit", "wrapped: drop subscription s"],
  ["-- slipway: no-transaction\nbegin; select 1; commit", "wrapped: select 1"],
  ["alter type m add value 'x'; select 1", "transactional: alter type m add value 'x';select 1"],
  [
    "select 1; alter type m add value 'x'; insert into t values ('x'); select 2",
    "no-transaction: select 1 | ~alter type m add value 'x' | insert into t values ('x');select 2",
  ],
  [
    "insert into t values ('x'); alter type m add value 'x'",
    "transactional: insert into t values ('x');alter type m add value 'x'",
  ],
  [
    "alter type m add value 'x'; select x, \"x\", 'xx' from t",
    "transactional: alter type m add value 'x';select x, \"x\", 'xx' from t",
  ],
  [
    "alter type m add value 'x'; do $$ begin insert into t values ('x'); end $$",
    "no-transaction: ~alter type m add value 'x' | do $$ begin insert into t values ('x'); end $$",
  ],
  [
    "alter type m add value 'x'; create function f() returns m language sql as 'select ''x''::m'",
    "no-transaction: ~alter type m add value 'x' | create function f() returns m language sql as 'select ''x''::m'",
  ],
  [
    "alter type m add value 'x'; select '{a,x}'::m[]",
    "no-transaction: ~alter type m add value 'x' | select '{a,x}'::m[]",
  ],
  [
    "alter type m add value 'it''s'; select E'it\\'s'",
    "no-transaction: ~alter type m add value 'it''s' | select E'it\\'s'",
  ],
  ["begin; alter type m add value 'x'; select 'x'; commit", "wrapped: alter type m add value 'x';select 'x'"],
];
for (const [sql, expected] of SHAPES) {
  test(`${JSON.stringify(sql)} is ${expected}`, () => {
    expect(shape(sql)).toBe(expected);
    expect(problemsOf(sql)).toEqual([]);
  });
}

const REASONS: ReadonlyArray<readonly [sql: string, reason: string]> = [
  ["vacuum t", "VACUUM"],
  ["-- no-transaction\nselect 1", "no-transaction directive (sqlx)"],
  ["select 1;\n-- slipway: no-transaction\nselect 2", "no-transaction directive (slipway)"],
  ["alter type m add value 'x';\n\nselect 'x'", "the new enum value is used in line 3"],
];
for (const [sql, reason] of REASONS) {
  test(`the reason for running ${JSON.stringify(sql)} outside a transaction is: ${reason}`, () => {
    const reasons = classifyFile("f.sql", sql).groups.flatMap((group) => group.reason ?? []);

    expect(reasons).toEqual([reason]);
  });
}

test("the options of a wrapped file's BEGIN are carried to the transaction that runs it", () => {
  expect(classifyFile("f.sql", "begin isolation level repeatable read; select 1; commit")).toMatchObject({
    mode: "wrapped",
    beginOptions: "isolation level repeatable read",
  });
});

const REFUSALS: ReadonlyArray<readonly [sql: string, ...problems: string[]]> = [
  ["begin;\nselect 1", "f.sql:1:1: a transaction begins here and never ends (end it with COMMIT)"],
  [
    "select 1;\n  commit",
    "f.sql:2:3: COMMIT without BEGIN (leave it out, or begin the file's own transaction with BEGIN)",
  ],
  [
    "commit and chain; select 1",
    "f.sql:1:1: COMMIT AND CHAIN without BEGIN (leave it out, or begin the file's own transaction with BEGIN)",
  ],
  [
    "begin;\nbegin; commit",
    "f.sql:2:1: BEGIN inside the transaction that line 1 began (end that one with COMMIT first; for a part that may fail use SAVEPOINT)",
  ],
  [
    "begin; select 1; rollback",
    "f.sql:1:18: ROLLBACK undoes what the file did (leave out what is not to be kept)",
  ],
  ["rollback", "f.sql:1:1: ROLLBACK undoes what the file did (leave out what is not to be kept)"],
  [
    "begin; prepare transaction 'x'",
    "f.sql:1:8: PREPARE TRANSACTION leaves a transaction that nobody ends (end the transaction with COMMIT)",
  ],
  [
    "begin;\nvacuum t;\ncommit",
    "f.sql:2:1: VACUUM can't run in the transaction that line 1 began (move it behind COMMIT, or into a file of its own)",
  ],
  [
    "begin;\n-- slipway: no-transaction\ncall p();\ncommit",
    "f.sql:3:1: a no-transaction directive in the transaction that line 1 began (move the statement behind COMMIT, or leave out the directive)",
  ],
  [
    "commit;\nbegin; select 1; commit and chain;",
    "f.sql:1:1: COMMIT without BEGIN (leave it out, or begin the file's own transaction with BEGIN)",
    "f.sql:2:18: a transaction begins here and never ends (end it with COMMIT)",
  ],
];
for (const [sql, ...problems] of REFUSALS) {
  test(`${JSON.stringify(sql)} is refused`, () => {
    expect(problemsOf(sql)).toEqual(problems);
  });
}

test("a refusal shows the line", () => {
  const [problem] = classifyFile("f.sql", "select 1;\n  commit;").problems;

  expect(problem?.excerpt).toBe("  2 |   commit;\n    |   ^");
});
