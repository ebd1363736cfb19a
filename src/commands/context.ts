import type { RunContext } from "../context.ts";
import type { SchemaEngine } from "../declarative/engine/engine.ts";
import { findOccupiedSchemas } from "../declarative/install.ts";
import { describeHolder, type LockHolder } from "../postgres/lock.ts";
import type { Records } from "../records/records.ts";
import type { Sources } from "../source/sources.ts";
import { applicationName, type DatabaseEnvironment } from "./session.ts";

export async function createContext(
  environment: DatabaseEnvironment,
  records: Records,
  sources: Sources,
): Promise<RunContext> {
  const { config, log, signal } = environment;
  const { session } = records;
  const occupied = await findOccupiedSchemas({ session });
  occupied.delete(config.stateSchema);
  return {
    config,
    session,
    records,
    sources,
    log,
    signal: AbortSignal.any([signal, session.closed]),
    applicationName: applicationName(environment, records.runId),
    loadEngine: loadEngineOnce(),
    occupiedSchemas: occupied,
  };
}

export function loadEngineOnce(): () => Promise<SchemaEngine> {
  let engine: Promise<SchemaEngine> | undefined;
  return () => {
    engine ??= import("../declarative/engine/pg-delta.ts").then((module) => module.pgDelta);
    return engine;
  };
}

export function sayWaiting(
  environment: DatabaseEnvironment,
): (holder: LockHolder | undefined, elapsedMs: number) => void {
  return (holder, elapsedMs) =>
    environment.log.info(
      {
        waitedSeconds: Math.round(elapsedMs / 1_000),
        ...(holder === undefined ? {} : { heldBy: describeHolder(holder) }),
      },
      "Waiting for another run to finish...",
    );
}
