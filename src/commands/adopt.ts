import { SlipwayError } from "../errors.ts";
import { findForeignHistories } from "../migrations/foreign-history.ts";
import { readLedger, recordAdopted } from "../records/ledger.ts";
import type { Migration } from "../source/migrations.ts";
import { requireYes } from "./confirm.ts";
import { withLock } from "./locked.ts";
import { migrationSources } from "./migrate.ts";
import type { DatabaseEnvironment } from "./session.ts";

/**
 * `slipway migrate adopt`: takes over the history of the tool that migrated this database before. Shows what
 * it will record, then records it; runs no migration and leaves the other tool's table alone.
 */
export async function migrateAdopt(
  environment: DatabaseEnvironment,
  options: { readonly yes: boolean },
): Promise<number> {
  const { out } = environment;
  const sources = migrationSources(environment.config);
  return withLock(environment, sources, async ({ records, session }) => {
    const [history] = await findForeignHistories(session);
    if (history === undefined) {
      out.write(
        "No history of golang-migrate, dbmate, goose, Flyway, node-pg-migrate or Prisma is in this database\n",
      );
      return 0;
    }
    const known = new Set((await readLedger(records)).map((row) => row.version));
    const run = sources.migrations.filter(
      (migration) => history.hasRun(migration) && !known.has(migration.version),
    );
    const words = `${history.tool} (table ${history.table}, ${history.extent})`;
    if (run.length === 0) {
      out.write(
        `Nothing to adopt from ${words}: its migrations are in the ledger, or not among these files\n`,
      );
      return requireFinished(history.unfinished, words);
    }
    out.write(
      `From ${words}, these are recorded as applied:\n${run.map((migration) => `  ${migration.name}\n`).join("")}`,
    );
    await requireYes(
      environment,
      options.yes,
      `This records ${run.length} migrations as applied without running them`,
    );
    await session.transaction(() => recordAdopted(records, run.map(toRow), `adopted from ${words}`));
    return requireFinished(history.unfinished, words);
  });
}

function toRow({ version, name, up }: Migration) {
  return { version, name, checksum: up.checksum };
}

/** What the other tool left half done, nobody but a person can judge. */
function requireFinished(unfinished: bigint | undefined, words: string): number {
  if (unfinished === undefined) return 0;
  throw new SlipwayError(
    "HISTORY_MISMATCH",
    `version ${unfinished} is half done, says ${words}; it was not adopted`,
    {
      next: `undo what version ${unfinished} did, and the next run applies it; or finish it by hand and record it: insert into migrations.app (version, name, status, applied_at) values (${unfinished}, '…', 'applied', now())`,
    },
  );
}
