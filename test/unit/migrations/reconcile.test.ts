import { expect, test } from "vitest";
import { formatProblem, ProblemsError, SlipwayError, StatementError } from "../../../src/errors.ts";
import type { HistoryPolicy } from "../../../src/migrations/findings.ts";
import { type History, nextAfterFailure, reconcile } from "../../../src/migrations/reconcile.ts";
import type { LedgerRow } from "../../../src/records/ledger.ts";
import type { Migration } from "../../../src/source/migrations.ts";
import { sqlChecksum } from "../../../src/sql/checksum.ts";

const DEFAULT: HistoryPolicy = { outOfOrder: "warn", missing: "warn", gap: "warn", onOlder: "keep" };
type Policy = HistoryPolicy["missing"];

const APPLIED_AT = new Date("2026-01-02T03:04:05.678Z");

const nameOf = (version: number): string => `${String(version).padStart(3, "0")}_m${version}`;

function file(version: number, content = "same"): Migration {
  const name = nameOf(version);
  return {
    version: BigInt(version),
    name,
    title: `m${version}`,
    up: {
      path: `/migrations/${name}.up.sql`,
      name: `${name}.up.sql`,
      text: `select '${content}';`,
      checksum: `sha256:${content}`,
    },
  };
}

function row(version: number, particulars: Partial<LedgerRow> = {}): LedgerRow {
  return {
    version: BigInt(version),
    name: nameOf(version),
    status: "applied",
    errorMessage: undefined,
    appliedAt: APPLIED_AT,
    checksum: "sha256:same",
    sqlChecksum: sqlChecksum("select 'same';"),
    statementsDone: 1,
    statementsTotal: 1,
    statementInflight: undefined,
    doneHash: undefined,
    down: { statementsDone: 0, statementInflight: undefined, doneHash: undefined },
    attempts: 1,
    startedAt: APPLIED_AT,
    durationMs: 5,
    failure: undefined,
    ...particulars,
  };
}

const files = (...versions: number[]): Migration[] => versions.map((version) => file(version));
const rows = (...versions: number[]): LedgerRow[] => versions.map((version) => row(version));

const pendingOf = (history: History): string[] => history.pending.map(({ migration }) => migration.name);

