import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { SlipwayError } from "../errors.ts";
import type { Session } from "./session.ts";

/** Who holds the lock, as `pg_stat_activity` tells it. */
export interface LockHolder {
  readonly pid: number;
  readonly application: string;
  readonly user: string;
  readonly client: string;
  readonly state: string;
  readonly heldSeconds: number;
}

/** Another run held the lock all the time. */
export class LockBusyError extends SlipwayError {
  /** Undefined where `pg_stat_activity` doesn't show it. */
  readonly holder: LockHolder | undefined;

  constructor(holder: LockHolder | undefined, waitMs: number) {
    const forHow = waitMs === 0 ? "holds the lock" : `held the lock for ${Math.round(waitMs / 1_000)} s`;
    const who = holder === undefined ? "" : `; held by ${describeHolder(holder)}`;
    super("LOCK_BUSY", `another run ${forHow}${who}`, {
      next:
        holder === undefined
          ? "run again"
          : `run again, raise SLIPWAY_LOCK_WAIT, or end it: select pg_terminate_backend(${holder.pid})`,
    });
    this.holder = holder;
  }
}

export interface RunLock extends AsyncDisposable {
  /** Throws SESSION_LOST when a file let go of the lock (`pg_advisory_unlock_all`, `DISCARD ALL`). */
  assertHeld(): Promise<void>;
}

export interface LockOptions {
  /** The schema of slipway's records: two runs that share it share the lock. */
  readonly stateSchema: string;
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Asked before each new attempt; true ends the waiting without the lock. */
  readonly noLongerNeeded: () => Promise<boolean>;
  readonly onWait?: (holder: LockHolder | undefined, elapsedMs: number) => void;
  /** Between two attempts, in milliseconds; unless given it grows to a second. */
  readonly pauseMs?: number;
}

const FIRST_PAUSE_MS = 100;
// The end of a run wakes those who wait for it; asking is for the one that ended without a word, or that began
// to listen a moment late. Each look costs the server two short questions, and there may be hundreds who ask.
const LONGEST_PAUSE_MS = 1_000;
const SAY_EVERY_MS = 15_000;

/**
 * The 64-bit key of the run lock. Advisory locks are per database already, so the database's name is
 * no part of it.
 */
export function lockKey(stateSchema: string): bigint {
  return createHash("sha256").update(`slipway:${stateSchema}`).digest().readBigInt64BE(0);
}

/** What the end of a run is told on. A channel belongs to its database, as the lock does. */
const channelOf = (key: string): string => `slipway_run_${key}`;

const TRY_LOCK = `select pg_catalog.pg_try_advisory_lock($1::bigint) as granted`;
// A NOTIFY is delivered at the end of its statement: whoever is woken finds the lock free.
const UNLOCK = `select pg_catalog.pg_advisory_unlock($1::bigint), pg_catalog.pg_notify($2, '')`;

const IS_HELD = `
select exists (
  select from pg_catalog.pg_locks
   where locktype = 'advisory' and pid = pg_catalog.pg_backend_pid() and granted and objsubid = 1
     and ((classid::bigint << 32) | objid::bigint) = $1::bigint) as held`;

const FIND_HOLDER = `
select a.pid, a.application_name as application, coalesce(a.usename::text, '') as user,
       coalesce(a.client_addr::text, 'local') as client, coalesce(a.state, '') as state,
       coalesce(extract(epoch from now() - a.backend_start), 0)::float8 as held_seconds
  from pg_catalog.pg_locks l
  join pg_catalog.pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'advisory' and l.granted and l.objsubid = 1
   and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
   and ((l.classid::bigint << 32) | l.objid::bigint) = $1::bigint`;

/**
 * Holds the one-run-per-database lock until disposed; undefined when it was no longer needed.
 *
 * Polls instead of blocking in `pg_advisory_lock`: a waiter blocked inside a statement keeps its
 * snapshot, and CREATE INDEX CONCURRENTLY in the holder waits for that snapshot, so each would wait for
 * the other until PostgreSQL calls it a deadlock.
 */
export async function acquireRunLock(session: Session, options: LockOptions): Promise<RunLock | undefined> {
  const key = lockKey(options.stateSchema).toString();
  const channel = channelOf(key);
  const start = performance.now();
  let pause = options.pauseMs ?? FIRST_PAUSE_MS;
  let nextWord = 0;
  let wake = new AbortController();
  for (let attempt = 1; ; attempt += 1) {
    const [row] = await session.query<{ granted: boolean }>(TRY_LOCK, [key]);
    if (row?.granted === true) {
      // The files that run next are not to find it in their session.
      await session.unlisten(channel);
      return heldLock(session, key);
    }
    if (attempt === 1) await session.listen(channel, () => wake.abort());
    const elapsedMs = performance.now() - start;
    if (elapsedMs >= nextWord || elapsedMs >= options.waitMs) {
      const holder = await findLockHolder(session, options.stateSchema);
      if (elapsedMs >= options.waitMs) throw new LockBusyError(holder, options.waitMs);
      options.onWait?.(holder, elapsedMs);
      nextWord = elapsedMs + SAY_EVERY_MS;
    }
    const rest = Math.max(options.waitMs - elapsedMs, 1);
    await sleep(Math.min(pause * (0.8 + Math.random() * 0.4), rest), undefined, {
      signal: AbortSignal.any([options.signal, wake.signal]),
    }).catch(() => options.signal.throwIfAborted());
    if (wake.signal.aborted) wake = new AbortController();
    pause = Math.min(pause * 1.5, options.pauseMs ?? LONGEST_PAUSE_MS);
    if (await options.noLongerNeeded()) return undefined;
  }
}

function heldLock(session: Session, key: string): RunLock {
  return {
    async assertHeld() {
      const [row] = await session.query<{ held: boolean }>(IS_HELD, [key]);
      if (row?.held === true) return;
      throw new SlipwayError("SESSION_LOST", "the run lock was let go by a statement of the files", {
        next: "remove `pg_advisory_unlock_all()` or `DISCARD ALL` from the files, then run again",
      });
    },
    async [Symbol.asyncDispose]() {
      // Ending the session lets go of the lock too, so a dead one needs no unlock.
      if (session.closed.aborted) return;
      await session.query(UNLOCK, [key, channelOf(key)]).catch(() => undefined);
    },
  };
}

/** Who holds the run lock now; undefined when nobody does. Needs no rights. */
export async function findLockHolder(session: Session, stateSchema: string): Promise<LockHolder | undefined> {
  const rows = await session.query<Omit<LockHolder, "heldSeconds"> & { held_seconds: number }>(FIND_HOLDER, [
    lockKey(stateSchema).toString(),
  ]);
  const [row] = rows;
  if (row === undefined) return undefined;
  const { held_seconds: heldSeconds, ...holder } = row;
  return { ...holder, heldSeconds };
}

/** For example `pid 4711 (slipway/0.1.0 shop-7d9f run 0192…, user app, from 10.1.2.3, active)`. */
export function describeHolder(holder: LockHolder): string {
  return `pid ${holder.pid} (${holder.application || "no application_name"}, user ${holder.user}, from ${holder.client}, ${holder.state})`;
}
