import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import { describeBlocker } from "../postgres/blockers.ts";
import { toPlanStatementError } from "../postgres/failure.ts";
import { type RetryOptions, retryLocked } from "../postgres/retry.ts";
import { hasSqlState, isServerError, OUT_OF_LOCKS, RETRYABLE } from "../postgres/sqlstate.ts";
import { setFingerprint, UNKNOWN_FINGERPRINT } from "../records/declarative-state.ts";
import { type Change, type Plan, type Segment, segmentsOf } from "./plan.ts";

/**
 * Runs a plan on the locked session. `finish` checks and records the result: it shares the transaction
 * of the last segment, so a plan that is transactional as a whole either holds completely, checked and
 * recorded, or leaves nothing.
 */
export async function applyPlan(context: RunContext, plan: Plan, finish: () => Promise<void>): Promise<void> {
  const segments = segmentsOf(plan.changes);
  const last = segments.at(-1);
  // Committed in several steps: should the process die between two, the half of it is not drift.
  if (segments.length > 1) await setFingerprint(context.records, UNKNOWN_FINGERPRINT);
  let done = 0;
  for (const segment of segments) {
    await applySegment(context, segment, { plan, done }, segment === last ? finish : undefined);
    done += segment.changes.length;
  }
  if (last?.transactional !== true) await context.session.transaction(finish);
}

async function applySegment(
  context: RunContext,
  segment: Segment,
  progress: Progress,
  finish: (() => Promise<void>) | undefined,
): Promise<void> {
  context.signal.throwIfAborted();
  await context.lock?.assertHeld();
  if (!segment.transactional) return runAlone(context, segment, progress);
  try {
    await runTransaction(context, segment, progress, finish);
  } catch (error) {
    if (!isOutOfLocks(error) || segment.changes.length === 1) throw error;
    await applyHalves(context, segment, progress, finish);
  }
}

/**
 * Halves until a part fits: how many locks are left on a server, nobody can ask. What was committed when
 * a part fails is no loss: the next run plans from what is there.
 */
async function applyHalves(
  context: RunContext,
  segment: Segment,
  progress: Progress,
  finish: (() => Promise<void>) | undefined,
): Promise<void> {
  const half = Math.ceil(segment.changes.length / 2);
  context.log.info(
    { changes: segment.changes.length, at: half },
    "The plan outgrows one transaction of this server (max_locks_per_transaction), applying it in parts...",
  );
  await setFingerprint(context.records, UNKNOWN_FINGERPRINT);
  const [first, second] = [segment.changes.slice(0, half), segment.changes.slice(half)];
  await applySegment(context, { ...segment, changes: first }, progress, undefined);
  const done = progress.done + first.length;
  await applySegment(context, { ...segment, changes: second }, { ...progress, done }, finish);
}

function isOutOfLocks(error: unknown): boolean {
  return hasSqlState(error instanceof SlipwayError ? error.cause : error, OUT_OF_LOCKS);
}

interface Progress {
  readonly plan: Plan;
  readonly done: number;
}

async function runTransaction(
  context: RunContext,
  segment: Segment,
  progress: Progress,
  finish: (() => Promise<void>) | undefined,
): Promise<void> {
  const { session, config } = context;
  const [first] = segment.changes;
  await retryLocked(session, lockedOptions(context, first), () =>
    session.transaction(async () => {
      await session.execute(`set local lock_timeout = ${config.lockTimeoutMs}`);
      for (const { name, value } of progress.plan.settings) {
        await session.query("select pg_catalog.set_config($1, $2, true)", [name, value]);
      }
      for (const [index, change] of segment.changes.entries()) {
        await runChange(context, change, { ...progress, done: progress.done + index });
      }
      await session.execute("reset search_path");
      await finish?.();
    }),
  );
}

function lockedOptions({ config, signal, log }: RunContext, change: Change | undefined): RetryOptions {
  return {
    what: `the change of ${change?.object ?? "the schema"}`,
    lockTimeoutMs: config.lockTimeoutMs,
    signal,
    onRetry: (attempt, blockers, pauseMs) =>
      log.warn(
        { attempt, retryInMs: Math.round(pauseMs), blockedBy: blockers.map(describeBlocker) },
        "A table is locked by another session, trying again...",
      ),
  };
}

async function runAlone(context: RunContext, segment: Segment, progress: Progress): Promise<void> {
  const { session, config } = context;
  for (const [index, change] of segment.changes.entries()) {
    const at = { ...progress, done: progress.done + index };
    for (const { name, value } of progress.plan.settings) {
      await session.query("select pg_catalog.set_config($1, $2, false)", [name, value]);
    }
    // What works concurrently waits for others' transactions, and nobody waits for it: a limit would only undo the work.
    const lockTimeout = isConcurrent(change) ? 0 : config.lockTimeoutMs;
    await session.execute(`set lock_timeout = ${lockTimeout}`);
    try {
      if (change.online?.fills === undefined) await runAgainWhenLocked(context, change, at);
      else await fillInPieces(context, change, change.online.fills, at);
    } finally {
      if (!session.closed.aborted) await session.execute("reset all");
    }
  }
}

function isConcurrent(change: Change): boolean {
  return change.lock === "shareUpdateExclusive";
}

async function runAgainWhenLocked(context: RunContext, change: Change, progress: Progress): Promise<void> {
  await retryLocked(context.session, lockedOptions(context, change), async () => {
    try {
      await runChange(context, change, progress);
    } catch (error) {
      await undo(context, change);
      throw error;
    }
  });
}

/** A failed attempt's half-made object is in the way of the next one, and of people's writing. Best effort. */
async function undo({ session, signal, log }: RunContext, change: Change): Promise<void> {
  const sql = change.online?.undo;
  if (sql === undefined || session.closed.aborted || signal.aborted) return;
  await session
    .execute(sql)
    .catch((error: unknown) => log.warn({ error, sql }, "What a failed statement left could not be removed"));
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
      runChange(context, change, progress, [`(${page},0)`, `(${page + PIECE_PAGES},0)`]),
    );
  }
}

async function runChange(
  context: RunContext,
  change: Change,
  progress: Progress,
  parameters?: readonly unknown[],
): Promise<void> {
  const { session, signal, log } = context;
  signal.throwIfAborted();
  log.debug({ object: change.object, class: change.class, sql: change.sql }, "Applying change...");
  try {
    if (parameters === undefined) await session.execute(change.sql);
    else await session.query(change.sql, parameters);
  } catch (error) {
    if (!isServerError(error) || hasSqlState(error, RETRYABLE)) throw error;
    signal.throwIfAborted();
    const { plan, done } = progress;
    throw toPlanStatementError(
      `change ${done + 1} of ${plan.changes.length} (${change.verb} ${change.object}) failed`,
      error,
      change.sql,
      "run again: `slipway plan` shows what is left",
    );
  }
}

/** Throws NOT_CONVERGED when a plan is left where none should be. */
export function requireConverged(residual: Plan): void {
  if (residual.changes.length === 0) return;
  const objects = [...new Set(residual.changes.map((change) => `${change.verb} ${change.object}`))];
  const shown = objects.slice(0, 5).join(", ");
  const more = objects.length > 5 ? ` and ${objects.length - 5} more` : "";
  throw new SlipwayError(
    "NOT_CONVERGED",
    `after the apply the database is not the desired schema; still to do: ${shown}${more}`,
    {
      next: "see `slipway plan --sql`; make the change in a migration and write the files as PostgreSQL reads them back",
    },
  );
}
