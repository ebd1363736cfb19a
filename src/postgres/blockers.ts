import { openSession } from "./connect.ts";
import type { Session } from "./session.ts";

/** A session that stands in the way of ours. */
export interface Blocker {
  readonly pid: number;
  readonly user: string;
  readonly application: string;
  readonly state: string;
  readonly query: string;
  readonly sinceSeconds: number;
}

const FIND_BLOCKERS = `
select a.pid, coalesce(a.usename::text, '') as user, coalesce(a.application_name, '') as application,
       coalesce(a.state, '') as state, pg_catalog.left(coalesce(a.query, ''), 100) as query,
       coalesce(extract(epoch from clock_timestamp() - coalesce(a.xact_start, a.query_start)), 0)::float8 as since
  from pg_catalog.pg_stat_activity a
 where a.pid = any (pg_catalog.pg_blocking_pids($1))`;

/**
 * Looks, from a second short-lived connection while ours waits, at who blocks it; afterwards nobody could
 * tell. Best effort: no right to see, no free connection slot and no blocker all give an empty list.
 */
export function watchBlockers(session: Session, afterMs: number): { stop(): Promise<readonly Blocker[]> } {
  let looking: Promise<readonly Blocker[]> = Promise.resolve([]);
  const timer = setTimeout(() => {
    looking = findBlockers(session).catch(() => []);
  }, afterMs);
  timer.unref();
  return {
    stop() {
      clearTimeout(timer);
      return looking;
    },
  };
}

async function findBlockers(session: Session): Promise<readonly Blocker[]> {
  await using monitor = await openSession(session.target, {
    applicationName: "slipway monitor",
    statementTimeoutMs: 2_000,
    waitMs: 0,
    signal: AbortSignal.timeout(2_000),
  });
  const rows = await monitor.query<Omit<Blocker, "sinceSeconds"> & { since: number }>(FIND_BLOCKERS, [
    session.backendPid,
  ]);
  return rows.map(({ since, ...blocker }) => ({ ...blocker, sinceSeconds: Math.round(since) }));
}

/** For example `pid 4711 (app, user shop, idle in transaction for 12 s: select …)`. */
export function describeBlocker(blocker: Blocker): string {
  const application = blocker.application === "" ? "no application_name" : blocker.application;
  return `pid ${blocker.pid} (${application}, user ${blocker.user}, ${blocker.state} for ${blocker.sinceSeconds} s: ${blocker.query})`;
}
