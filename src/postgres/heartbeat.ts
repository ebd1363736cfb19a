import type { Log } from "../log/log.ts";
import { type Blocker, describeBlocker, findBlockers } from "./blockers.ts";
import { askBeside } from "./monitor.ts";
import type { Session } from "./session.ts";

const FIRST_MS = 10_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Runs a statement, and says in the log that it still runs: after 10 s, 30 s, then every 30 s. The line has
 * how long, what it waits for, who is in its way, and how far a build of an index has come.
 *
 * `what` names the statement for a person: `003_add_index.up.sql:4`. Nothing about the watching can fail or
 * delay `work`, and its errors come through as they are.
 */
export async function withHeartbeat<T>(
  context: { readonly session: Session; readonly log: Log },
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const { session, log } = context;
  const start = performance.now();
  let pauseMs = FIRST_MS;
  let isOver = false;
  const beat = async (): Promise<void> => {
    const seen = await askBeside(session, (monitor) => observe(monitor, session.backendPid));
    if (isOver) return;
    say(log, { statement: what, runningSeconds: Math.round((performance.now() - start) / 1_000) }, seen);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    timer = setTimeout(beat, pauseMs);
  };
  let timer = setTimeout(beat, FIRST_MS);
  try {
    return await work();
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}

interface Observation {
  readonly activity: Activity | undefined;
  readonly blockers: readonly Blocker[];
}

function say(
  log: Log,
  fields: { readonly statement: string; readonly runningSeconds: number },
  seen: Observation | undefined,
): void {
  const { activity, blockers = [] } = seen ?? {};
  const all = {
    ...fields,
    ...(activity?.wait == null ? {} : { waitsFor: activity.wait }),
    ...(blockers.length === 0 ? {} : { blockedBy: blockers.map(describeBlocker) }),
    ...(activity === undefined ? {} : describeBuild(activity)),
  };
  if (blockers.length === 0) log.info(all, "A statement is still running...");
  else log.warn(all, "A statement is waiting for another session...");
}

/** What the statistics views say of a session; counts are of the phase that a build of an index is in. */
interface Activity {
  /** For example `Lock: relation`, `IO: DataFileRead`; null while it computes. */
  readonly wait: string | null;
  readonly phase: string | null;
  readonly blocks_done: string | null;
  readonly blocks_total: string | null;
  readonly tuples_done: string | null;
  readonly tuples_total: string | null;
  readonly lockers_done: string | null;
  readonly lockers_total: string | null;
}

const ACTIVITY = `
select a.wait_event_type || ': ' || a.wait_event as wait, p.phase, p.blocks_done, p.blocks_total,
       p.tuples_done, p.tuples_total, p.lockers_done, p.lockers_total
  from pg_catalog.pg_stat_activity a
  left join pg_catalog.pg_stat_progress_create_index p on p.pid = a.pid
 where a.pid = $1 and a.datname = pg_catalog.current_database()`;

async function observe(monitor: Session, pid: number): Promise<Observation> {
  const [activity] = await monitor.query<Record<string, unknown> & Activity>(ACTIVITY, [pid]);
  return { activity, blockers: await findBlockers(monitor, pid) };
}

/**
 * Which of the counts mean something depends on the phase (PostgreSQL manual, "CREATE INDEX Progress
 * Reporting"): sessions to wait for, blocks to read, or tuples to write.
 */
function describeBuild(activity: Activity): Readonly<Record<string, unknown>> {
  const { phase } = activity;
  if (phase === null) return {};
  const counts = {
    sessions: [activity.lockers_done, activity.lockers_total],
    blocks: [activity.blocks_done, activity.blocks_total],
    tuples: [activity.tuples_done, activity.tuples_total],
  };
  const order = phase.startsWith("waiting")
    ? (["sessions"] as const)
    : phase.includes("tuples")
      ? (["tuples", "blocks"] as const)
      : (["blocks", "tuples"] as const);
  for (const unit of order) {
    const [done, total] = counts[unit].map(Number);
    if (done === undefined || total === undefined || total <= 0) continue;
    const percent = Math.min(100, Math.floor((done / total) * 100));
    return { phase, done: `${done} of ${total} ${unit}`, percent };
  }
  return { phase };
}
