import { formatStatusTarget } from "../config/config.ts";
import type { RunContext } from "../context.ts";
import { sweepShadows } from "../declarative/shadow.ts";
import { SlipwayError } from "../errors.ts";
import type { Publisher } from "../kubernetes/publisher.ts";
import { redact } from "../log/redact.ts";
import type { Plans } from "../phases/plans.ts";
import { runPhases, type SequenceResult } from "../phases/sequence.ts";
import { acquireRunLock } from "../postgres/lock.ts";
import { requireSafeDatabase } from "../postgres/preflight.ts";
import type { Session } from "../postgres/session.ts";
import { refreshBootstrapSignature } from "../records/bootstrap-state.ts";
import { installRecords } from "../records/install.ts";
import { type RecordedFailure, toRecordedFailure } from "../records/recorded-failure.ts";
import type { Records } from "../records/records.ts";
import { beginRun, type FinishedRun, finishRun, type PhaseRecord } from "../records/runs.ts";
import { didTheSame, type LastRun, readLatestEnd, readStanding } from "../records/standing.ts";
import { COMPLETED } from "../report/unchanged.ts";
import type { SourceFiles } from "../source/files.ts";
import { prepareSources } from "../source/sources.ts";
import { quoteIdent } from "../sql/quote.ts";
import { createContext, sayWaiting } from "./context.ts";
import { loadPublishing, publishEnd, shown } from "./publishing.ts";
import { causeOf, type RunReport, unchanged } from "./run-report.ts";
import { type DatabaseEnvironment, openRecords } from "./session.ts";

/** Decides under the lock, before anything runs, whether it may; what it gives is carried out as it is. */
export type Admission = (context: RunContext) => Promise<Plans>;

export interface LockedRun {
  readonly environment: DatabaseEnvironment;
  readonly session: Session;
  readonly runId: string;
  readonly files: SourceFiles;
  readonly isUpToDate: () => Promise<LastRun | undefined>;
  readonly admit: Admission | undefined;
}

/** The part of a run that a database which is up to date never gets to see: lock, phases, records. */
export async function runLocked(locked: LockedRun): Promise<RunReport> {
  const { environment, session, runId, files, isUpToDate, admit } = locked;
  const { config, log, signal } = environment;
  const sources = prepareSources(config, files);
  await requireSafeDatabase(session, log, signal);
  const schema = quoteIdent(config.stateSchema);
  let latest = await readLatestEnd(session, schema);
  let meanwhile: LastRun | undefined;
  // Of a run that ended while this one waited and did the same, its word is taken: hundreds of pods that start
  // together would otherwise all ask for the signatures at the same moment.
  const lookForAnother = async (): Promise<LastRun | undefined> => {
    const end = await readLatestEnd(session, schema);
    if (end === undefined || end.id === latest?.id) return undefined;
    latest = end;
    return didTheSame(end, files.hash, formatStatusTarget(config)) ? end : await isUpToDate();
  };
  const publishing = loadPublishing(environment);
  await using lock = await acquireRunLock(session, {
    stateSchema: config.stateSchema,
    waitMs: config.lockWaitMs,
    signal: AbortSignal.any([signal, session.closed]),
    onWait: sayWaiting(environment),
    noLongerNeeded: async () => {
      meanwhile = await lookForAnother();
      return meanwhile !== undefined;
    },
  });
  // Between the first look and the lock, another run may have done it all.
  if (lock !== undefined) meanwhile = (await lookForAnother()) ?? (await isUpToDate());
  if (meanwhile !== undefined) return unchanged(environment, runId, meanwhile);
  if (lock === undefined) throw new Error("the lock was given up without a reason");

  const found = await openRecords(session, config, runId);
  await installRecords(found);
  const context: RunContext = {
    ...(await createContext(environment, { ...found, exist: true }, sources)),
    lock,
  };
  const given = await admit?.(context);
  using publisher = (await publishing)?.(runId);
  return await runRecorded(environment, publisher === undefined ? context : shown(context, publisher), {
    given,
    publisher,
  });
}

async function runRecorded(
  environment: DatabaseEnvironment,
  context: RunContext,
  { given, publisher }: { readonly given: Plans | undefined; readonly publisher: Publisher | undefined },
): Promise<RunReport> {
  const { records, session, log } = context;
  await beginRun(records, "run", environment.pod, context.sources.hash);
  await sweepShadows(session);
  const result = await runPhases(context, given);
  const { phases, planId, userVersion } = result;
  if (result.error !== undefined) {
    const error = causeOf(result.error, environment.signal, session);
    await recordFailure(context, result, error);
    await publishEnd(publisher, context, phases, error);
    throw error;
  }
  const signatures = await takeSignatures(records);
  await finishRun(records, { status: "done", phases, planId, userVersion, signatures });
  const isChanged = phases.some((phase) => phase.outcome === "applied");
  if (!isChanged) log.info("Everything is up to date");
  await publishEnd(publisher, context, phases);
  log.info(COMPLETED);
  return { runId: records.runId, result: isChanged ? "applied" : "unchanged", phases, planId, userVersion };
}

/** What a later run compares with; taken last, when all that this run does to the catalog is done. */
async function takeSignatures(records: Records): Promise<FinishedRun["signatures"]> {
  const standing = await readStanding(records.session, records.schema);
  if (standing === undefined) return undefined;
  await refreshBootstrapSignature(records, standing.now.bootstrap);
  return standing.now;
}

async function recordFailure(context: RunContext, result: SequenceResult, error: unknown): Promise<void> {
  const { records, session, log } = context;
  if (session.closed.aborted) return;
  const { planId, userVersion } = result;
  const phases = result.phases.map((phase) => withFailure(phase, error));
  const code = error instanceof SlipwayError ? error.code : "BUG";
  const message = redact(error instanceof Error ? error.message : String(error));
  const status = code === "INTERRUPTED" ? "interrupted" : "failed";
  try {
    await session.rollback();
    await finishRun(records, { status, phases, planId, userVersion, error: { code, message } });
  } catch (failure) {
    log.warn(
      { reason: failure instanceof Error ? failure.message : String(failure) },
      "The failed run could not be recorded",
    );
  }
}

/** The phase that failed with what ended it, so that others can say it in the same words. */
function withFailure(phase: PhaseRecord, error: unknown): PhaseRecord {
  if (phase.outcome !== "failed" || !(error instanceof SlipwayError)) return phase;
  return {
    ...phase,
    failure: JSON.parse(redact(JSON.stringify(toRecordedFailure(error)))) as RecordedFailure,
  };
}
