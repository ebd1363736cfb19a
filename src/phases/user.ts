import type { RunContext } from "../context.ts";
import { keepingFingerprint } from "../declarative/refresh.ts";
import { findForeignHistories } from "../migrations/foreign-history.ts";
import { type History, type PendingMigration, reconcile, requireAdopted } from "../migrations/reconcile.ts";
import { finishUp, runFile, type Work } from "../migrations/run.ts";
import { resetSession } from "../postgres/reset.ts";
import { readLedger } from "../records/ledger.ts";
import type { Migration } from "../source/migrations.ts";
import type { Phase } from "./phase.ts";

/** Runs the user's migrations that are not applied yet, in the order of their versions. */
export const userPhase: Phase<History | undefined> = {
  name: "user",

  async plan(context) {
    const { sources } = context;
    if (sources.migrations === undefined) return undefined;
    return planMigrations(context, sources.migrations);
  },

  pendingOf(history) {
    return (history?.pending ?? []).map(({ migration }) => `migration ${migration.name} is to run`);
  },

  async apply(context, history) {
    if (history === undefined) return { outcome: "skipped", changes: 0 };
    const { log, config } = context;
    const warnings = history.warnings.map((message) => ({ message }));
    if (history.pending.length === 0)
      return { outcome: "unchanged", changes: 0, warnings, ...versionOf(history) };
    log.info({ path: config.migrationsPath }, "Running user migrations...");
    await keepingFingerprint(context, () => applyAll(context, history.pending));
    const version = highest([
      ...history.pending.map(({ migration }) => migration.version),
      history.appliedVersion,
    ]);
    log.info({ source: "user", version: Number(version) }, "Migrations applied successfully");
    return { outcome: "applied", changes: history.pending.length, warnings, userVersion: version };
  },
};

/** What files and ledger ask for; refuses a database whose history is in another tool's table only. */
export async function planMigrations(
  context: RunContext,
  migrations: readonly Migration[],
): Promise<History> {
  const ledger = await readLedger(context.records);
  const history = reconcile(migrations, ledger, context.config);
  if (ledger.length === 0 && history.pending.length > 0) {
    requireAdopted(history, await findForeignHistories(context.session));
  }
  return history;
}

function highest(versions: readonly (bigint | undefined)[]): bigint {
  return (
    versions
      .filter((version) => version !== undefined)
      .toSorted((a, b) => (a < b ? -1 : 1))
      .at(-1) ?? 0n
  );
}

function versionOf(history: History): { readonly userVersion?: bigint } {
  return history.appliedVersion === undefined ? {} : { userVersion: history.appliedVersion };
}

/** Applies pending migrations in order and leaves the session as it was before. */
export async function applyAll(context: RunContext, pending: readonly PendingMigration[]): Promise<void> {
  for (const each of pending) await applyOne(context, each);
  await resetSession(context.session);
}

async function applyOne(context: RunContext, { migration, row }: PendingMigration): Promise<void> {
  const { sources, log } = context;
  const start = performance.now();
  const { script, fileClass } = sources.scriptOf(migration, "up");
  const work: Omit<Work, "finish"> = {
    direction: "up",
    version: migration.version,
    name: migration.name,
    checksum: migration.up.checksum,
    script,
    fileClass,
    row,
  };
  context.signal.throwIfAborted();
  log.debug({ migration: migration.name, mode: fileClass.mode }, "Applying migration...");
  await runFile(context, { ...work, finish: finishUp(context, work) });
  log.debug({ migration: migration.name, ms: Math.round(performance.now() - start) }, "Migration applied");
}