function errorOf(act: () => unknown): SlipwayError {
  try {
    act();
  } catch (error) {
    if (error instanceof SlipwayError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const PENDING: ReadonlyArray<
  readonly [
    what: string,
    files: Migration[],
    ledger: LedgerRow[],
    pending: number[],
    applied: number | undefined,
  ]
> = [
  ["nothing at all", [], [], [], undefined],
  ["an empty ledger", files(1, 2, 3), [], [1, 2, 3], undefined],
  ["all applied", files(1, 2), rows(1, 2), [], 2],
  ["one new file", files(1, 2, 3), rows(1, 2), [3], 2],
  ["a row that a person set to pending", files(1, 2), [row(1), row(2, { status: "pending" })], [2], 1],
  [
    "a row of an attempt that the process did not live to end",
    files(1),
    [row(1, { status: "pending", statementInflight: 2 })],
    [1],
    undefined,
  ],
  [
    "a failed one whose file was corrected since",
    [file(1), file(2, "corrected")],
    [row(1), row(2, { status: "failed" })],
    [2],
    1,
  ],
  [
    "a failed one that a person wrote into the ledger without a checksum",
    files(1),
    [row(1, { status: "failed", checksum: undefined })],
    [1],
    undefined,
  ],
  [
    "an applied one that a person wrote into the ledger without a checksum",
    files(1),
    [row(1, { checksum: undefined })],
    [],
    1,
  ],
];
test.each(PENDING)(
  "with %s, what is pending follows from files and ledger",
  (_, some, ledger, pending, applied) => {
    const history = reconcile(some, ledger, DEFAULT);

    expect(pendingOf(history)).toEqual(pending.map(nameOf));
    expect(history.appliedVersion).toBe(applied === undefined ? undefined : BigInt(applied));
    expect(history.warnings).toEqual([]);
  },
);

test("what is pending comes with its ledger row, so that it can go on where it was", () => {
  const begun = row(2, { status: "pending", statementsDone: 3, checksum: "sha256:other" });

  const { pending, applied } = reconcile(files(1, 2, 3), [row(1), begun], DEFAULT);

  expect(pending.map((each) => each.row)).toEqual([begun, undefined]);
  expect(applied).toBe(1);
});

test("an applied file that was changed since is refused, with both checksums and the way on", () => {
  const error = errorOf(() => reconcile([file(1, "other"), file(2)], rows(1, 2), DEFAULT));

  expect(error.code).toBe("HISTORY_MISMATCH");
  expect(error.message).toBe(
    "/migrations/001_m1.up.sql: was changed after it was applied at 2026-01-02T03:04:05.678Z: applied sha256:same, now sha256:other",
  );
  expect(error.next).toContain("slipway migrate create");
  expect(error.next).toContain("slipway migrate resolve 1 --accept-checksum");
});

test("several contradictions are told all at once, each with its way on", () => {
  const changed = [file(1), file(2, "x"), file(4, "z")];

  const error = errorOf(() => reconcile(changed, rows(1, 2, 3, 4), { ...DEFAULT, missing: "error" }));

  expect(error).toBeInstanceOf(ProblemsError);
  expect(error instanceof ProblemsError && error.problems.map(formatProblem)).toEqual([
    expect.stringMatching(/002_m2\.up\.sql: was changed .*resolve 2 --accept-checksum/),
    expect.stringMatching(/004_m4\.up\.sql: was changed .*resolve 4 --accept-checksum/),
    expect.stringMatching(/the files are gone: 003_m3 \(put the files back/),
  ]);
});

test("a file of which only comments changed is a warning that says how to accept it", () => {
  const commented = {
    ...file(1, "same"),
    up: { ...file(1).up, checksum: "sha256:other", text: "-- why\nselect 'same'" },
  };

  const history = reconcile([commented], rows(1), DEFAULT);

  expect(history.warnings).toEqual([
    "/migrations/001_m1.up.sql: only comments or white space were changed since it was applied at 2026-01-02T03:04:05.678Z",
  ]);
  expect(history.stale).toEqual([]);
});

test("without the checksum of its statements, any change of a file is a change", () => {
  const commented = {
    ...file(1),
    up: { ...file(1).up, checksum: "sha256:other", text: "-- why\nselect 'same'" },
  };

  const error = errorOf(() => reconcile([commented], [row(1, { sqlChecksum: undefined })], DEFAULT));

  expect(error.code).toBe("HISTORY_MISMATCH");
});

const STALE: ReadonlyArray<readonly [what: string, particulars: Partial<LedgerRow>, stale: boolean]> = [
  ["says what the file says", {}, false],
  ["has no checksum", { checksum: undefined }, true],
  ["was written by an older slipway", { sqlChecksum: undefined }, true],
  ["has the old name of a file that was renamed", { name: "001_old" }, true],
  ["failed", { status: "failed", checksum: "sha256:older" }, false],
];
test.each(STALE)("an applied row that %s is brought up to date, or not", (_, particulars, stale) => {
  expect(reconcile(files(1), [row(1, particulars)], DEFAULT).stale).toHaveLength(stale ? 1 : 0);
});

const GAPS: ReadonlyArray<
  readonly [what: string, files: number[], ledger: number[], warning: string | undefined]
> = [
  ["one number skipped", [1, 3], [1], "a gap: there is no migration 2"],
  ["several places skipped", [1, 3, 7], [], "a gap: there is no migration 2, 4 to 6"],
  ["a gap below what is applied", [1, 3, 4], [1, 3], undefined],
  ["a gap that the ledger fills", [1, 3], [1, 2], undefined],
  ["a folder that begins late", [7, 8], [], undefined],
  ["timestamps", [20_260_102_030_405, 20_260_202_030_405], [], undefined],
  ["timestamps after numbers", [1, 2, 20_260_202_030_405], [], undefined],
];
test.each(GAPS)("with %s, a gap is found or not", (_, some, ledger, warning) => {
  const warnOnly = { ...DEFAULT, missing: "allow" } as const;
  const attempt = (gap: Policy): History => reconcile(files(...some), rows(...ledger), { ...warnOnly, gap });

  expect(attempt("warn").warnings).toEqual(warning === undefined ? [] : [warning]);
  expect(attempt("allow").warnings).toEqual([]);
  if (warning !== undefined) {
    expect(errorOf(() => attempt("error"))).toMatchObject({ code: "HISTORY_MISMATCH", message: warning });
  }
});

test("a ledger ahead of the files is refused where older files are", () => {
  const error = errorOf(() => reconcile(files(1), rows(1, 2), { ...DEFAULT, onOlder: "refuse" }));

  expect(error).toMatchObject({
    code: "HISTORY_MISMATCH",
    message: "the database is ahead of these files: 002_m2 applied by a newer release",
  });
});

test("what another tool left half done is repeated with the commands that resolve it", () => {
  const failure = {
    code: "HISTORY_MISMATCH",
    message: "001_m1 is half done",
    next: "slipway migrate resolve 1",
  };

  const error = errorOf(() => reconcile(files(1), [row(1, { status: "failed", failure })], DEFAULT));

  expect(error).toMatchObject(failure);
});

const MISSING: ReadonlyArray<
  readonly [
    what: string,
    files: number[],
    ledger: number[],
    said: Readonly<Record<Policy, { warning?: string; error?: string }>>,
  ]
> = [
  [
    "a file missing in the middle",
    [1, 3],
    [1, 2, 3],
    {
      error: { error: "applied, but the files are gone: 002_m2" },
      warn: { warning: "applied, but the files are gone: 002_m2" },
      allow: {},
    },
  ],
  [
    "many files missing in the middle",
    [1, 7],
    [1, 2, 3, 4, 5, 6, 7],
    {
      error: { error: "applied, but the files are gone: 002_m2, 003_m3, 004_m4 and 2 more" },
      warn: { warning: "applied, but the files are gone: 002_m2, 003_m3, 004_m4 and 2 more" },
      allow: {},
    },
  ],
  ["the oldest files squashed away", [3], [1, 2, 3], { error: {}, warn: {}, allow: {} }],
  [
    "files of an older release",
    [1, 2],
    [1, 2, 3, 4],
    {
      error: {
        warning:
          "the database is ahead of these files: 003_m3, 004_m4 applied by a newer release; left as it is",
      },
      warn: {
        warning:
          "the database is ahead of these files: 003_m3, 004_m4 applied by a newer release; left as it is",
      },
      allow: {
        warning:
          "the database is ahead of these files: 003_m3, 004_m4 applied by a newer release; left as it is",
      },
    },
  ],
];
for (const [what, some, ledger, said] of MISSING) {
  test.each(["error", "warn", "allow"] as const)(`${what}, where missing files are to be: %s`, (missing) => {
    const attempt = (): History => reconcile(files(...some), rows(...ledger), { ...DEFAULT, missing });

    const { warning, error } = said[missing];
    if (error !== undefined) {
      expect(errorOf(attempt)).toMatchObject({ code: "HISTORY_MISMATCH", message: error });
      return;
    }
    expect(attempt().warnings).toEqual(warning === undefined ? [] : [warning]);
    expect(attempt().pending).toEqual([]);
  });
}

test.each(["error", "warn", "allow"] as const)(
  "an empty folder under applied migrations is a mount gone wrong, whatever the policy: %s",
  (missing) => {
    const error = errorOf(() => reconcile([], rows(1, 2), { ...DEFAULT, missing }));

    expect(error).toMatchObject({
      code: "HISTORY_MISMATCH",
      message: "the migrations folder is empty, but 2 migrations are applied",
    });
    expect(error.next).toContain("DB_USER_MIGRATIONS_PATH");
  },
);

test("a new file below the highest applied one runs with a warning by default", () => {
  const history = reconcile(files(1, 2, 3), rows(1, 3), DEFAULT);

  expect(pendingOf(history)).toEqual(["002_m2"]);
  expect(history.warnings).toEqual([
    "out of order: 002_m2 comes before 3, which is applied; run all the same",
  ]);
});

test("a new file below the highest applied one runs silently where that is allowed", () => {
  const history = reconcile(files(1, 2, 3), rows(1, 3), { ...DEFAULT, outOfOrder: "allow" });

  expect(pendingOf(history)).toEqual(["002_m2"]);
  expect(history.warnings).toEqual([]);
});

test("a new file below the highest applied one is refused where that is asked for", () => {
  const error = errorOf(() => reconcile(files(1, 2, 3), rows(1, 3), { ...DEFAULT, outOfOrder: "error" }));

  expect(error).toMatchObject({
    code: "HISTORY_MISMATCH",
    message: "out of order: 002_m2 comes before 3, which is applied",
  });
});

test("what was tried before, in its time, is not out of order", () => {
  const ledger = [row(1), row(2, { status: "pending" }), row(3)];

  const history = reconcile(files(1, 2, 3), ledger, { ...DEFAULT, outOfOrder: "error" });

  expect(pendingOf(history)).toEqual(["002_m2"]);
});

test("new files above the highest applied one are in order", () => {
  const history = reconcile(files(1, 2, 3), rows(1, 2), { ...DEFAULT, outOfOrder: "error" });

  expect(pendingOf(history)).toEqual(["003_m3"]);
});

const FAILURE = {
  code: "STATEMENT_FAILED",
  message: "migration 002_m2 failed",
  next: "correct it",
  sqlstate: "42P01",
  reason: 'relation "a" does not exist',
  place: { file: "/migrations/002_m2.up.sql", line: 4, column: 12 },
  excerpt: "  4 | alter table a",
  detail: "There is none.",
};

test("a failed migration that nobody did anything about is reported again as it was, not tried again", () => {
  const failed = row(2, { status: "failed", failure: FAILURE, appliedAt: undefined });

  const error = errorOf(() => reconcile(files(1, 2, 3), [row(1), failed], DEFAULT));

  expect(error).toBeInstanceOf(StatementError);
  expect(error).toMatchObject({
    code: "STATEMENT_FAILED",
    message: "migration 002_m2 failed at 2026-01-02T03:04:05.678Z and was not tried again",
    next: nextAfterFailure("002_m2", 2n),
    failure: {
      sqlstate: "42P01",
      reason: 'relation "a" does not exist',
      place: FAILURE.place,
      excerpt: FAILURE.excerpt,
      detail: FAILURE.detail,
    },
  });
});

const WITHOUT_PARTICULARS: ReadonlyArray<
  readonly [what: string, particulars: Partial<LedgerRow>, message: string]
> = [
  [
    "only a message",
    { errorMessage: "disk full" },
    "migration 001_m1 failed at 2026-01-02T03:04:05.678Z and was not tried again: disk full",
  ],
  [
    "nothing but that it failed",
    { errorMessage: "", startedAt: undefined },
    "migration 001_m1 failed and was not tried again",
  ],
  [
    "a failure that PostgreSQL had no part in",
    {
      errorMessage: "the index was left invalid",
      failure: { code: "STATEMENT_FAILED", message: "m", next: "n" },
    },
    "migration 001_m1 failed at 2026-01-02T03:04:05.678Z and was not tried again: the index was left invalid",
  ],
];
test.each(WITHOUT_PARTICULARS)(
  "a failure of which the ledger knows %s is repeated with that",
  (_, particulars, message) => {
    const failed = row(1, { status: "failed", ...particulars });

    const error = errorOf(() => reconcile(files(1), [failed], DEFAULT));

    expect(error).toMatchObject({ code: "STATEMENT_FAILED", message, next: nextAfterFailure("001_m1", 1n) });
  },
);

test("a failed migration whose file is gone is in nobody's way", () => {
  const ledger = [row(1), row(2, { status: "failed" }), row(3)];

  expect(pendingOf(reconcile(files(1, 3), ledger, DEFAULT))).toEqual([]);
});

test("a changed file is told before a failed one: nothing may run on a history that is in doubt", () => {
  const ledger = [row(1), row(2, { status: "failed" })];

  const error = errorOf(() => reconcile([file(1, "other"), file(2)], ledger, DEFAULT));

  expect(error.code).toBe("HISTORY_MISMATCH");
});

test("versions are compared as numbers, and may be timestamps or beyond", () => {
  const stamp = 20_260_102_030_405;

  const history = reconcile(files(9, 10, stamp), rows(9, 10), { ...DEFAULT, outOfOrder: "error" });

  expect(history.pending.map(({ migration }) => migration.version)).toEqual([20_260_102_030_405n]);
});

test("both ways on from a failure are commands that can be copied", () => {
  expect(nextAfterFailure("002_add_index", 2n)).toBe(
    "correct 002_add_index.up.sql and run again, or try the same file again: slipway migrate retry 2",
  );
});
