import { runBootstrapScript } from "../bootstrap/script.ts";
import type { RunContext } from "../context.ts";
import type { Log } from "../log/log.ts";
import type { Session } from "../postgres/session.ts";
import { hasSqlState, OUT_OF_LOCKS } from "../postgres/sqlstate.ts";
import type { Script } from "../sql/script.ts";
import { type BlindSpots, readBlindSpots } from "./blind-spots.ts";
import type { Catalog, ObjectId, SchemaEngine } from "./engine/engine.ts";
import { loadScripts, loadScriptsInPieces } from "./load.ts";
import { managedSchemas } from "./managed.ts";
import { openShadow } from "./shadow.ts";

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
 * stands for a database in which nobody had made anything yet.
 */
export function toDesired(engine: SchemaEngine, before: Catalog | undefined, after: Catalog): Desired {
  const declared = before === undefined ? engine.madeIds(after) : engine.changedIds(before, after);
  const given = new Set([...after.ids].filter((id) => !declared.has(id)));
  return { catalog: after, declared, given };
}

/**
 * Builds the desired schema in a shadow database, in one transaction. While only planning it is rolled
 * back: roles that the files would create belong to the whole server and must not come into being by
 * looking. A run commits it: the plan may grant to such a role.
 */
export async function buildDesired(
  context: RunContext,
  engine: SchemaEngine,
  bootstrap: Script | undefined,
  scripts: readonly Script[],
): Promise<Desired> {
  const { config, session, applicationName, signal, log } = context;
  await using shadow = await openShadow(session, { given: config.shadow, applicationName, signal });
  const { session: target, searchPath } = shadow;
  await target.execute("begin");
  if (bootstrap !== undefined) await runBootstrapScript(target, bootstrap, log);
  const before = await engine.read(target, context.records.schemaName);
  try {
    await loadScripts(target, scripts, searchPath);
  } catch (error) {
    if (!hasSqlState(error, OUT_OF_LOCKS)) throw error;
    await startOver(target, bootstrap, log);
    await loadScriptsInPieces(target, scripts, searchPath);
  }
  const after = await engine.read(target, context.records.schemaName);
  const desired = toDesired(engine, before, after);
  const blindSpots = await readBlindSpots(target, managedSchemas(engine, after, desired.declared));
  if (target.status !== "I")
    await target.execute(context.lock !== undefined && shadow.isTemporary ? "commit" : "rollback");
  return { ...desired, blindSpots };
}

/** Leaves the transaction that was too small, with what bootstrap.sql makes in place again. */
async function startOver(session: Session, bootstrap: Script | undefined, log: Log): Promise<void> {
  await session.rollback();
  if (bootstrap === undefined) return;
  await session.transaction(() => runBootstrapScript(session, bootstrap, log));
}
