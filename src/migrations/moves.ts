import { type Problem, ProblemsError } from "../errors.ts";
import type { LedgerRow } from "../records/ledger.ts";
import type { Migration } from "../source/migrations.ts";
import type { PendingMigration } from "./reconcile.ts";

/** One migration to be run, one way or the other. */
export type Move =
  | ({ readonly direction: "up" } & PendingMigration)
  | { readonly direction: "down"; readonly migration: Migration; readonly row: LedgerRow };

/** How far to go: so many migrations, or to a version, which is then the highest that is applied. */
export interface Limit {
  readonly steps?: number;
  readonly to?: bigint;
}

/** What to apply, in the order of versions. */
export function movesUp(pending: readonly PendingMigration[], { steps, to }: Limit): Move[] {
  return pending
    .filter(({ migration }) => to === undefined || migration.version <= to)
    .slice(0, steps ?? pending.length)
    .map((each) => ({ direction: "up", ...each }));
}

/**
 * What to take back: the last applied one first, which for one that was applied out of order is not the highest.
 * Throws SOURCE_INVALID with every down file that is missing.
 */
export function movesDown(
  migrations: readonly Migration[],
  ledger: readonly LedgerRow[],
  { steps, to }: Limit,
): Move[] {
  const rows = ledger
    .filter((row) => row.status === "applied" && (to === undefined || row.version > to))
    .sort(compareLastFirst);
  const files = new Map(migrations.map((migration) => [migration.version, migration]));
  const problems: Problem[] = [];
  const moves = rows.slice(0, steps ?? rows.length).flatMap((row): Move[] => {
    const migration = files.get(row.version);
    if (migration?.down !== undefined) return [{ direction: "down", migration, row }];
    const file = `${migration?.name ?? row.name}.down.sql`;
    problems.push({
      at: file,
      message: `is missing, ${row.name} cannot be taken back; nothing was done`,
      hint: `write ${file}`,
    });
    return [];
  });
  if (problems.length > 0)
    throw new ProblemsError("SOURCE_INVALID", problems, { next: "write what is missing" });
  return moves;
}

/** Takes back, and applies again what was taken back, with the files as they are now. */
export function movesAgain(down: readonly Move[]): Move[] {
  const up = down.map(({ migration }): Move => ({ direction: "up", migration, row: undefined }));
  return [...down, ...up.reverse()];
}

/** One whose way back was begun comes first: nothing else may be taken back before it is ended. */
function compareLastFirst(one: LedgerRow, other: LedgerRow): number {
  const begun = Number(isBegun(other)) - Number(isBegun(one));
  const time = (other.appliedAt?.getTime() ?? 0) - (one.appliedAt?.getTime() ?? 0);
  return begun || time || (one.version < other.version ? 1 : -1);
}

function isBegun({ down }: LedgerRow): boolean {
  return down.statementsDone > 0 || down.statementInflight !== undefined;
}
