import type { Log } from "../log/log.ts";
import type { PhaseRecord } from "../records/runs.ts";
import type { LastRun } from "../records/standing.ts";

/** Says that there was nothing to do, and again what the run that left it so had to warn of. */
export function reportUnchanged(log: Log, last: LastRun): readonly PhaseRecord[] {
  for (const phase of last.phases) {
    for (const { message, ...fields } of phase.warnings ?? []) log.warn(fields, message);
  }
  log.info("Everything is up to date");
  log.info("Database schema management completed");
  return last.phases.map((phase) => ({
    ...phase,
    outcome: phase.outcome === "applied" ? "unchanged" : phase.outcome,
    changes: 0,
    durationMs: 0,
  }));
}
