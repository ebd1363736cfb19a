import type { Log } from "../log/log.ts";
import type { PhaseRecord } from "../records/runs.ts";
import type { LastRun } from "../records/standing.ts";

/** The last line of a run that is done. */
export const COMPLETED = "Database schema management completed";

/** The last line of a waiter whose waiting is over. */
export const READY = "The database is ready";

/** Says that there was nothing to do, and again what the run that left it so had to warn of. */
export function reportUnchanged(log: Log, last: Pick<LastRun, "phases">): readonly PhaseRecord[] {
  repeatWarnings(log, last);
  log.info("Everything is up to date");
  log.info(COMPLETED);
  return last.phases.map((phase) => ({
    ...phase,
    outcome: phase.outcome === "applied" ? "unchanged" : phase.outcome,
    changes: 0,
    durationMs: 0,
  }));
}

/** What `slipway wait` waits for unless it is told otherwise. */
export const FILES_WORDS = "what these files ask for";

/** Says that what is waited for is there. */
export function reportReady(log: Log, target: string, waitedMs: number): void {
  log.info({ for: target, waitedSeconds: Math.round(waitedMs / 1_000) }, READY);
}

export function repeatWarnings(log: Log, last: Pick<LastRun, "phases">): void {
  for (const phase of last.phases) {
    for (const { message, ...fields } of phase.warnings ?? []) log.warn(fields, message);
  }
}
