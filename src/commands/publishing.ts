import { formatStatusTarget } from "../config/config.ts";
import type { RunContext } from "../context.ts";
import type { Publisher } from "../kubernetes/publisher.ts";
import { type PhaseRecord, recordShown } from "../records/runs.ts";
import { readVersions, type Versions } from "../records/versions.ts";
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

/**
 * Shows how a run ended; `error` is what ended it, if it failed. To be called under the lock: whoever lost the
 * session lost that, and the status is another run's to write. Never throws.
 */
export async function publishEnd(
  publisher: Publisher | undefined,
  { config, records, session }: RunContext,
  phases: readonly PhaseRecord[],
  error?: unknown,
): Promise<void> {
  const place = formatStatusTarget(config);
  if (place === undefined || session.closed.aborted) return;
  const versions = await readVersions(records).catch(() => UNKNOWN);
  await publisher?.finish({ ...versions, phases, message: COMPLETED, error });
  // Also when the cluster did not take it: pods that start must not each wait for it again.
  await recordShown(records, place).catch(() => undefined);
}

const UNKNOWN: Versions = { schemaFingerprint: "", userVersion: undefined };
