import type { RunContext } from "../context.ts";
import type { Publisher } from "../kubernetes/publisher.ts";
import type { RunEnd } from "../kubernetes/status.ts";
import type { SequenceResult } from "../phases/sequence.ts";
import { findDeclarativeState } from "../records/declarative-state.ts";
import { RELEASE } from "../release.ts";
import { COMPLETED } from "../report/unchanged.ts";
import type { DatabaseEnvironment } from "./session.ts";

type OpenPublisher = (runId: string) => Publisher | undefined;

/**
 * What shows a run in Kubernetes, where that is asked for. Loaded while the lock is waited for; opened by the
 * one that holds it.
 */
export async function loadPublishing(environment: DatabaseEnvironment): Promise<OpenPublisher | undefined> {
  const { config, env, log, pod } = environment;
  const { statusConfigMap: configMap, databaseName: database } = config;
  if (configMap === undefined) return undefined;
  const { openPublisher } = await import("../kubernetes/publisher.ts");
  return (runId) => {
    const identity = { runId, pod, release: RELEASE, startedAt: new Date().toISOString() };
    return openPublisher({ configMap, database, env, log, identity });
  };
}

/** The same run, shown as it goes on, and open to what a person says there. */
export function shown(context: RunContext, publisher: Publisher): RunContext {
  return {
    ...context,
    observe: (progress) => {
      context.observe(progress);
      publisher.observe(progress);
    },
    takeApproval: (planId) => publisher.takeApproval(planId),
  };
}

/** How a run ended, as it is shown; `error` is what ended it, if it failed. */
export async function readRunEnd(
  { records }: RunContext,
  { phases, userVersion }: SequenceResult,
  error?: unknown,
): Promise<RunEnd> {
  const state = await findDeclarativeState(records);
  return { phases, userVersion, schemaFingerprint: state?.fingerprint ?? "", message: COMPLETED, error };
}
