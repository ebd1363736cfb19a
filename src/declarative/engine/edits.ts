import { canonicalize, encodeId, type Fact } from "@supabase/pg-delta/core";
import type { Catalog, Edit, ObjectId } from "./engine.ts";
import { type Facts, factsOf } from "./facts.ts";

/** Properties of objects that both catalogs hold and that are not equal in them; the owner is one. */
export function editsBetween(before: Catalog, after: Catalog): Edit[] {
  const [old, now] = [factsOf(before), factsOf(after)];
  return [...old.byId].flatMap(([id, fact]) => {
    const other = now.byId.get(id);
    if (other === undefined) return [];
    const from = propertiesOf(old, id, fact);
    const to = propertiesOf(now, id, other);
    const names = new Set([...Object.keys(from), ...Object.keys(to)]);
    return [...names].flatMap((property) =>
      isSame(from[property], to[property]) ? [] : [{ id, property, from: from[property], to: to[property] }],
    );
  });
}

/** Keys that start with an underscore are the engine's notes, not state. */
function propertiesOf(facts: Facts, id: ObjectId, fact: Fact): Record<string, unknown> {
  const state = Object.entries(fact.payload).filter(([key]) => !key.startsWith("_"));
  const owner = (facts.edgesFrom.get(id) ?? []).find(({ kind }) => kind === "owner");
  return {
    ...Object.fromEntries(state),
    ...(owner === undefined ? {} : { owner: encodeId(owner.to).replace(/^role:/, "") }),
    ...(facts.virtualColumns.has(id) ? { virtual: true } : {}),
  };
}

function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined) return false;
  return canonicalize(one as Fact["payload"]) === canonicalize(other as Fact["payload"]);
}
