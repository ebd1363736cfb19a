import { encodeId, type Fact } from "@supabase/pg-delta/core";
import { quoteIdent } from "../../sql/quote.ts";
import type { EngineAction } from "./engine.ts";
import { type Facts, isPartitionFact } from "./facts.ts";

/**
 * PostgreSQL drops no partition of a table that a foreign key points to: each has a part of the key. Detached, it
 * is a table that nobody points to (manual, ALTER TABLE, "DETACH PARTITION").
 */
export function detachBeforeDrop(current: Facts, actions: readonly EngineAction[]): EngineAction[] {
  const gone = new Set(actions.flatMap(({ drops }) => drops));
  return actions.flatMap((action) => {
    const fact = action.verb === "drop" ? current.byId.get(action.drops[0] ?? "") : undefined;
    if (fact?.id.kind !== "table" || !isPartitionFact(fact)) return [action];
    const parent = parentOf(fact);
    if (parent === undefined || gone.has(encodeId(parent)) || !isPointedTo(current, parent)) return [action];
    const [table, partition] = [parent, fact.id].map(
      ({ schema, name }) => `${quoteIdent(schema)}.${quoteIdent(name)}`,
    );
    const sql = `ALTER TABLE ${table} DETACH PARTITION ${partition}`;
    return [{ ...action, sql, verb: "alter", drops: [], dataLoss: false }, action];
  });
}

interface TableId {
  readonly kind: "table";
  readonly schema: string;
  readonly name: string;
}

function parentOf(fact: Fact): TableId | undefined {
  const parent = fact.payload["parentTable"] as { readonly schema: string; readonly name: string } | null;
  return parent === null ? undefined : { kind: "table", schema: parent.schema, name: parent.name };
}

/** True where a foreign key refers to the table, or to one that it is a partition of. */
function isPointedTo(facts: Facts, table: TableId): boolean {
  const clause = ` REFERENCES ${quoteIdent(table.schema)}.${quoteIdent(table.name)}(`;
  for (const { id, payload } of facts.byId.values()) {
    const isForeignKey = id.kind === "constraint" && payload["type"] === "f";
    if (isForeignKey && String(payload["def"]).includes(clause)) return true;
  }
  const fact = facts.byId.get(encodeId(table));
  const parent = fact === undefined || !isPartitionFact(fact) ? undefined : parentOf(fact);
  return parent !== undefined && isPointedTo(facts, parent);
}
