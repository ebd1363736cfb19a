import type { Session } from "../postgres/session.ts";
import type { PhaseRecord } from "../records/runs.ts";
import type { LastRun } from "../records/standing.ts";
import { reportUnchanged } from "../report/unchanged.ts";
import type { DatabaseEnvironment } from "./session.ts";

/** What a run did; the value that every output of it is made from. */
export interface RunReport {
  readonly runId: string;
  readonly result: "unchanged" | "applied";
  readonly phases: readonly PhaseRecord[];
  readonly planId?: string | undefined;
  readonly userVersion?: bigint | undefined;
}

/** The report of a run that found everything done. */
export function unchanged({ log }: DatabaseEnvironment, runId: string, last: LastRun): RunReport {
  return { runId, result: "unchanged", phases: reportUnchanged(log, last), userVersion: last.userVersion };
}

/** A stop signal and a lost session show as all sorts of errors; what ended the run is the signal or the loss. */
export function causeOf(error: unknown, signal: AbortSignal, session: Session): unknown {
  if (signal.aborted) return signal.reason;
  if (session.closed.aborted) return session.closed.reason;
  return error;
}
