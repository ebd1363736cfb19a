import { askBeside } from "./monitor.ts";
import type { Running, Session } from "./session.ts";

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

/** Who keeps the session `pid` waiting at this moment; asked on another one. */
export async function findBlockers(monitor: Session, pid: number): Promise<readonly Blocker[]> {
  const rows = await monitor.query<Omit<Blocker, "sinceSeconds"> & { since: number }>(FIND_BLOCKERS, [pid]);
  return rows.map(({ since, ...blocker }) => ({ ...blocker, sinceSeconds: Math.round(since) }));
}

/**
 * Looks once, while a statement has been at work for `afterMs`, at who blocks it; afterwards nobody could
 * tell. Best effort: an empty list may also mean that nobody could be asked.
 */
export function watchBlockers(session: Session, afterMs: number): { stop(): Promise<readonly Blocker[]> } {
  let looking: Promise<readonly Blocker[] | undefined> = Promise.resolve([]);
  let seen: Running | undefined;
  const timer = setInterval(() => {
    const { running } = session;
    if (running === undefined || running === seen || performance.now() - running.since < afterMs) return;
    seen = running;
    looking = askBeside(session, (monitor) => findBlockers(monitor, session.backendPid));
  }, afterMs / 5);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      return (await looking) ?? [];
    },
  };
}

/** For example `pid 4711 (app, user shop, idle in transaction for 12 s: select …)`. */
export function describeBlocker(blocker: Blocker): string {
  const application = blocker.application === "" ? "no application_name" : blocker.application;
  return `pid ${blocker.pid} (${application}, user ${blocker.user}, ${blocker.state} for ${blocker.sinceSeconds} s: ${blocker.query})`;
}
