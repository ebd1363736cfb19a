import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import { retryLocked } from "../postgres/retry.ts";
import { hasSqlState, OUT_OF_LOCKS } from "../postgres/sqlstate.ts";
import { APPLYING_FINGERPRINT, setFingerprint } from "../records/declarative-state.ts";
import { lockedOptions, type Progress, runAlone, runChange } from "./execute.ts";
import { type Change, type Plan, type Segment, segmentsOf } from "./plan.ts";

/**
 * Runs a plan on the locked session. `finish` checks and records the result. A plan that is one transaction
 * shares it with `finish`: it holds completely, checked and recorded, or leaves nothing. After several there is
 * nothing to take back, and no lock is held while the result is read.
 */
export async function applyPlan(context: RunContext, plan: Plan, finish: () => Promise<void>): Promise<void> {
  const segments = segmentsOf(plan.changes);
  const isWhole = segments.length === 1 && segments[0]?.transactional === true;
  // Committed in several steps: should the process die between two, the half of it is not drift.
  if (!isWhole) await setFingerprint(context.records, APPLYING_FINGERPRINT);
  let done = 0;
  for (const segment of segments) {
    await applySegment(context, segment, { plan, done }, isWhole ? finish : undefined);
    done += segment.changes.length;
  }
  if (!isWhole) await context.session.transaction(finish);
}

async function applySegment(
  context: RunContext,
  segment: Segment,
  progress: Progress,
  finish: (() => Promise<void>) | undefined,
): Promise<void> {
  context.signal.throwIfAborted();
  await context.lock?.assertHeld();
  if (!segment.transactional) {
    for (const change of segment.changes) await runAlone(context, change, progress);
    return;
  }
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
  await setFingerprint(context.records, APPLYING_FINGERPRINT);
  const [first, second] = [segment.changes.slice(0, half), segment.changes.slice(half)];
  await applySegment(context, { ...segment, changes: first }, progress, undefined);
  const done = progress.done + first.length;
  await applySegment(context, { ...segment, changes: second }, { ...progress, done }, finish);
}

function isOutOfLocks(error: unknown): boolean {
  return hasSqlState(error instanceof SlipwayError ? error.cause : error, OUT_OF_LOCKS);
}

async function runTransaction(
  context: RunContext,
  segment: Segment,
  progress: Progress,
  finish: (() => Promise<void>) | undefined,
): Promise<void> {
  const { session, config } = context;
  const { lockTimeoutMs } = config;
  await retryLocked(session, { ...lockedOptions(context, segment.changes[0]), lockTimeoutMs }, () =>
    session.transaction(async () => {
      await session.execute(`set local lock_timeout = ${lockTimeoutMs}`);
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

/** Throws NOT_CONVERGED when changes are left where none should be. */
export function requireConverged(left: readonly Change[]): void {
  if (left.length === 0) return;
  const objects = [...new Set(left.map((change) => `${change.verb} ${change.object}`))];
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
