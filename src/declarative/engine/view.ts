import type { DependencyEdge, Fact } from "@supabase/pg-delta/core";
import { encodeId } from "@supabase/pg-delta/core";
import type { Catalog, ManagedView, ObjectId, Ownership } from "./engine.ts";
import { type Facts, factsOf, toCatalog } from "./facts.ts";

/**
 * Restricts both states to what slipway answers for.
 *
 * Current keeps what is declared, was declared last time, or is given; an extra is in neither state and
 * so stands in nobody's way. Given objects are taken from the current side on both, which makes them
 * equal by construction: they are there for others to refer to.
 */
export function managedView(current: Catalog, desired: Catalog, ownership: Ownership): ManagedView {
  const live = factsOf(current);
  const wanted = factsOf(desired);
  const { declared, given, lastDeclared, unwanted } = ownership;

  const currentIds = new Set<ObjectId>();
  for (const id of live.byId.keys()) {
    if (declared.has(id) || lastDeclared.has(id) || given.has(id) || unwanted.has(id)) currentIds.add(id);
  }
  dropOrphans(live, currentIds);

  const desiredFacts = new Map<ObjectId, Fact>();
  const desiredEdges = new Map<ObjectId, readonly DependencyEdge[]>();
  for (const [id, fact] of wanted.byId) {
    const isGiven = !declared.has(id);
    const liveFact = isGiven ? live.byId.get(id) : undefined;
    if (liveFact !== undefined && currentIds.has(id)) {
      desiredFacts.set(id, liveFact);
      desiredEdges.set(id, live.edgesFrom.get(id) ?? []);
    } else {
      desiredFacts.set(id, fact);
      desiredEdges.set(id, wanted.edgesFrom.get(id) ?? []);
    }
  }

  const currentFacts = new Map<ObjectId, Fact>();
  const currentEdges = new Map<ObjectId, readonly DependencyEdge[]>();
  for (const id of currentIds) {
    const fact = live.byId.get(id);
    if (fact === undefined) continue;
    currentFacts.set(id, fact);
    currentEdges.set(id, live.edgesFrom.get(id) ?? []);
  }

  forgetImplicitOwners(currentEdges, desiredEdges, wanted.currentRole);
  forgetOwnersOwnGrants(currentFacts, desiredFacts);

  const side = (
    from: Facts,
    byId: Map<ObjectId, Fact>,
    edges: Map<ObjectId, readonly DependencyEdge[]>,
  ): Facts => ({
    ...from,
    byId,
    edgesFrom: inside(edges, byId),
  });
  return {
    current: toCatalog(side(live, currentFacts, currentEdges), current.serverMajor),
    desired: toCatalog(side(wanted, desiredFacts, desiredEdges), desired.serverMajor),
  };
}

/** A part whose whole was left out goes with it. */
export function dropOrphans(facts: Facts, ids: Set<ObjectId>): void {
  for (;;) {
    const before = ids.size;
    for (const id of ids) {
      const parent = facts.byId.get(id)?.parent;
      if (parent !== undefined && !ids.has(encodeId(parent))) ids.delete(id);
    }
    if (ids.size === before) return;
  }
}

/**
 * The role that loads the desired files owns what they make without a word about it. Such an owner is
 * no wish: an object that somebody else owns in the database keeps its owner.
 */
function forgetImplicitOwners(
  current: Map<ObjectId, readonly DependencyEdge[]>,
  desired: Map<ObjectId, readonly DependencyEdge[]>,
  loader: string,
): void {
  for (const [id, edges] of desired) {
    const isImplicit = edges.some(
      (edge) => edge.kind === "owner" && edge.to.kind === "role" && edge.to.name === loader,
    );
    if (!isImplicit) continue;
    const withoutOwner = (edge: DependencyEdge): boolean => edge.kind !== "owner";
    desired.set(id, edges.filter(withoutOwner));
    const live = current.get(id);
    if (live !== undefined) current.set(id, live.filter(withoutOwner));
  }
}

/**
 * An owner's full set of privileges on its own object comes with ownership, and grows with the server's
 * major (MAINTAIN in 17). It is left out where neither side says otherwise.
 */
function forgetOwnersOwnGrants(current: Map<ObjectId, Fact>, desired: Map<ObjectId, Fact>): void {
  const ids = new Set([...current.keys(), ...desired.keys()]);
  for (const id of ids) {
    const sides = [current.get(id), desired.get(id)].filter((fact) => fact !== undefined);
    if (!sides.every(isOwnersOwnGrant)) continue;
    current.delete(id);
    desired.delete(id);
  }
}

/** True for the privileges that PostgreSQL itself gives an owner on its object. */
export function isOwnersOwnGrant(fact: Fact): boolean {
  if (fact.id.kind !== "acl") return false;
  const { privileges, grantable, _ownerDefault: ownerDefault } = fact.payload as Record<string, unknown>;
  if (!Array.isArray(ownerDefault) || !Array.isArray(privileges)) return false;
  return (
    Array.isArray(grantable) &&
    grantable.length === 0 &&
    JSON.stringify(privileges) === JSON.stringify(ownerDefault)
  );
}

/** Edges of these facts to these facts; those to an owner stay, for roles are no facts. */
export function inside(
  edges: ReadonlyMap<ObjectId, readonly DependencyEdge[]>,
  facts: ReadonlyMap<ObjectId, Fact>,
): Map<ObjectId, readonly DependencyEdge[]> {
  const kept = new Map<ObjectId, readonly DependencyEdge[]>();
  for (const [id, list] of edges) {
    if (!facts.has(id)) continue;
    const isInside = (edge: DependencyEdge): boolean =>
      edge.to.kind === "role" || facts.has(encodeId(edge.to));
    // Nearly always all of them are, and a list of its own would be thrown away.
    kept.set(id, list.every(isInside) ? list : list.filter(isInside));
  }
  return kept;
}
