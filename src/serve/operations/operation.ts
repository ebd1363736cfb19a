import { withoutLock } from "../../commands/locked.ts";
import { createRunId } from "../../commands/run-id.ts";
import { type DatabaseEnvironment, openCommandSession, openRecords } from "../../commands/session.ts";
import type { RunContext } from "../../context.ts";
import { SlipwayError } from "../../errors.ts";
import type { Records } from "../../records/records.ts";
import type { Sources } from "../../source/sources.ts";
import { ApiError } from "./problem.ts";

/** Longer than any plan should take; what reads holds no lock that anybody waits for. */
const DEADLINE_MS = 120_000;
const AT_ONCE = 4;
const MOST_WAITING = 32;

/**
 * The reading operations of the API. Each opens a session and closes it: an idle server needs none. Only so
 * many are at work at once, however many ask.
 */
export class Reader {
  readonly #environment: DatabaseEnvironment;
  readonly #waiting: (() => void)[] = [];
  #active = 0;

  constructor(environment: DatabaseEnvironment) {
    this.#environment = environment;
  }

  /** With slipway's records as they are. */
  records<T>(work: (records: Records, environment: DatabaseEnvironment) => Promise<T>): Promise<T> {
    return this.#run(async (environment) => {
      const runId = createRunId();
      await using session = await openCommandSession(environment, runId);
      return await work(await openRecords(session, environment.config, runId), environment);
    });
  }

  /** With what a phase needs to plan. */
  context<T>(
    readFiles: (environment: DatabaseEnvironment) => Sources,
    work: (context: RunContext) => Promise<T>,
  ): Promise<T> {
    return this.#run((environment) => withoutLock(environment, readFiles(environment), work));
  }

  async #run<T>(work: (environment: DatabaseEnvironment) => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await asOperation(this.#environment, DEADLINE_MS, work);
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#active < AT_ONCE) {
      this.#active += 1;
      return;
    }
    if (this.#waiting.length >= MOST_WAITING)
      throw new ApiError("OVERLOADED", "too many requests wait for the database");
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The place is handed on, so that nobody slips in between. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#active -= 1;
    else next();
  }
}

/**
 * Runs `work` with a stop signal of its own, which ends with it: what listens to the server's would be kept
 * as long as the server lives. A server that is down is told at once.
 */
export async function asOperation<T>(
  environment: DatabaseEnvironment,
  deadlineMs: number | undefined,
  work: (environment: DatabaseEnvironment) => Promise<T>,
): Promise<T> {
  const { signal, config } = environment;
  signal.throwIfAborted();
  const stop = new AbortController();
  const onStop = (): void => stop.abort(signal.reason);
  signal.addEventListener("abort", onStop);
  const timer =
    deadlineMs === undefined
      ? undefined
      : setTimeout(() => {
          stop.abort(new SlipwayError("INTERRUPTED", `took longer than ${deadlineMs / 1_000} s`));
        }, deadlineMs);
  try {
    return await work({ ...environment, config: { ...config, connectWaitMs: 0 }, signal: stop.signal });
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onStop);
    stop.abort();
  }
}
