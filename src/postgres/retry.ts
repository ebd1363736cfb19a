import { setTimeout as sleep } from "node:timers/promises";
import { SlipwayError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import { type Blocker, describeBlocker, watchBlockers } from "./blockers.ts";
import type { Session } from "./session.ts";
import { hasSqlState, LOCK_NOT_AVAILABLE, RETRYABLE } from "./sqlstate.ts";

export interface RetryOptions {
  /** What is tried, for the error: `migration 003_add_index`. */
  readonly what: string;
  /** PostgreSQL `lock_timeout` of one attempt. 0 waits without limit. */
  readonly lockTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly onRetry?: (attempt: number, blockers: readonly Blocker[], pauseMs: number) => void;
}

const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Runs a transaction, and runs the whole of it again when it lost against another session: a lock
 * timeout, a deadlock, a serialization failure. It left nothing behind, so again is safe.
 *
 * A short lock_timeout with retries beats waiting: a blocked ACCESS EXCLUSIVE request makes every later
 * reader queue behind it.
 */
export async function retryLocked<T>(
  session: Session,
  options: RetryOptions,
  work: () => Promise<T>,
): Promise<T> {
  let pauseMs = FIRST_PAUSE_MS;
  for (let attempt = 1; ; attempt += 1) {
    const watch = watchLockTimeout(session, options.lockTimeoutMs);
    try {
      return await work();
    } catch (error) {
      const cause = error instanceof SlipwayError ? error.cause : error;
      if (!hasSqlState(cause, RETRYABLE)) throw error;
      const blockers = await watch.stop();
      if (attempt >= ATTEMPTS) throw tableLocked(options, blockers, error);
      options.onRetry?.(attempt, blockers, pauseMs);
    } finally {
      void watch.stop();
    }
    await sleep(pauseMs * (0.7 + Math.random() * 0.6), undefined, { signal: options.signal }).catch(() =>
      options.signal.throwIfAborted(),
    );
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

/** Looks shortly before the lock_timeout that ends the statement, and not at all where there is none. */
function watchLockTimeout(session: Session, lockTimeoutMs: number): ReturnType<typeof watchBlockers> {
  if (lockTimeoutMs === 0) return { stop: async () => [] };
  return watchBlockers(session, Math.max(200, lockTimeoutMs * 0.6));
}

/** The log line of each retry. `fields` say what is tried: `{ migration: "003_add_index" }`. */
export function sayRetry(
  log: Log,
  fields: Readonly<Record<string, unknown>> = {},
): NonNullable<RetryOptions["onRetry"]> {
  return (attempt, blockers, pauseMs) =>
    log.warn(
      {
        ...fields,
        attempt,
        retryInMs: Math.round(pauseMs),
        blockedBy: blockers.map(describeBlocker),
      },
      "A table is locked by another session, trying again...",
    );
}

function tableLocked(options: RetryOptions, blockers: readonly Blocker[], error: unknown): SlipwayError {
  const [first] = blockers;
  const cause = error instanceof SlipwayError ? error.cause : error;
  const lost = hasSqlState(cause, LOCK_NOT_AVAILABLE)
    ? `did not get its table locks in ${ATTEMPTS} attempts of ${options.lockTimeoutMs} ms`
    : `lost against other sessions in ${ATTEMPTS} attempts (${cause instanceof Error ? cause.message : "unknown"})`;
  const who = blockers.length === 0 ? "" : `; blocked by ${blockers.map(describeBlocker).join(", ")}`;
  return new SlipwayError("TABLE_LOCKED", `${options.what} ${lost}${who}`, {
    cause: error,
    next:
      first === undefined
        ? "run again, or raise SLIPWAY_LOCK_TIMEOUT"
        : `end the blocker (select pg_terminate_backend(${first.pid})) or raise SLIPWAY_LOCK_TIMEOUT, then run again`,
  });
}
