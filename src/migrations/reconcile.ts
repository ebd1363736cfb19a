import { SlipwayError, StatementError } from "../errors.ts";
import type { LedgerRow, RecordedFailure } from "../records/ledger.ts";
import type { Migration } from "../source/migrations.ts";
import type { ForeignHistory } from "./foreign-history.ts";

export interface HistoryPolicy {
  readonly outOfOrder: "error" | "warn" | "allow";
  readonly missing: "error" | "warn" | "allow";
}

/** A migration that is to run, and from which of its steps on. */
export interface PendingMigration {
  readonly migration: Migration;
  readonly row: LedgerRow | undefined;
}

/** What files and ledger together ask for. */
export interface History {
  readonly pending: readonly PendingMigration[];
  readonly warnings: readonly string[];
  /** Highest applied version, with the ones that only the ledger knows. */
  readonly appliedVersion: bigint | undefined;
  readonly applied: number;
}

/**
 * Holds the files against the ledger. Throws before anything runs when the two contradict each other, or
 * when a migration failed and nothing was done about it since: a crash-looping pod must not try the same
 * statement again and again.
 */
export function reconcile(
  migrations: readonly Migration[],
  ledger: readonly LedgerRow[],
  policy: HistoryPolicy,
): History {
  const rows = new Map(ledger.map((row) => [row.version, row]));
  const files = new Map(migrations.map((migration) => [migration.version, migration]));
  const applied = ledger.filter((row) => row.status === "applied");
  const appliedVersion = applied.at(-1)?.version;
  const warnings: string[] = [];

  requireWhole(applied);
  requireSameChecksums(migrations, rows);
  for (const warning of findMissing(applied, files, migrations, policy)) warnings.push(warning);

  const pending = migrations.flatMap((migration): PendingMigration[] => {
    const row = rows.get(migration.version);
    return row?.status === "applied" ? [] : [{ migration, row }];
  });
  for (const { migration, row } of pending) {
    if (row?.status === "failed" && isSameAttempt(row, migration)) throw repeatFailure(row);
  }
  for (const warning of findOutOfOrder(pending, appliedVersion, policy)) warnings.push(warning);
  return { pending, warnings, appliedVersion, applied: applied.length };
}

/** A way back that was begun and not ended leaves a state that neither file describes. */
function requireWhole(applied: readonly LedgerRow[]): void {
  const half = applied.find((row) => row.down.statementsDone > 0 || row.down.statementInflight !== undefined);
  if (half === undefined) return;
  throw new SlipwayError(
    "HISTORY_MISMATCH",
    `migration ${half.name} is taken back in part: ${half.down.statementsDone} steps of its down file are done`,
    { next: "end it: slipway migrate down" },
  );
}

function requireSameChecksums(migrations: readonly Migration[], rows: ReadonlyMap<bigint, LedgerRow>): void {
  const changed = migrations.flatMap((migration) => {
    const row = rows.get(migration.version);
    const isChanged =
      row?.status === "applied" && row.checksum !== undefined && row.checksum !== migration.up.checksum;
    return isChanged ? [{ migration, row }] : [];
  });
  const [first] = changed;
  if (first === undefined) return;
  const { migration, row } = first;
  const when = row.appliedAt === undefined ? "" : ` at ${row.appliedAt.toISOString()}`;
  const more = changed.length > 1 ? ` (and ${changed.length - 1} files more)` : "";
  throw new SlipwayError(
    "HISTORY_MISMATCH",
    `${migration.up.path} was changed after it was applied${when}${more}: applied ${row.checksum ?? ""}, now ${migration.up.checksum}`,
    {
      next: "put the file back as it was and make the change in a new migration (`slipway migrate create NAME`)",
    },
  );
}

