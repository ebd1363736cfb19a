import type { RunContext } from "../context.ts";
import type { Session } from "../postgres/session.ts";
import { hasSqlState, OUT_OF_LOCKS } from "../postgres/sqlstate.ts";
import type { Script } from "../sql/script.ts";
import type { Desired } from "./desired.ts";
import { toDesired } from "./desired.ts";
import type { Catalog, SchemaEngine } from "./engine/engine.ts";
import { loadScripts } from "./load.ts";

/** Why an install was taken back: the schema has to be planned instead. */
export type InstallUndone = "too large" | "declares what is ignored";

/**
 * A fresh install needs no comparison: the files run, and what they made is the desired schema. All of
 * it, with the record that `finish` writes, is one transaction. When that outgrew the server's lock table,
 * or would make what .slipwayignore leaves alone, nothing was done.
 */
export async function install(
  context: RunContext,
  engine: SchemaEngine,
  scripts: readonly Script[],
  finish: (desired: Desired) => Promise<void>,
): Promise<Desired | InstallUndone> {
  const { session, config } = context;
  try {
    return await session.transaction(async () => {
      await session.execute(`set local lock_timeout = ${config.lockTimeoutMs}`);
      const before = (await isPristine(session, context.records.schemaName))
        ? undefined
        : await engine.read(session, context.records.schemaName);
      await loadScripts(session, scripts);
      await session.execute("reset role; reset search_path");
      const after = await engine.read(session, context.records.schemaName);
      if (leavesOutMore(before, after)) throw new DeclaresIgnored();
      const desired = toDesired(engine, before, after);
      await finish(desired);
      return desired;
    });
  } catch (error) {
    if (hasSqlState(error, OUT_OF_LOCKS)) return "too large";
    if (error instanceof DeclaresIgnored) return "declares what is ignored";
    throw error;
  }
}

/** Thrown to leave the transaction; never gets out of this file. */
class DeclaresIgnored extends Error {}

function leavesOutMore(before: Catalog | undefined, after: Catalog): boolean {
  return [...(after.leftOut ?? [])].some((id) => before?.leftOut?.has(id) !== true);
}

// Nothing but what CREATE DATABASE made, and slipway's own schema: no need to read what is there before.
const IS_PRISTINE = `
select not exists (select from pg_catalog.pg_namespace
                    where oid >= 16384 and nspname <> $1 and nspname !~ '^pg_(toast_)?temp_')
   and not exists (select from pg_catalog.pg_extension where oid >= 16384)
   and not exists (select from pg_catalog.pg_default_acl)
   and not exists (select from pg_catalog.pg_class where oid >= 16384 and relnamespace = 'public'::regnamespace)
   and not exists (select from pg_catalog.pg_proc where oid >= 16384 and pronamespace = 'public'::regnamespace)
   and not exists (select from pg_catalog.pg_type where oid >= 16384 and typnamespace = 'public'::regnamespace)
   and not exists (select from pg_catalog.pg_event_trigger)
   and not exists (select from pg_catalog.pg_publication)
   and not exists (select from pg_catalog.pg_foreign_data_wrapper) as pristine`;

async function isPristine(session: Session, stateSchema: string): Promise<boolean> {
  const [row] = await session.query<{ pristine: boolean }>(IS_PRISTINE, [stateSchema]);
  return row?.pristine === true;
}

const NOT_OF_EXTENSION = `not exists (
  select from pg_catalog.pg_depend d where d.objid = o.oid and d.deptype = 'e')`;

// Schema by schema, so that the first object of each ends the looking.
const OCCUPIED_SCHEMAS = `
select n.nspname::text as name
  from pg_catalog.pg_namespace n
 where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and (exists (select from pg_catalog.pg_class o
                 where o.relnamespace = n.oid and o.oid >= 16384 and o.relkind <> 't' and ${NOT_OF_EXTENSION})
     or exists (select from pg_catalog.pg_proc o
                 where o.pronamespace = n.oid and o.oid >= 16384 and ${NOT_OF_EXTENSION})
     or exists (select from pg_catalog.pg_type o
                 where o.typnamespace = n.oid and o.oid >= 16384 and ${NOT_OF_EXTENSION}))`;

/** Schemas that hold objects of their own, not members of an extension. */
export async function findOccupiedSchemas(context: Pick<RunContext, "session">): Promise<Set<string>> {
  const rows = await context.session.query<{ name: string }>(OCCUPIED_SCHEMAS);
  return new Set(rows.map((row) => row.name));
}

/** True when nothing is where the files would put something, as far as their words tell. */
export function isFresh(occupied: ReadonlySet<string>, scripts: readonly Script[]): boolean {
  if (occupied.has("public")) return false;
  if (occupied.size === 0) return true;
  return scripts.every((script) => {
    for (const [word] of script.text.matchAll(/[A-Za-z_][\w$]*/g)) {
      if (occupied.has(word) || occupied.has(word.toLowerCase())) return false;
    }
    return true;
  });
}
