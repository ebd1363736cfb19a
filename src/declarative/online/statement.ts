import { quoteIdent } from "../../sql/quote.ts";
import type { EngineAction, ObjectId } from "../engine/engine.ts";

export function createConcurrently(unique: boolean, name: string, relation: string, method: string): string {
  return `CREATE ${unique ? "UNIQUE " : ""}INDEX CONCURRENTLY ${quoteIdent(name)} ON ${relation} ${method}`;
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
