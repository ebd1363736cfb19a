import { findOptionalExtensions, runBootstrapScript } from "../bootstrap/script.ts";
import type { DatabaseTarget } from "../config/database.ts";
import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import type { Session } from "../postgres/session.ts";
import { hasSqlState, OUT_OF_LOCKS } from "../postgres/sqlstate.ts";
import type { Script } from "../sql/script.ts";
import { type BlindSpots, readBlindSpots } from "./blind-spots.ts";
import type { Catalog, ObjectId, SavedDesired, SchemaEngine } from "./engine/engine.ts";
import { loadScripts, loadScriptsInPieces } from "./load.ts";
import { managedSchemas } from "./managed.ts";
import { openShadow } from "./shadow.ts";
import { decodeSnapshot, findStaleness, originOf, type Snapshot, type SnapshotOrigin } from "./snapshot.ts";

/** The desired state, and which of it the files are the reason for. */
export interface Desired {
  readonly catalog: Catalog;
  readonly declared: ReadonlySet<ObjectId>;
  readonly given: ReadonlySet<ObjectId>;
  /** What the files declare beyond the engine's sight; undefined when that was not looked at. */
  readonly blindSpots?: BlindSpots;
}

/**
 * What the files made of a catalog: ids that are new or have another content afterwards. `before` undefined
 * stands for a database in which nobody had made anything yet. Throws SOURCE_INVALID when it is nothing.
 */
export function toDesired(engine: SchemaEngine, before: Catalog | undefined, after: Catalog): Desired {
  const declared = before === undefined ? engine.madeIds(after) : engine.changedIds(before, after);
  // Taken at its word it would be a wish to drop everything; it is a mount or a template that went wrong.
  if (declared.size === 0) {
    throw new SlipwayError("SOURCE_INVALID", "the schema files declare no object at all", {
      next: "check what is below schemas/; to have no desired schema, remove the folder",
    });
  }
  const given = new Set([...after.ids].filter((id) => !declared.has(id)));
  return { catalog: after, declared, given };
}

/** Where and how a desired schema is built. */
export interface Building {
  /** On the database that it is for: its server and search_path, and the role that is to own it. */
  readonly session: Session;
  /** A database given for building; else a temporary one beside that of the session. */
  readonly shadow: DatabaseTarget | undefined;
  readonly stateSchema: string;
  /** Whether roles that the files make stay on the server: a plan may grant to them. */
  readonly keepsRoles: boolean;
  readonly applicationName: string;
  readonly signal: AbortSignal;
  readonly log: Log;
}

export interface BuiltDesired extends Desired {
  readonly blindSpots: BlindSpots;
  readonly searchPath: string;
}

/**
 * The desired schema of the files: their snapshot where `opened` is theirs, else built in a shadow database.
 * While only planning, roles that the files would create must not come into being by looking.
 */
export async function findDesired(
  context: RunContext,
  engine: SchemaEngine,
  opened: OpenedSnapshot | undefined,
): Promise<Desired> {
  const { config, session, sources, log } = context;
  const snapshot = opened === undefined ? undefined : await takeSnapshot(context, engine, opened);
  if (snapshot !== undefined) return snapshot;
  return buildDesired(
    {
      session,
      shadow: config.shadow,
      stateSchema: context.records.schemaName,
      keepsRoles: context.lock !== undefined,
      applicationName: context.applicationName,
      signal: context.signal,
      log,
    },
    engine,
    sources.bootstrap?.script,
    sources.schema?.scripts ?? [],
  );
}

/** A snapshot beside the files, taken apart; `unfit` says why it can't stand for them. */
export interface OpenedSnapshot {
  readonly path: string;
  readonly origin: SnapshotOrigin | undefined;
  readonly content: Snapshot | undefined;
  readonly unfit: string | undefined;
}

/** What `slipway schema compile` left beside the files for this server's major. Asks the server nothing. */
export function openSnapshot(
  { session, sources, log }: RunContext,
  engine: SchemaEngine,
): OpenedSnapshot | undefined {
  const { schema } = sources;
  const files = schema?.findSnapshots() ?? [];
  if (schema === undefined || files.length === 0) return undefined;
  const file = files.find(({ serverMajor }) => serverMajor === session.serverMajor);
  if (file === undefined) {
    const majors = files.map(({ serverMajor }) => serverMajor);
    log.info({ server: session.serverMajor, snapshots: majors }, "There is no snapshot for this major");
    return undefined;
  }
  const bytes = file.read();
  const origin = originOf(bytes);
  const stale = findStaleness(origin, schema.desiredHash);
  const content = stale === undefined ? decodeSnapshot(engine, bytes) : undefined;
  const unfit = stale ?? (content === undefined ? "it is damaged" : undefined);
  return { path: file.path, origin, content, unfit };
}

