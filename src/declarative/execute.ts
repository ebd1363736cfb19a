import type { RunContext } from "../context.ts";
import { toPlanStatementError } from "../postgres/failure.ts";
import { withHeartbeat } from "../postgres/heartbeat.ts";
import { type RetryOptions, retryLocked, sayRetry } from "../postgres/retry.ts";
import { hasSqlState, isServerError, RETRYABLE } from "../postgres/sqlstate.ts";
import type { Change, Plan } from "./plan.ts";

/** Where in a plan the execution is. */
export interface Progress {
  readonly plan: Plan;
  /** Changes before this one. */
  readonly done: number;
}

/** How often, and how long each time, a statement asks for its locks. */
export function lockedOptions({ config, signal, log }: RunContext, change: Change | undefined): RetryOptions {
  return {
    what: `the change of ${change?.object ?? "the schema"}`,
    // What works concurrently waits for others' transactions, and nobody waits for it: a limit would only undo the work.
    lockTimeoutMs: change?.lock === "shareUpdateExclusive" ? 0 : config.lockTimeoutMs,
    signal,
    onRetry: sayRetry(log),
  };
}

/** Runs a change outside of a transaction: again when it lost against another session, and in pieces where it fills. */
export async function runAlone(context: RunContext, change: Change, progress: Progress): Promise<void> {
  const { session } = context;
  const options = lockedOptions(context, change);
  for (const { name, value } of progress.plan.settings) {
    await session.query("select pg_catalog.set_config($1, $2, false)", [name, value]);
  }
  await session.execute(`set lock_timeout = ${options.lockTimeoutMs}`);
  try {
    const relation = change.online?.fills;
    if (relation !== undefined) await fillInPieces(context, change, relation, progress);
    else await runUntilDone(context, change, progress, options);
  } finally {
    if (!session.closed.aborted) await session.execute("reset all");
  }
}

async function runUntilDone(
  context: RunContext,
  change: Change,
  progress: Progress,
  options: RetryOptions,
): Promise<void> {
  const { undo, undoEach, withdraw } = change.online ?? {};
  try {
    await retryLocked(context.session, options, async () => {
      try {
        await runChange(context, change, progress);
      } catch (error) {
        await tidy(context, undo);
        await tidyEach(context, undoEach);
        throw error;
      }
    });
  } catch (error) {
    await tidy(context, withdraw);
    throw error;
  }
}

/** What a failed statement leaves is in the way of the next attempt, and of people's writing. Best effort. */
async function tidy({ session, signal, log }: RunContext, sql: string | undefined): Promise<void> {
  if (sql === undefined || session.closed.aborted || signal.aborted) return;
  await session
    .execute(sql)
    .catch((error: unknown) => log.warn({ error, sql }, "What a failed statement left could not be removed"));
}

async function tidyEach(context: RunContext, query: string | undefined): Promise<void> {
  const { session, signal, log } = context;
  if (query === undefined || session.closed.aborted || signal.aborted) return;
  const rows = await session.query<{ sql: string }>(query).catch((error: unknown) => {
    log.warn({ error, sql: query }, "What a failed statement left could not be removed");
    return [];
  });
  for (const { sql } of rows) await tidy(context, sql);
}

/** Pages of a piece: some ten thousand rows, locked for a fraction of a second. */
const PIECE_PAGES = 128;

/**
 * Rows that are there get their value piece by piece, each a transaction of its own. A row version that others
 * write meanwhile goes to the end of the table, or has its value already: the end is looked for again each time.
 */
async function fillInPieces(
  context: RunContext,
  change: Change,
  relation: string,
  progress: Progress,
): Promise<void> {
  const { session, log, signal } = context;
  let reported = Date.now();
  for (let page = 0; ; page += PIECE_PAGES) {
    signal.throwIfAborted();
    const [row] = await session.query<{ pages: number }>(
      "select (pg_catalog.pg_relation_size($1::regclass) / pg_catalog.current_setting('block_size')::int)::int as pages",
      [relation],
    );
    const pages = row?.pages ?? 0;
    if (page >= pages) return;
    if (Date.now() - reported >= 5_000) {
      reported = Date.now();
      log.info({ object: change.object, page, pages }, "Filling a column...");
    }
    await retryLocked(session, lockedOptions(context, change), () =>
      runChange(context, pieceOf(change, page), progress),
    );
  }
}

/** The rows whose address is in a range of pages: PostgreSQL reads these and no others (manual, "TID Range Scan"). */
function pieceOf(change: Change, page: number): Change {
  const range = `ctid >= '(${page},0)'::tid AND ctid < '(${page + PIECE_PAGES},0)'::tid`;
  return { ...change, sql: `${change.sql} AND ${range}` };
}

/** Runs one statement of a plan; an error of the server says which it was, and how to go on. */
export async function runChange(context: RunContext, change: Change, progress: Progress): Promise<void> {
  const { session, signal, log, observe } = context;
  signal.throwIfAborted();
  const { plan, done } = progress;
  const what = `${change.verb} ${change.object}`;
  observe({ kind: "step", phase: "declarative", what, step: done + 1, steps: plan.changes.length });
  log.debug({ object: change.object, class: change.class, sql: change.sql }, "Applying change...");
  try {
    await withHeartbeat(context, what, () => session.execute(change.sql));
  } catch (error) {
    if (!isServerError(error) || hasSqlState(error, RETRYABLE)) throw error;
    signal.throwIfAborted();
    throw toPlanStatementError(
      `change ${done + 1} of ${plan.changes.length} (${what}) failed`,
      error,
      change.sql,
      "run again: `slipway plan` shows what is left",
    );
  }
}
