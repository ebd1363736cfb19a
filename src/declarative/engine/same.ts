import { type DependencyEdge, encodeId } from "@supabase/pg-delta/core";
import type { Catalog, ObjectId } from "./engine.ts";
import { contentOf, type Facts, factsOf, toCatalog } from "./facts.ts";

/** Ids of what is on one side only, or differs by content, parent or edges: all that the engine compares. */
export function differingIds(one: Facts, other: Facts): Set<ObjectId> {
  const differing = new Set<ObjectId>();
  for (const [id, fact] of one.byId) {
    const match = other.byId.get(id);
    const isSame =
      match !== undefined &&
      hasSameContent(one, other, id) &&
      (fact === match || isSameValue(fact.parent, match.parent)) &&
      hasSameEdges(one.edgesFrom.get(id), other.edgesFrom.get(id));
    if (!isSame) differing.add(id);
  }
  for (const id of other.byId.keys()) if (!one.byId.has(id)) differing.add(id);
  return differing;
}

function hasSameContent(one: Facts, other: Facts, id: ObjectId): boolean {
  const isShared = one.byId.get(id) === other.byId.get(id);
  if (isShared && one.virtualColumns.has(id) === other.virtualColumns.has(id)) return true;
  return contentOf(one, id) === contentOf(other, id);
}

/**
 * The same catalog, in which whatever `other` holds too is the very object of that one: two states of a large
 * schema then take up the memory of one, and what is the same in both is seen to be at a glance.
 */
export function shareWith(catalog: Catalog, other: Catalog): Catalog {
  const [facts, others] = [factsOf(catalog), factsOf(other)];
  const byId = new Map(facts.byId);
  const edgesFrom = new Map(facts.edgesFrom);
  for (const [id, fact] of byId) {
    const match = others.byId.get(id);
    if (match !== undefined && isSameValue(fact, match)) byId.set(id, match);
  }
  for (const [id, edges] of edgesFrom) {
    const match = others.edgesFrom.get(id);
    if (match !== undefined && hasSameEdges(edges, match)) edgesFrom.set(id, match);
  }
  return toCatalog({ ...facts, byId, edgesFrom }, catalog.serverMajor, catalog.leftOut);
}

/** Above this, names that are sorted cost less than comparing each with each. */
const FEW = 16;

/** Edges from one object: in whatever order they are listed. */
function hasSameEdges(one: readonly DependencyEdge[] = [], other: readonly DependencyEdge[] = []): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  if (one.length > FEW) return namesOf(one) === namesOf(other);
  return one.every(({ kind, to }) => other.some((edge) => edge.kind === kind && isSameValue(edge.to, to)));
}

function namesOf(edges: readonly DependencyEdge[]): string {
  return edges
    .map(({ kind, to }) => `${kind} ${encodeId(to)}`)
    .sort()
    .join("\n");
}

/** Of values as JSON has them, and of what is undefined or not there. */
function isSameValue(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [mine, theirs] = [one as Record<string, unknown>, other as Record<string, unknown>];
  const keys = Object.keys(mine);
  return (
    keys.length === Object.keys(theirs).length && keys.every((key) => isSameValue(mine[key], theirs[key]))
  );
}
