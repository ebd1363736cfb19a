import { setFlagsFromString } from "node:v8";
import type { RunContext } from "../context.ts";
import type { SchemaEngine } from "../declarative/engine/engine.ts";
import { ignoring } from "../declarative/ignoring.ts";
import { findOccupiedSchemas } from "../declarative/install.ts";
import { describeHolder, type LockHolder } from "../postgres/lock.ts";
import type { Records } from "../records/records.ts";
import type { IsIgnored } from "../source/ignore.ts";
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
    observe: environment.observe ?? (() => undefined),
    loadEngine: loadEngineOnce(sources.schema?.isIgnored),
    occupiedSchemas: occupied,
  };
}

/** The engine; it does not see what is ignored. */
export function loadEngineOnce(isIgnored: IsIgnored | undefined): () => Promise<SchemaEngine> {
  let engine: Promise<SchemaEngine> | undefined;
  return () => {
    // Reading a catalog leaves little behind and much garbage on its way, for which V8 would triple the
    // memory of the process. Small heaps cost a tenth more time, and pods have memory limits.
    setFlagsFromString("--semi-space-growth-factor=1");
    setFlagsFromString("--heap-growing-percent=25");
    engine ??= import("../declarative/engine/pg-delta.ts").then(({ pgDelta }) =>
      isIgnored === undefined ? pgDelta : ignoring(pgDelta, isIgnored),
    );
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
