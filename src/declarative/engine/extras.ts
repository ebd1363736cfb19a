import type { Fact } from "@supabase/pg-delta/core";
import type { Catalog, ObjectId, Ownership } from "./engine.ts";
import { type Facts, factsOf, isOfExtension, isPartitionFact, parentOf, schemaOf } from "./facts.ts";

/**
 * Objects that no desired schema ever had. Only whole ones are named: the column of an extra table goes
 * without saying. Run-time partitions are data, members of an extension belong to it, and a grant that
 * an owner has on its own object is no object of anybody's.
 */
export function findExtras(current: Catalog, ownership: Ownership, schemas: ReadonlySet<string>): ObjectId[] {
  const facts = factsOf(current);
  const { declared, given, lastDeclared } = ownership;
  const isKnown = (id: ObjectId): boolean => declared.has(id) || lastDeclared.has(id) || given.has(id);
  return [...facts.byId].flatMap(([id, fact]) => {
    if (isKnown(id) || isPassedOver(facts, id, fact)) return [];
    const parent = parentOf(fact);
    if (parent !== undefined && !parent.startsWith("schema:")) return declared.has(parent) ? [id] : [];
    const schema = schemaOf(fact.id);
    return schema !== undefined && schemas.has(schema) ? [id] : [];
  });
}

function isPassedOver(facts: Facts, id: ObjectId, fact: Fact): boolean {
  if (isPartitionFact(fact)) return true;
  if (fact.id.kind === "acl" && fact.payload["_ownerDefault"] !== undefined) return true;
  return isOfExtension(facts, id);
}
