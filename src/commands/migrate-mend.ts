import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import { fileStateOf } from "../migrations/findings.ts";
import { toFileRecord } from "../phases/user.ts";
import { type LedgerRow, readLedger } from "../records/ledger.ts";
import {
  countInflightAsDone,
  type FileRecord,
  inflightOf,
  recordAsApplied,
  recordFiles,
  setToRetry,
  setToStartOver,
} from "../records/mend.ts";
import { withLock } from "./locked.ts";
import { type MigrationSources, migrationSources, noSources } from "./migrate-files.ts";
import type { DatabaseEnvironment } from "./session.ts";

/**
 * `slipway migrate retry VERSION`: has a failed migration tried again by the next run, from the step it failed at; or
 * the step run again that was in flight. Under the lock: of a run that is alive, every step is in flight once.
 */
export async function migrateRetry(environment: DatabaseEnvironment, version: bigint): Promise<number> {
  return withLock(environment, noSources(environment.config), async ({ records }) => {
    const row = findRow(await readLedger(records), version);
    if (row === undefined || (row.status !== "failed" && inflightOf(row) === undefined)) {
      throw nothingToResolve(row, version);
    }
    await setToRetry(records, row);
    environment.out.write(`Migration ${row.name} is pending again; the next run tries it\n`);
    return 0;
  });
}

/** What a person found: it took effect, nothing of it is there, or the file is right as it is now. */
export type Resolution = "applied" | "pending" | "checksum";

/** `slipway migrate resolve VERSION`: records what a person found out about a migration. Runs nothing. */
export async function migrateResolve(
  environment: DatabaseEnvironment,
  version: bigint,
  resolution: Resolution,
): Promise<number> {
  const sources = migrationSources(environment.config);
  return withLock(environment, sources, async (context) => {
    const row = findRow(await readLedger(context.records), version);
    if (row === undefined) throw nothingToResolve(row, version);
    const words = await RESOLVE[resolution](context, sources, row);
    environment.out.write(`${words}\n`);
    return 0;
  });
}

type Resolve = (context: RunContext, sources: MigrationSources, row: LedgerRow) => Promise<string>;

const RESOLVE: Readonly<Record<Resolution, Resolve>> = {
  async applied({ records }, sources, row) {
    const inflight = inflightOf(row);
    if (inflight !== undefined) {
      await countInflightAsDone(records, row);
      const back = inflight.direction === "down" ? ": slipway migrate down" : "";
      return `Step ${inflight.step} of ${row.name} is recorded as done; the next run goes on behind it${back}`;
    }
    if (row.status !== "failed") throw nothingToResolve(row, row.version);
    await recordAsApplied(records, [fileRecordOf(sources, row)], "resolve", "a person found it applied");
    return `Migration ${row.name} is recorded as applied; it will not be run`;
  },

  async pending({ records }, _, row) {
    const isOpen = row.status !== "applied" || row.down.statementsDone > 0 || inflightOf(row) !== undefined;
    if (!isOpen) throw nothingToResolve(row, row.version);
    await setToStartOver(records, row);
    return `Migration ${row.name} is pending; the next run begins it from its first statement`;
  },

  async checksum({ records }, sources, row) {
    const migration = sources.migrations.find(({ version }) => version === row.version);
    if (migration === undefined) {
      throw new SlipwayError("SOURCE_INVALID", `${row.name}: its file is not in the folder`, {
        next: "put the file back; only with it can its checksum be accepted",
      });
    }
    if (row.status !== "applied") throw nothingToResolve(row, row.version);
    if (fileStateOf(migration, row) === "same") return `${migration.up.path} is as it was applied`;
    await recordFiles(records, [toFileRecord(migration)]);
    return `${migration.up.path} is accepted as what was applied; the database was not changed`;
  },
};

function findRow(ledger: readonly LedgerRow[], version: bigint): LedgerRow | undefined {
  return ledger.find((row) => row.version === version);
}

/** As the file is now; without one, as it was when it was tried. */
function fileRecordOf(sources: MigrationSources, row: LedgerRow): FileRecord {
  const migration = sources.migrations.find(({ version }) => version === row.version);
  if (migration !== undefined) return toFileRecord(migration);
  const { version, name, checksum = "", sqlChecksum = "" } = row;
  return { version, name, checksum, sqlChecksum };
}

function nothingToResolve(row: LedgerRow | undefined, version: bigint): SlipwayError {
  if (row === undefined) {
    return new SlipwayError("HISTORY_MISMATCH", `the ledger has no migration of version ${version}`, {
      next: "see `slipway migrate status`",
    });
  }
  const next =
    row.status === "applied"
      ? "to have it run again, take it back: slipway migrate down, or redo"
      : `it runs with the next run; to record it without running: slipway migrate baseline ${version}`;
  return new SlipwayError(
    "HISTORY_MISMATCH",
    `migration ${row.name} is ${row.status}, with nothing to resolve`,
    { next },
  );
}
