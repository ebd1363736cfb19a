import type { RunContext } from "../context.ts";
import { keepingFingerprint } from "../declarative/refresh.ts";
import { type Limit, type Move, movesAgain, movesDown, movesUp } from "../migrations/moves.ts";
import type { PendingMigration } from "../migrations/reconcile.ts";
import { runFile } from "../migrations/run.ts";
import { applyAll, followFiles, planMigrations, toFileRecord, versionForLog } from "../phases/user.ts";
import { resetSession } from "../postgres/reset.ts";
import { readLedger, revertedSql } from "../records/ledger.ts";
import { formatTable } from "../report/table.ts";
import type { FileClass } from "../sql/file-class.ts";
import { requireYes } from "./confirm.ts";
import { writeJson } from "./environment.ts";
import { withLock, withoutLock } from "./locked.ts";
import { type MigrationSources, migrationSources, requireVersion } from "./migrate-files.ts";
import type { DatabaseEnvironment } from "./session.ts";

export interface MoveOptions extends Limit {
  /** Show what would be done, and do nothing. */
  readonly dryRun: boolean;
  /** Do not ask before something is taken back. */
  readonly yes: boolean;
}

type Decide = (context: RunContext, sources: MigrationSources) => Promise<readonly Move[]>;

/** `slipway migrate up`: the user phase alone. */
export function migrateUp(environment: DatabaseEnvironment, options: MoveOptions): Promise<number> {
  return move(environment, options, (context, sources) => decideUp(context, sources, options));
}

/** `slipway migrate down`: takes back the last applied migrations, the last one first. */
export function migrateDown(environment: DatabaseEnvironment, options: MoveOptions): Promise<number> {
  return move(environment, options, (context, sources) => decideDown(context, sources, options));
}

/** `slipway migrate redo`: takes back the last applied migrations and applies them again. */
export function migrateRedo(environment: DatabaseEnvironment, options: MoveOptions): Promise<number> {
  return move(environment, options, async (context, sources) =>
    movesAgain(await decideDown(context, sources, options)),
  );
}

/** `slipway migrate goto VERSION`: takes back what is above it; where nothing is, applies what is missing up to it. */
export function migrateGoto(
  environment: DatabaseEnvironment,
  to: bigint,
  options: Omit<MoveOptions, "steps" | "to">,
): Promise<number> {
  return move(environment, options, async (context, sources) => {
    const down = await decideDown(context, sources, { to });
    return down.length > 0 ? down : decideUp(context, sources, { to });
  });
}

async function decideUp(
  context: RunContext,
  { migrations }: MigrationSources,
  limit: Limit,
): Promise<readonly Move[]> {
  const history = await planMigrations(context, migrations);
  if (limit.to !== undefined) requireVersion(limit.to, migrations, await readLedger(context.records));
  for (const warning of history.warnings) context.log.warn(warning);
  if (context.lock !== undefined) await followFiles(context, history.stale);
  return movesUp(history.pending, limit);
}

async function decideDown(
  { records }: RunContext,
  { migrations }: MigrationSources,
  limit: Limit,
): Promise<readonly Move[]> {
  const ledger = await readLedger(records);
  if (limit.to !== undefined && limit.to !== 0n) requireVersion(limit.to, migrations, ledger);
  return movesDown(migrations, ledger, limit);
}

async function move(
  environment: DatabaseEnvironment,
  { dryRun, yes }: Pick<MoveOptions, "dryRun" | "yes">,
  decide: Decide,
): Promise<number> {
  const sources = migrationSources(environment.config);
  for (const { at, message } of sources.warnings) environment.log.warn({ at }, message);
  const work = async (context: RunContext): Promise<number> => {
    const moves = await decide(context, sources);
    // All of the files, in both directions, before the first one runs.
    const ways = sources.scriptsOf(moves).map(({ fileClass }) => fileClass);
    if (dryRun) {
      show(environment, moves, ways);
      return 0;
    }
    if (moves.length === 0) context.log.info("No migration is to be run");
    else {
      await confirm(environment, yes, moves);
      await keepingFingerprint(context, () => perform(context, moves));
    }
    if (environment.json) writeJson(environment.out, moves.map(toJson(ways)));
    return 0;
  };
  return dryRun ? withoutLock(environment, sources, work) : withLock(environment, sources, work);
}

async function confirm(
  environment: DatabaseEnvironment,
  yes: boolean,
  moves: readonly Move[],
): Promise<void> {
  const back = moves.filter(({ direction }) => direction === "down");
  if (back.length === 0) return;
  const names = back.map(({ migration }) => migration.name).join(", ");
  const where = environment.config.database.describe;
  await requireYes(environment, yes, `This takes back ${names} at ${where}`);
}

async function perform(context: RunContext, moves: readonly Move[]): Promise<void> {
  const { log, config, session } = context;
  const up: PendingMigration[] = [];
  await resetSession(session);
  for (const each of moves) {
    if (each.direction === "down") await revert(context, each);
    else up.push(each);
  }
  const last = up.at(-1)?.migration.version;
  if (last === undefined) return;
  log.info({ path: config.migrationsPath }, "Running user migrations...");
  await applyAll(context, up);
  log.info({ source: "user", version: versionForLog(last) }, "Migrations applied successfully");
}

async function revert(context: RunContext, { migration, row }: Move & { direction: "down" }): Promise<void> {
  const { sources, records, log } = context;
  const { script, fileClass } = sources.scriptOf(migration, "down");
  await runFile(context, {
    ...toFileRecord(migration),
    name: row.name,
    script,
    fileClass,
    direction: "down",
    row,
    finish: (durationMs) => revertedSql(records, row, durationMs),
  });
  log.info({ migration: row.name }, "Migration taken back");
}

function show({ json, out }: DatabaseEnvironment, moves: readonly Move[], ways: readonly FileClass[]): void {
  const rows = moves.map(toJson(ways));
  if (json) writeJson(out, rows);
  else if (rows.length === 0) out.write("No migration is to be run\n");
  else {
    out.write(
      formatTable(
        ["would", "version", "name", "how"],
        rows.map(({ direction, version, name, how }) => [
          direction === "up" ? "apply" : "take back",
          version.toString(),
          name,
          how,
        ]),
      ),
    );
  }
}

function toJson(ways: readonly FileClass[]) {
  return ({ direction, migration: { version, name }, row }: Move, index: number) => {
    const progress = direction === "down" ? row?.down : row;
    return { direction, version, name, how: describeWay(ways[index], progress?.statementsDone ?? 0) };
  };
}

function describeWay(way: FileClass | undefined, done: number): string {
  if (way === undefined || way.groups.length === 0) return "holds no statement";
  if (way.mode === "transactional" || way.mode === "wrapped") return "in one transaction";
  const alone = way.groups.flatMap(({ reason }) => reason ?? []);
  const why = way.mode === "self-managed" ? ["transactions of its own"] : [...new Set(alone)];
  const from = done > 0 && done < way.groups.length ? `, from step ${done + 1} on` : "";
  return `in ${way.groups.length} ${way.groups.length === 1 ? "step" : "steps"}${from} (${why.join(", ")})`;
}
