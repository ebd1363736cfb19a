import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import { type ForeignHistory, findForeignHistories, TOOL_NAMES } from "../migrations/foreign-history.ts";
import { toFileRecord } from "../phases/user.ts";
import { readLedger } from "../records/ledger.ts";
import { recordAsApplied, recordHalfDone } from "../records/mend.ts";
import type { Migration } from "../source/migrations.ts";
import { requireYes } from "./confirm.ts";
import type { Output } from "./environment.ts";
import { withLock, withoutLock } from "./locked.ts";
import { migrationSources } from "./migrate-files.ts";
import type { DatabaseEnvironment } from "./session.ts";

export interface AdoptOptions {
  readonly yes: boolean;
  readonly dryRun: boolean;
  /** As `schema.table`, where the schema may be left out. */
  readonly table?: string;
}

/**
 * `slipway migrate adopt`: takes over the history of the tool that migrated this database before. Shows what
 * it will record, then records it; runs no migration and leaves the other tool's table alone.
 */
export async function migrateAdopt(environment: DatabaseEnvironment, options: AdoptOptions): Promise<number> {
  const sources = migrationSources(environment.config);
  const work = (context: RunContext): Promise<number> =>
    adopt(environment, context, sources.migrations, options);
  return options.dryRun ? withoutLock(environment, sources, work) : withLock(environment, sources, work);
}

async function adopt(
  { out, ...environment }: DatabaseEnvironment,
  { records, session }: RunContext,
  migrations: readonly Migration[],
  options: AdoptOptions,
): Promise<number> {
  const history = choose(await findForeignHistories(session, options.table), migrations, options.table);
  if (history === undefined) {
    out.write(`No history of ${TOOL_NAMES} is in this database\n`);
    return 0;
  }
  const words = `${history.tool} (table ${history.table}, ${history.extent})`;
  const known = new Set((await readLedger(records)).map((row) => row.version));
  const fresh = migrations.filter((migration) => !known.has(migration.version));
  const run = fresh.filter(history.hasRun);
  const half = fresh.find(({ version }) => version === history.unfinished);
  if (run.length === 0 && half === undefined) {
    out.write(`Nothing to adopt from ${words}: its migrations are in the ledger, or not among these files\n`);
    return 0;
  }
  show(out, words, run, half, history.others(migrations));
  if (options.dryRun) return 0;
  const count = run.length + (half === undefined ? 0 : 1);
  await requireYes(
    { out, ...environment },
    options.yes,
    `This records ${count} migrations without running them`,
  );
  const failure = half === undefined ? undefined : halfDone(half, words);
  await session.transaction(async () => {
    await recordAsApplied(records, run.map(toFileRecord), "adopt", `adopted from ${words}`);
    if (half !== undefined && failure !== undefined)
      await recordHalfDone(records, toFileRecord(half), failure);
  });
  if (failure === undefined) return 0;
  throw new SlipwayError("HISTORY_MISMATCH", failure.message, { next: failure.next });
}

function show(
  out: Output,
  words: string,
  run: readonly Migration[],
  half: Migration | undefined,
  others: readonly string[],
): void {
  const list = (some: readonly { readonly name: string }[]): string =>
    some.map(({ name }) => `  ${name}\n`).join("");
  if (run.length > 0) out.write(`From ${words}, these are recorded as applied:\n${list(run)}`);
  if (half !== undefined)
    out.write(`Half done, and recorded as failed until a person resolves it:\n${list([half])}`);
  if (others.length > 0) {
    out.write(`Not adopted, since no file here has them:\n${list(others.map((name) => ({ name })))}`);
  }
}

/** The history that knows these files: a database may hold those of other services too. */
function choose(
  histories: readonly ForeignHistory[],
  migrations: readonly Migration[],
  table: string | undefined,
): ForeignHistory | undefined {
  if (table !== undefined) {
    const named = histories.filter((each) => each.table === table || each.table.endsWith(`.${table}`));
    const [only] = named;
    if (only !== undefined && named.length === 1) return only;
    throw new SlipwayError(
      "USAGE",
      `${named.length === 0 ? "no" : "more than one"} table "${table}" holds a history of ${TOOL_NAMES}`,
      { next: histories.length === 0 ? "see `\\dt *.*` of psql" : `there is: ${tables(histories)}` },
    );
  }
  const knowing = histories.filter(({ hasRun, unfinished }) =>
    migrations.some((migration) => hasRun(migration) || migration.version === unfinished),
  );
  if (knowing.length <= 1) return knowing[0] ?? histories[0];
  throw new SlipwayError("USAGE", `several histories know these files: ${tables(knowing)}`, {
    next: `say whose it is: slipway migrate adopt --table ${knowing[0]?.table ?? ""}`,
  });
}

function tables(histories: readonly ForeignHistory[]): string {
  return histories.map(({ tool, table }) => `${table} (${tool})`).join(", ");
}

/** What the other tool left half done, nobody but a person can judge. */
function halfDone(
  { name, version }: Migration,
  words: string,
): { readonly message: string; readonly next: string } {
  return {
    message: `${name} is half done, says ${words}`,
    next: `look at what is there of it; undo that, and: slipway migrate resolve ${version} --as-pending; or finish it by hand, and: slipway migrate resolve ${version} --as-applied`,
  };
}
