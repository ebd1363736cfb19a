import type { RunContext } from "../context.ts";
import { keepingFingerprint } from "../declarative/refresh.ts";
import { findForeignHistories } from "../migrations/foreign-history.ts";
import { type History, type PendingMigration, reconcile, requireAdopted } from "../migrations/reconcile.ts";
import { runFile } from "../migrations/run.ts";
import { finishUp, type Work } from "../migrations/work.ts";
import { resetSession } from "../postgres/reset.ts";
import { readLedger } from "../records/ledger.ts";
import { type FileRecord, recordFiles } from "../records/mend.ts";
import type { Migration } from "../source/migrations.ts";
import { sqlChecksum } from "../sql/checksum.ts";
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
    await followFiles(context, history.stale);
    if (history.pending.length === 0)
      return { outcome: "unchanged", changes: 0, warnings, ...versionOf(history) };
    log.info({ path: config.migrationsPath }, "Running user migrations...");
    await keepingFingerprint(context, () => applyAll(context, history.pending));
    const version = highest([
      ...history.pending.map(({ migration }) => migration.version),
      history.appliedVersion,
    ]);
    log.info({ source: "user", version: versionForLog(version) }, "Migrations applied successfully");
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

/** Brings rows up to date that lack a checksum, or that have the old name of a file that was renamed. */
export async function followFiles(context: RunContext, stale: readonly Migration[]): Promise<void> {
  if (stale.length === 0) return;
  const renamed = await recordFiles(context.records, stale.map(toFileRecord));
  for (const { name, was } of renamed) {
    context.log.warn({ migration: name, was }, "An applied migration was renamed, the ledger follows");
  }
}

/** What the ledger keeps of a file. */
export function toFileRecord({ version, name, up }: Migration): FileRecord {
  return { version, name, checksum: up.checksum, sqlChecksum: sqlChecksum(up.text) };
}

/** A number where JSON can hold it exactly, otherwise its digits. */
export function versionForLog(version: bigint): number | string {
  return version <= Number.MAX_SAFE_INTEGER ? Number(version) : version.toString();
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

/** Applies pending migrations in order; the session is as it was at connect afterwards. */
export async function applyAll(context: RunContext, pending: readonly PendingMigration[]): Promise<void> {
  await resetSession(context.session);
  for (const [index, each] of pending.entries()) {
    const what = `migration ${each.migration.name}`;
    context.observe({ kind: "step", phase: "user", what, step: index + 1, steps: pending.length });
    await applyOne(context, each);
  }
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
    sqlChecksum: sqlChecksum(migration.up.text),
    script,
    fileClass,
    row,
  };
  context.signal.throwIfAborted();
  log.debug({ migration: migration.name, mode: fileClass.mode }, "Applying migration...");
  await runFile(context, { ...work, finish: finishUp(context, work) });
  log.debug({ migration: migration.name, ms: Math.round(performance.now() - start) }, "Migration applied");
}
