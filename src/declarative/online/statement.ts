import { quoteIdent, quoteLiteral } from "../../sql/quote.ts";
import type { EngineAction, ObjectId } from "../engine/engine.ts";

/** Without a name, PostgreSQL chooses the one that an index of a partition has. */
export function createConcurrently(
  unique: boolean,
  name: string | undefined,
  relation: string,
  method: string,
): string {
  const called = name === undefined ? "" : `${quoteIdent(name)} `;
  return `CREATE ${unique ? "UNIQUE " : ""}INDEX CONCURRENTLY ${called}ON ${relation} ${method}`;
}

/** Asks for the statements that drop what a concurrent build of a nameless index left. */
export function invalidLike(relation: string, method: string): string {
  return `select pg_catalog.format('DROP INDEX CONCURRENTLY IF EXISTS %I.%I', n.nspname, c.relname) as sql
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where i.indrelid = pg_catalog.to_regclass(${quoteLiteral(relation)}) and not i.indisvalid
   and pg_catalog.right(pg_catalog.pg_get_indexdef(i.indexrelid), ${[...method].length}) = ${quoteLiteral(method)}`;
}

export function dropConcurrently(schema: string, name: string): string {
  return `DROP INDEX CONCURRENTLY IF EXISTS ${qualified(schema, name)}`;
}

export function dropConstraint(table: string, name: string): string {
  return `ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${name}`;
}

export function qualified(schema: string, name: string): string {
  return `${quoteIdent(schema)}.${quoteIdent(name)}`;
}

/** A statement that neither makes nor drops anything by itself. */
export function alter(
  of: EngineAction,
  sql: string,
  objects: readonly ObjectId[],
  lock: EngineAction["lock"],
): EngineAction {
  return {
    ...of,
    sql,
    verb: "alter",
    objects,
    creates: [],
    drops: [],
    lock,
    dataLoss: false,
    rewrites: false,
    commitAfter: false,
    step: undefined,
    online: {},
  };
}

/** Takes away what a run that died left. */
export function leftover(id: ObjectId): EngineAction {
  return {
    sql: "",
    verb: "drop",
    objects: [id],
    creates: [],
    drops: [],
    transactional: true,
    commitAfter: false,
    lock: "shareUpdateExclusive",
    dataLoss: false,
    rewrites: false,
    step: undefined,
    online: {},
  };
}
