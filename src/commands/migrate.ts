import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import { runFile } from "../migrations/run.ts";
import { applyAll, planMigrations } from "../phases/user.ts";
import { resetSession } from "../postgres/reset.ts";
import { type LedgerRow, readLedger, revertedSql, setPending } from "../records/ledger.ts";
import { formatTable } from "../report/table.ts";
import { type Migration, readMigrations } from "../source/migrations.ts";
import { readSources, type Sources } from "../source/sources.ts";
import { requireYes } from "./confirm.ts";
import { type Environment, writeJson } from "./environment.ts";
import { withLock } from "./locked.ts";
import { createRunId } from "./run-id.ts";
import { type DatabaseEnvironment, openCommandSession, openRecords } from "./session.ts";

/** Only the user's migrations: the other phases are `run`'s. */
export function migrationSources(config: Config): Sources & { readonly migrations: readonly Migration[] } {
  const sources = readSources({ ...config, schemaPath: undefined });
  if (sources.migrations === undefined) throw noFolder();
  return { ...sources, migrations: sources.migrations };
}

function noFolder(): SlipwayError {
  return new SlipwayError("CONFIG_INVALID", "no folder of user migrations is set", {
    next: "set DB_USER_MIGRATIONS_PATH, or give --migrations-path FOLDER",
  });
}

/** `slipway migrate up`: the user phase alone. */
export async function migrateUp(
  environment: DatabaseEnvironment,
  options: { readonly steps?: number },
): Promise<number> {
  const sources = migrationSources(environment.config);
  return withLock(environment, sources, async (context) => {
    const { log, config } = context;
    const history = await planMigrations(context, sources.migrations);
    for (const warning of history.warnings) log.warn(warning);
    const pending = history.pending.slice(0, options.steps ?? history.pending.length);
    if (pending.length === 0) {
      log.info("No migration is pending");
      return 0;
    }
    log.info({ path: config.migrationsPath }, "Running user migrations...");
    await applyAll(context, pending);
    log.info(
      { source: "user", version: Number(pending.at(-1)?.migration.version) },
      "Migrations applied successfully",
    );
    return 0;
  });
}

export interface DownOptions {
  readonly steps: number;
  readonly yes: boolean;
}

/** `slipway migrate down`: takes back the last applied migrations, newest first. */
export async function migrateDown(environment: DatabaseEnvironment, options: DownOptions): Promise<number> {
  const sources = migrationSources(environment.config);
  return withLock(environment, sources, async (context) => {
    const ledger = await readLedger(context.records);
    const applied = ledger.filter((row) => row.status === "applied");
    const last = applied.slice(-options.steps).reverse();
    const work = last.map((row) => ({ row, migration: requireDown(sources.migrations, row) }));
    if (work.length === 0) {
      context.log.info("No migration is applied");
      return 0;
    }
    const names = work.map(({ row }) => row.name).join(", ");
    await requireYes(
      environment,
      options.yes,
      `This takes back ${names} at ${environment.config.database.describe}`,
    );
    for (const { row, migration } of work) await revert(context, row, migration);
    return 0;
  });
}

/** Found out for all of them before the first one runs. */
function requireDown(migrations: readonly Migration[], row: LedgerRow): Migration {
  const migration = migrations.find(({ version }) => version === row.version);
  if (migration?.down !== undefined) return migration;
  const file = `${row.name}.down.sql`;
  throw new SlipwayError(
    "SOURCE_INVALID",
    `${row.name} cannot be taken back: there is no ${file}; nothing was done`,
    {
      next: `write ${file}`,
    },
  );
}

async function revert(context: RunContext, row: LedgerRow, migration: Migration): Promise<void> {
  const { sources, records, session, log } = context;
  const { script, fileClass } = sources.scriptOf(migration, "down");
  await runFile(context, {
    version: row.version,
    name: row.name,
    checksum: row.checksum ?? migration.up.checksum,
    script,
    fileClass,
    direction: "down",
    row,
    finish: (durationMs) => revertedSql(records, row, durationMs),
  });
  await resetSession(session);
  log.info({ migration: row.name }, "Migration taken back");
}

