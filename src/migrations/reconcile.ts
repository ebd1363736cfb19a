import { ProblemsError, SlipwayError } from "../errors.ts";
import type { LedgerRow } from "../records/ledger.ts";
import { toStatementError } from "../records/recorded-failure.ts";
import type { Migration } from "../source/migrations.ts";
import {
  type Finding,
  fileStateOf,
  findContradictions,
  findGaps,
  type HistoryPolicy,
  names,
} from "./findings.ts";
import type { ForeignHistory } from "./foreign-history.ts";

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
  /** Applied, but the ledger lacks a checksum or has an older name of the same file. */
  readonly stale: readonly Migration[];
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
  const applied = ledger.filter((row) => row.status === "applied");
  const pending = migrations.flatMap((migration): PendingMigration[] => {
    const row = rows.get(migration.version);
    return row?.status === "applied" ? [] : [{ migration, row }];
  });
  const fresh = pending.flatMap(({ migration, row }) => (row === undefined ? [migration.version] : []));
  const histories = { migrations, ledger };
  const findings = [...findContradictions(histories, policy), ...findGaps(histories, fresh, policy.gap)];
  requireNoError(findings.filter(({ severity }) => severity === "error"));
  for (const { migration, row } of pending) {
    if (row?.status === "failed" && isSameAttempt(row, migration)) throw repeatFailure(row);
  }
  return {
    pending,
    warnings: findings.map(formatFinding),
    appliedVersion: applied.at(-1)?.version,
    applied: applied.length,
    stale: migrations.filter((migration) => isStale(migration, rows.get(migration.version))),
  };
}

export function formatFinding({ at, message }: Finding): string {
  return typeof at === "string" ? message : `${at.file}: ${message}`;
}

/** All at once, so that a person mends the history once. */
function requireNoError(errors: readonly Finding[]): void {
  const [first, second] = errors;
  if (first === undefined) return;
  if (second === undefined) {
    throw new SlipwayError("HISTORY_MISMATCH", formatFinding(first), { next: first.next });
  }
  throw new ProblemsError(
    "HISTORY_MISMATCH",
    errors.map(({ at, message, next }) => ({ at, message, hint: next })),
    { next: `${first.next}; all of it: slipway migrate verify` },
  );
}

function isStale(migration: Migration, row: LedgerRow | undefined): boolean {
  if (row?.status !== "applied") return false;
  const state = fileStateOf(migration, row);
  if (state === "not recorded") return true;
  return state === "same" && (row.sqlChecksum === undefined || row.name !== migration.name);
}

function isSameAttempt(row: LedgerRow, migration: Migration): boolean {
  return row.checksum === migration.up.checksum;
}

/** The error of the attempt that failed, as it was reported then. */
function repeatFailure(row: LedgerRow): SlipwayError {
  const { failure } = row;
  const when = row.startedAt === undefined ? "" : ` at ${row.startedAt.toISOString()}`;
  if (failure?.code === "HISTORY_MISMATCH") {
    return new SlipwayError("HISTORY_MISMATCH", failure.message, { next: failure.next });
  }
  const next = nextAfterFailure(row.name, row.version);
  const message = `migration ${row.name} failed${when} and was not tried again`;
  const refused = failure === undefined ? undefined : toStatementError({ ...failure, message, next });
  if (refused !== undefined) return refused;
  const why = row.errorMessage === undefined || row.errorMessage === "" ? "" : `: ${row.errorMessage}`;
  return new SlipwayError("STATEMENT_FAILED", `${message}${why}`, { next });
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
