import { setTimeout as sleep } from "node:timers/promises";
import { SlipwayError } from "../errors.ts";
import { openSession } from "../postgres/connect.ts";
import { describeHolder, findLockHolder } from "../postgres/lock.ts";
import type { Session } from "../postgres/session.ts";
import type { Records } from "../records/records.ts";
import { listRuns } from "../records/runs.ts";
import { READY, reportReady } from "../report/unchanged.ts";
import { type Conclusion, writeJson } from "./environment.ts";
import { createRunId } from "./run-id.ts";
import { applicationName, type DatabaseEnvironment, openRecords } from "./session.ts";
import { createTarget, type Look, type Target, type WaitFor } from "./wait-target.ts";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;
const SAY_EVERY_MS = 15_000;

/** A look, and who works on what is missing. */
interface Sighting extends Look {
  readonly atWork: string;
}

/**
 * `slipway wait`: returns when the database is where it should be. Asks the database alone, takes no lock and
 * writes nothing. Between two looks it has no connection: waiters in every pod of a deployment must not take the
 * slots that the run needs.
 */
export async function waitCommand(environment: DatabaseEnvironment, wanted: WaitFor): Promise<Conclusion> {
  const { config, log, signal } = environment;
  const target = createTarget(wanted, config);
  const start = performance.now();
  let pause = FIRST_PAUSE_MS;
  let nextWord = 0;
  let said = "";
  for (;;) {
    const { missing, atWork, warnings } = await lookOnce(environment, target);
    const elapsedMs = performance.now() - start;
    const waitedSeconds = Math.round(elapsedMs / 1_000);
    if (missing.length === 0) {
      for (const warning of warnings ?? []) log.warn(warning);
      reportReady(log, target.words, elapsedMs);
      if (environment.json)
        writeJson(environment.out, { result: "ready", for: wanted, waitedMs: Math.round(elapsedMs) });
      return { line: READY };
    }
    // What no run can do anything with is said before minutes are spent.
    if (said === "") target.requireSound();
    if (elapsedMs >= config.waitTimeoutMs) throw gaveUp(target, missing, atWork, config.waitTimeoutMs);
    const words = missing.join("; ");
    if (elapsedMs >= nextWord || words !== said) {
      log.info({ for: target.words, missing, atWork, waitedSeconds }, "Waiting for the database...");
      said = words;
      nextWord = elapsedMs + SAY_EVERY_MS;
    }
    const rest = Math.max(config.waitTimeoutMs - elapsedMs, 1);
    await sleep(Math.min(pause * (0.8 + Math.random() * 0.4), rest), undefined, { signal }).catch(() =>
      signal.throwIfAborted(),
    );
    pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS);
  }
}

/** A server that is away, or refuses a login that a run may be about to make, is waited for as well. */
async function lookOnce(environment: DatabaseEnvironment, target: Target): Promise<Sighting> {
  const { config, signal } = environment;
  const runId = createRunId();
  let session: Session | undefined;
  try {
    session = await openSession(config.database, {
      applicationName: applicationName(environment, runId),
      statementTimeoutMs: config.statementTimeoutMs,
      waitMs: 0,
      signal,
    });
    const records = await openRecords(session, config, runId, "read");
    const holder = await findLockHolder(session, config.stateSchema);
    const look = await target.look(records, holder !== undefined);
    if (look.missing.length === 0) return { ...look, atWork: "" };
    const atWork = holder === undefined ? "nobody" : `${await describeRun(records)}${describeHolder(holder)}`;
    return { ...look, atWork };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SlipwayError && error.code === "DATABASE_UNREACHABLE")
      return { missing: [error.message], atWork: "not known" };
    if (session?.closed.aborted === true)
      return { missing: [String((session.closed.reason as Error).message)], atWork: "not known" };
    throw error;
  } finally {
    await session?.close();
  }
}

async function describeRun(records: Records): Promise<string> {
  const [run] = records.exist ? await listRuns(records, 1) : [];
  if (run?.status !== "running") return "";
  return `run ${run.id} of ${run.pod ?? "-"}, slipway ${run.release}, since ${run.startedAt.toISOString()}; `;
}

function gaveUp(target: Target, missing: readonly string[], atWork: string, timeoutMs: number): SlipwayError {
  return new SlipwayError(
    "WAIT_TIMEOUT",
    `after ${Math.round(timeoutMs / 1_000)} s the database is not at ${target.words}: ${missing.join("; ")}; at work: ${atWork}`,
    {
      next:
        atWork === "nobody"
          ? "find out why no run did it (`slipway status`, the Job's pods) or run it now: slipway run"
          : "let the run go on and wait again, or longer: SLIPWAY_WAIT_TIMEOUT",
    },
  );
}