/** Applied, but the file is gone. Above the highest file it is an older release; below the lowest, a squash. */
function findMissing(
  applied: readonly LedgerRow[],
  files: ReadonlyMap<bigint, Migration>,
  migrations: readonly Migration[],
  policy: HistoryPolicy,
): string[] {
  const missing = applied.filter((row) => !files.has(row.version));
  if (missing.length === 0) return [];
  const lowest = migrations.at(0)?.version;
  const highest = migrations.at(-1)?.version;
  if (lowest === undefined || highest === undefined) {
    throw new SlipwayError(
      "HISTORY_MISMATCH",
      `the migrations folder is empty, but ${applied.length} migrations are applied`,
      { next: "check the mount (ConfigMap, PVC) and DB_USER_MIGRATIONS_PATH" },
    );
  }
  const ahead = missing.filter((row) => row.version > highest);
  const holes = missing.filter((row) => row.version > lowest && row.version < highest);
  const warnings: string[] = [];
  if (ahead.length > 0) {
    warnings.push(
      `the database is ahead of these files: ${names(ahead)} applied by a newer release; left as it is`,
    );
  }
  if (holes.length > 0 && policy.missing === "error") {
    throw new SlipwayError("HISTORY_MISMATCH", `applied, but the files are gone: ${names(holes)}`, {
      next: "put the files back, or set `migrations.missing: warn`",
    });
  }
  if (holes.length > 0 && policy.missing === "warn")
    warnings.push(`applied, but the files are gone: ${names(holes)}`);
  return warnings;
}

function findOutOfOrder(
  pending: readonly PendingMigration[],
  appliedVersion: bigint | undefined,
  policy: HistoryPolicy,
): string[] {
  if (appliedVersion === undefined || policy.outOfOrder === "allow") return [];
  const late = pending.filter(
    ({ migration, row }) => row === undefined && migration.version < appliedVersion,
  );
  if (late.length === 0) return [];
  const list = names(late.map(({ migration }) => migration));
  if (policy.outOfOrder === "error") {
    throw new SlipwayError(
      "HISTORY_MISMATCH",
      `out of order: ${list} come before ${appliedVersion}, which is applied`,
      {
        next: "give them a higher version, or set `migrations.outOfOrder: warn`",
      },
    );
  }
  return [`out of order: ${list} come before ${appliedVersion}, which is applied; run all the same`];
}

function names(list: readonly { readonly name: string }[]): string {
  const shown = list.slice(0, 3).map(({ name }) => name);
  return list.length > 3 ? `${shown.join(", ")} and ${list.length - 3} more` : shown.join(", ");
}

function isSameAttempt(row: LedgerRow, migration: Migration): boolean {
  return row.checksum === migration.up.checksum;
}

/** The error of the attempt that failed, as it was reported then. */
function repeatFailure(row: LedgerRow): SlipwayError {
  const { failure } = row;
  const when = row.startedAt === undefined ? "" : ` at ${row.startedAt.toISOString()}`;
  const next = nextAfterFailure(row.name, row.version);
  if (failure?.reason === undefined) {
    const why = row.errorMessage === undefined || row.errorMessage === "" ? "" : `: ${row.errorMessage}`;
    return new SlipwayError(
      "STATEMENT_FAILED",
      `migration ${row.name} failed${when} and was not tried again${why}`,
      { next },
    );
  }
  const { reason, sqlstate = "", place, excerpt, detail } = failure;
  return new StatementError(
    `migration ${row.name} failed${when} and was not tried again`,
    {
      sqlstate,
      reason,
      ...(place === undefined ? {} : { place }),
      ...(excerpt === undefined ? {} : { excerpt }),
      ...(detail === undefined ? {} : { detail }),
    },
    { next },
  );
}

/**
 * Before the first migration of all: a database that another tool migrated must not get everything a second
 * time. Throws when that tool's history knows files that are to run.
 */
export function requireAdopted(history: History, foreign: readonly ForeignHistory[]): void {
  for (const { tool, table, hasRun, extent, unfinished } of foreign) {
    const known = history.pending.filter(
      ({ migration }) => hasRun(migration) || migration.version === unfinished,
    );
    if (known.length === 0) continue;
    throw new SlipwayError(
      "HISTORY_MISMATCH",
      `${tool} migrated this database (table ${table}, ${extent}), and its history is not adopted: ${names(known.map(({ migration }) => migration))} would run again`,
      { next: "look at what would be recorded and record it: slipway migrate adopt" },
    );
  }
}

/** The two ways on from a failed migration. */
export function nextAfterFailure(name: string, version: bigint): string {
  return `correct ${name}.up.sql and run again, or try the same file again: slipway migrate retry ${version}`;
}

export function toRecordedFailure(error: SlipwayError): RecordedFailure {
  const base: RecordedFailure = { code: error.code, message: error.message, next: error.next };
  if (!(error instanceof StatementError)) return base;
  const { sqlstate, reason, place, excerpt, detail } = error.failure;
  return {
    ...base,
    sqlstate,
    reason,
    ...(place === undefined ? {} : { place }),
    ...(excerpt === undefined ? {} : { excerpt }),
    ...(detail === undefined ? {} : { detail }),
  };
}