/** The desired schema of a snapshot, when it fits the server. */
async function takeSnapshot(
  { session, sources, log }: RunContext,
  engine: SchemaEngine,
  { path, origin, content, unfit }: OpenedSnapshot,
): Promise<Desired | undefined> {
  const server = await readServer(session, sources.bootstrap?.script);
  const reason = unfit ?? (origin === undefined ? undefined : findMisfit(origin, server));
  if (reason !== undefined || content === undefined) {
    log.warn({ snapshot: path, reason }, "The snapshot is not used");
    return undefined;
  }
  log.info({ snapshot: path }, "Taking the desired schema from its snapshot");
  return { ...desiredOf(engine.actAs(content, server.role)), blindSpots: content.blindSpots };
}

interface ServerTraits {
  readonly role: string;
  readonly serverMajor: number;
  readonly searchPath: string;
  readonly optionalExtensions: readonly string[];
}

async function readServer(session: Session, bootstrap: Script | undefined): Promise<ServerTraits> {
  const [row] = await session.query<{ role: string; search_path: string }>(
    "select current_user::text as role, pg_catalog.current_setting('search_path') as search_path",
  );
  return {
    role: row?.role ?? "",
    serverMajor: session.serverMajor,
    searchPath: row?.search_path ?? "",
    optionalExtensions: await findOptionalExtensions(session, bootstrap),
  };
}

/** Why the desired schema would be another one on this server. */
function findMisfit(origin: SnapshotOrigin, server: ServerTraits): string | undefined {
  if (origin.serverMajor !== server.serverMajor) return `it is for PostgreSQL ${origin.serverMajor}`;
  if (origin.searchPath !== server.searchPath)
    return `it was compiled with search_path ${origin.searchPath}, the database has ${server.searchPath}`;
  const [there, here] = [origin.optionalExtensions.join(", "), server.optionalExtensions.join(", ")];
  if (there === here) return undefined;
  return `optional extensions were ${there || "none"} where it was compiled, and are ${here || "none"} here`;
}

/** What was saved is the desired state still: no need to build it again. */
export function desiredOf({ catalog, declared }: SavedDesired): Desired {
  return { catalog, declared, given: new Set([...catalog.ids].filter((id) => !declared.has(id))) };
}

/**
 * Builds the desired schema in a shadow database, in one transaction: rolled back, unless the roles in it
 * are to stay.
 */
export async function buildDesired(
  building: Building,
  engine: SchemaEngine,
  bootstrap: Script | undefined,
  scripts: readonly Script[],
): Promise<BuiltDesired> {
  const { session, stateSchema, applicationName, signal, log } = building;
  const { role } = await readServer(session, undefined);
  await using shadow = await openShadow(session, { given: building.shadow, applicationName, signal });
  const { session: target, searchPath } = shadow;
  await target.execute("begin");
  if (bootstrap !== undefined) await runBootstrapScript(target, bootstrap, log);
  // In a database that was made for this, there is nothing before.
  const isEmpty = bootstrap === undefined && shadow.isTemporary;
  const before = isEmpty ? undefined : await engine.read(target, stateSchema);
  try {
    await loadScripts(target, scripts, searchPath);
  } catch (error) {
    if (!hasSqlState(error, OUT_OF_LOCKS)) throw error;
    await startOver(target, bootstrap, log);
    await loadScriptsInPieces(target, scripts, searchPath);
  }
  const after = await engine.read(target, stateSchema);
  const built = toDesired(engine, before, after);
  const blindSpots = await readBlindSpots(target, managedSchemas(engine, after, built.declared));
  if (target.status !== "I")
    await target.execute(building.keepsRoles && shadow.isTemporary ? "commit" : "rollback");
  return { ...desiredOf(engine.actAs(built, role)), blindSpots, searchPath };
}

/** Leaves the transaction that was too small, with what bootstrap.sql makes in place again. */
async function startOver(session: Session, bootstrap: Script | undefined, log: Log): Promise<void> {
  await session.rollback();
  if (bootstrap === undefined) return;
  await session.transaction(() => runBootstrapScript(session, bootstrap, log));
}
