import { ERRORS, type ErrorCode, SlipwayError } from "../../errors.ts";
import type { Log } from "../../log/log.ts";
import { listRuns, type RunRow, type RunStatus } from "../../records/runs.ts";
import type { Events } from "./events.ts";
import { toJson } from "./json.ts";
import type { Reader } from "./operation.ts";
import { toProblem } from "./problem.ts";

const EVERY_MS = 3_000;
const NEWEST = 5;

/**
 * Tells listeners of runs that others asked for, such as an init container: that they began and how they ended,
 * as the records have it. Looks only while somebody listens.
 */
export class Watch implements Disposable {
  readonly #reader: Reader;
  readonly #events: Events;
  readonly #log: Log;
  readonly #isOwn: (runId: string) => boolean;
  readonly #timer: NodeJS.Timeout;
  /** What was seen last; undefined when nobody listened meanwhile. */
  #seen: ReadonlyMap<string, RunStatus> | undefined;
  #isLooking = false;

  constructor(reader: Reader, events: Events, isOwn: (runId: string) => boolean, log: Log) {
    this.#reader = reader;
    this.#events = events;
    this.#isOwn = isOwn;
    this.#log = log;
    this.#timer = setInterval(() => void this.#look(), EVERY_MS).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#events.listeners === 0) this.#seen = undefined;
    if (this.#events.listeners === 0 || this.#isLooking) return;
    this.#isLooking = true;
    try {
      const runs = await this.#reader.records((records) => listRuns(records, NEWEST));
      const others = runs.filter(({ id }) => !this.#isOwn(id)).reverse();
      for (const run of others) this.#tell(run, this.#seen);
      this.#seen = new Map(others.map(({ id, status }) => [id, status]));
    } catch (error) {
      // A database that is down says so to everybody who asks.
      this.#log.debug({ reason: error instanceof Error ? error.message : "" }, "Runs could not be looked at");
    } finally {
      this.#isLooking = false;
    }
  }

  #tell(run: RunRow, seen: ReadonlyMap<string, RunStatus> | undefined): void {
    const { id: runId, status, pod: by, phases } = run;
    const before = seen?.get(runId);
    const isNew = before === undefined && (seen !== undefined || status === "running");
    if (isNew) this.#events.publish({ event: "run", data: { runId, by } });
    if (status === "running" || before === status || (before === undefined && !isNew)) return;
    for (const record of phases) this.#events.publish({ event: "phase-end", data: { runId, record } });
    this.#events.publish({ event: "run-end", data: { runId, ...outcomeOf(run) } });
  }
}

function outcomeOf({
  id: runId,
  status,
  phases,
  errorCode,
  errorMessage,
}: RunRow): Readonly<Record<string, unknown>> {
  if (status === "done") {
    const isChanged = phases.some(({ outcome }) => outcome === "applied");
    return { report: toJson({ runId, result: isChanged ? "applied" : "unchanged", phases }) };
  }
  if (status === "abandoned") {
    return { problem: toProblem(new SlipwayError("SESSION_LOST", "the process of the run died")) };
  }
  const isKnown = errorCode !== undefined && errorCode in ERRORS;
  const error = isKnown
    ? new SlipwayError(errorCode as ErrorCode, errorMessage ?? "the run failed")
    : new Error(errorMessage);
  return { problem: toProblem(error) };
}
