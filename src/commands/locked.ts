import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import { acquireRunLock } from "../postgres/lock.ts";
import { requireSafeDatabase } from "../postgres/preflight.ts";
import { installRecords } from "../records/install.ts";
import type { Sources } from "../source/sources.ts";
import { createContext, sayWaiting } from "./context.ts";
import { createRunId } from "./run-id.ts";
import { type DatabaseEnvironment, openCommandSession, openRecords } from "./session.ts";

/** Runs `work` under the run lock, with slipway's records in place; for commands beside `run` that write. */
export async function withLock<T>(
  environment: DatabaseEnvironment,
  sources: Sources,
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const { config, log, signal } = environment;
  const runId = createRunId();
  await using session = await openCommandSession(environment, runId);
  try {
    await requireSafeDatabase(session, log, signal);
    await using lock = await acquireRunLock(session, {
      stateSchema: config.stateSchema,
      waitMs: config.lockWaitMs,
      signal: AbortSignal.any([signal, session.closed]),
      onWait: sayWaiting(environment),
      noLongerNeeded: async () => false,
    });
    if (lock === undefined) throw new SlipwayError("LOCK_BUSY", "the lock was not needed");
    const found = await openRecords(session, config, runId);
    await installRecords(found);
    return await work({ ...(await createContext(environment, { ...found, exist: true }, sources)), lock });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw session.closed.aborted ? session.closed.reason : error;
  }
}

/** Runs `work` that only reads, on records as they are; for showing what would be done. */
export async function withoutLock<T>(
  environment: DatabaseEnvironment,
  sources: Sources,
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const { config, log, signal } = environment;
  const runId = createRunId();
  await using session = await openCommandSession(environment, runId);
  await requireSafeDatabase(session, log, signal);
  const records = await openRecords(session, config, runId);
  return await work(await createContext(environment, records, sources));
}
