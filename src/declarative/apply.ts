import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import { describeBlocker } from "../postgres/blockers.ts";
import { toPlanStatementError } from "../postgres/failure.ts";
import { retryLocked } from "../postgres/retry.ts";
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
  const { session, config, signal, log } = context;
  await retryLocked(
    session,
    {
      what: `the change of ${segment.changes[0]?.object ?? "the schema"}`,
      lockTimeoutMs: config.lockTimeoutMs,
      signal,
      onRetry: (attempt, blockers, pauseMs) =>
        log.warn(
          { attempt, retryInMs: Math.round(pauseMs), blockedBy: blockers.map(describeBlocker) },
          "A table is locked by another session, trying again...",
        ),
    },
    () =>
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

async function runAlone(context: RunContext, segment: Segment, progress: Progress): Promise<void> {
  const { session } = context;
  for (const { name, value } of progress.plan.settings) {
    await session.query("select pg_catalog.set_config($1, $2, false)", [name, value]);
  }
  try {
    for (const change of segment.changes) await runChange(context, change, progress);
  } finally {
    if (!session.closed.aborted) await session.execute("reset all");
  }
}

async function runChange(context: RunContext, change: Change, progress: Progress): Promise<void> {
  const { session, signal, log } = context;
  signal.throwIfAborted();
  log.debug({ object: change.object, class: change.class, sql: change.sql }, "Applying change...");
  try {
    await session.execute(change.sql);
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
