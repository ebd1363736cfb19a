import { encodeId, type Fact, type StableId } from "@supabase/pg-delta/core";
import type { Catalog, ObjectId } from "./engine.ts";
import { type Facts, factsOf, isPartitionFact, nameOf, parentOf, toCatalog } from "./facts.ts";

/**
 * The catalog without the objects of which `isLeftOut` is true, and without their parts: what is in a schema,
 * what a table has, the sequences that its columns own, its partitions.
 */
export function without(catalog: Catalog, isLeftOut: (kind: string, name: string) => boolean): Catalog {
  const facts = factsOf(catalog);
  const decided = new Map<ObjectId, boolean>();
  const decide = (id: ObjectId): boolean => {
    const known = decided.get(id);
    if (known !== undefined) return known;
    decided.set(id, false);
    const fact = facts.byId.get(id);
    if (fact === undefined) return false;
    const isOut = isLeftOut(fact.id.kind, nameOf(fact.id)) || wholesOf(facts, id, fact).some(decide);
    decided.set(id, isOut);
    return isOut;
  };
  const left = new Set([...facts.byId.keys()].filter(decide));
  if (left.size === 0) return catalog;
  const byId = new Map([...facts.byId].filter(([id]) => !left.has(id)));
  const edgesFrom = new Map(
    [...facts.edgesFrom]
      .filter(([from]) => !left.has(from))
      .map(([from, edges]) => [from, edges.filter(({ to }) => !left.has(encodeId(to)))]),
  );
  return toCatalog({ ...facts, byId, edgesFrom }, catalog.serverMajor, left);
}

function wholesOf(facts: Facts, id: ObjectId, fact: Fact): readonly ObjectId[] {
  const whole = parentOf(fact);
  const parent = whole === undefined ? [] : [whole];
  const owner = fact.id.kind === "sequence" ? ownerOf(fact.payload["ownedBy"]) : [];
  if (!isPartitionFact(fact)) return [...parent, ...owner];
  const edges = facts.edgesFrom.get(id) ?? [];
  const partitioned = edges.flatMap(({ to }) => (to.kind === "table" ? [encodeId(to)] : []));
  return [...parent, ...partitioned];
}

function ownerOf(ownedBy: unknown): readonly ObjectId[] {
  if (typeof ownedBy !== "object" || ownedBy === null) return [];
  const { schema, table, column } = ownedBy as Readonly<Record<string, unknown>>;
  if (typeof schema !== "string" || typeof table !== "string") return [];
  const ids: StableId[] = [{ kind: "table", schema, name: table }];
  if (typeof column === "string") ids.push({ kind: "column", schema, table, name: column });
  return ids.map(encodeId);
}