/** `slipway migrate status`: a row a migration, from files and ledger. */
export async function migrateStatus(environment: DatabaseEnvironment): Promise<number> {
  const { config, out } = environment;
  const sources = migrationSources(config);
  const runId = createRunId();
  await using session = await openCommandSession(environment, runId);
  const ledger = await readLedger(await openRecords(session, config, runId));
  const rows = statusRows(sources.migrations, ledger);
  if (environment.json) writeJson(out, rows);
  else {
    out.write(
      formatTable(
        ["version", "name", "state", "applied at", "took", "checksum"],
        rows.map((row) => [
          row.version.toString(),
          row.name,
          row.state,
          row.appliedAt?.toISOString() ?? "",
          row.durationMs === undefined ? "" : `${row.durationMs} ms`,
          row.checksum,
        ]),
      ),
    );
  }
  return 0;
}

function statusRows(migrations: readonly Migration[], ledger: readonly LedgerRow[]) {
  const files = new Map(migrations.map((migration) => [migration.version, migration]));
  const rows = new Map(ledger.map((row) => [row.version, row]));
  const versions = [...new Set([...files.keys(), ...rows.keys()])].sort((a, b) => (a < b ? -1 : 1));
  return versions.map((version) => {
    const file = files.get(version);
    const row = rows.get(version);
    return {
      version,
      name: file?.name ?? row?.name ?? "",
      state: row?.status ?? "pending",
      appliedAt: row?.appliedAt,
      durationMs: row?.durationMs,
      checksum: checksumState(file, row),
      error: row?.errorMessage,
    };
  });
}

function checksumState(file: Migration | undefined, row: LedgerRow | undefined): string {
  if (file === undefined) return "file missing";
  if (row?.checksum === undefined || row.status !== "applied") return "";
  return row.checksum === file.up.checksum ? "same" : "changed";
}

/** `slipway migrate retry VERSION`: sets a failed migration to be tried again by the next run. */
export async function migrateRetry(environment: DatabaseEnvironment, version: bigint): Promise<number> {
  const { config, out } = environment;
  const runId = createRunId();
  await using session = await openCommandSession(environment, runId);
  const records = await openRecords(session, config, runId);
  if (!records.exist || !(await setPending(records, version))) {
    throw new SlipwayError("HISTORY_MISMATCH", `no failed migration has version ${version}`);
  }
  out.write(`Migration ${version} is pending again; the next run tries it\n`);
  return 0;
}

/** `slipway migrate create NAME`: both files, with the next number in the folder's own style. */
export async function migrateCreate(environment: Environment, name: string): Promise<number> {
  const { config, out } = environment;
  if (config.migrationsPath === undefined) throw noFolder();
  const title = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "");
  if (title === "") {
    throw new SlipwayError("USAGE", `"${name}" holds no letter or digit to name a file by`, {
      next: "slipway migrate create add_customers",
    });
  }
  mkdirSync(config.migrationsPath, { recursive: true });
  const { migrations } = readMigrations(config.migrationsPath);
  const last = migrations.at(-1);
  if (last?.title === title && isUntouched(last)) {
    out.write(`${last.up.path}\n${last.down?.path ?? ""}\n`);
    return 0;
  }
  const stem = `${nextVersion(migrations)}_${title}`;
  for (const [direction, words] of [
    ["up", "What changes. One transaction, unless a statement cannot run in one."],
    ["down", "The way back, for development."],
  ] as const) {
    const path = join(config.migrationsPath, `${stem}.${direction}.sql`);
    // wx: two developers who create at once must not overwrite each other.
    writeFileSync(path, `-- ${words}\n`, { flag: "wx" });
    out.write(`${path}\n`);
  }
  return 0;
}

function isUntouched(migration: Migration): boolean {
  return migration.up.text.trimStart().startsWith("-- What changes.") && !/^[^-\s]/m.test(migration.up.text);
}

function nextVersion(migrations: readonly Migration[]): string {
  const last = migrations.at(-1);
  if (last === undefined) return "001";
  const digits = /^\d+/.exec(last.name)?.[0] ?? "";
  if (/^(19|20)\d{12}$/.test(digits)) return new Date().toISOString().replaceAll(/\D/g, "").slice(0, 14);
  return (last.version + 1n).toString().padStart(digits.length, "0");
}
