import type { DependencyEdge, Fact } from "@supabase/pg-delta/core";
import type { Catalog, ManagedView, ObjectId, Ownership } from "./engine.ts";
import { type Facts, factsOf, parentOf, targetsOf, toCatalog } from "./facts.ts";

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

  const currentFacts = new Map<ObjectId, Fact>();
  for (const [id, fact] of live.byId) if (currentIds.has(id)) currentFacts.set(id, fact);
  const desiredFacts = new Map<ObjectId, Fact>();
  /** Given, and there: taken from the current side. */
  const taken = new Set<ObjectId>();
  for (const [id, fact] of wanted.byId) {
    const liveFact = declared.has(id) ? undefined : currentFacts.get(id);
    if (liveFact !== undefined) taken.add(id);
    desiredFacts.set(id, liveFact ?? fact);
  }
  const liveEdges = (id: ObjectId): readonly DependencyEdge[] => live.edgesFrom.get(id) ?? NO_EDGES;
  const wantedEdges = (id: ObjectId): readonly DependencyEdge[] =>
    taken.has(id) ? liveEdges(id) : (wanted.edgesFrom.get(id) ?? NO_EDGES);
  const currentEdges = new Map<ObjectId, readonly DependencyEdge[]>();
  for (const id of currentFacts.keys()) currentEdges.set(id, liveEdges(id));
  const desiredEdges = new Map<ObjectId, readonly DependencyEdge[]>();
  for (const id of desiredFacts.keys()) desiredEdges.set(id, wantedEdges(id));

  forgetImplicitOwners(currentEdges, desiredEdges, wanted.currentRole);
  forgetOwnersOwnGrants(currentFacts, desiredFacts);

  return {
    current: toCatalog(
      { ...live, byId: currentFacts, edgesFrom: inside(currentEdges, currentFacts) },
      current.serverMajor,
    ),
    desired: toCatalog(
      { ...wanted, byId: desiredFacts, edgesFrom: inside(desiredEdges, desiredFacts) },
      desired.serverMajor,
    ),
  };
}

const NO_EDGES: readonly DependencyEdge[] = [];

/** A part whose whole was left out goes with it. */
export function dropOrphans(facts: Facts, ids: Set<ObjectId>): void {
  for (;;) {
    const before = ids.size;
    for (const id of ids) {
      const fact = facts.byId.get(id);
      const parent = fact === undefined ? undefined : parentOf(fact);
      if (parent !== undefined && !ids.has(parent)) ids.delete(id);
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
  const isImplicit = (edge: DependencyEdge): boolean =>
    edge.kind === "owner" && edge.to.kind === "role" && edge.to.name === loader;
  const withoutOwner = (edges: readonly DependencyEdge[]): readonly DependencyEdge[] =>
    edges.filter(({ kind }) => kind !== "owner");
  for (const [id, edges] of desired) {
    if (!edges.some(isImplicit)) continue;
    const wanted = withoutOwner(edges);
    desired.set(id, wanted);
    const live = current.get(id);
    // What both sides share, they go on sharing.
    if (live !== undefined) current.set(id, live === edges ? wanted : withoutOwner(live));
  }
}

/**
 * An owner's full set of privileges on its own object comes with ownership, and grows with the server's
 * major (MAINTAIN in 17). It is left out where neither side says otherwise.
 */
function forgetOwnersOwnGrants(current: Map<ObjectId, Fact>, desired: Map<ObjectId, Fact>): void {
  const isOwn = (fact: Fact | undefined): boolean => fact === undefined || isOwnersOwnGrant(fact);
  for (const side of [current, desired]) {
    for (const [id, fact] of side) {
      if (fact.id.kind !== "acl" || !isOwn(current.get(id)) || !isOwn(desired.get(id))) continue;
      current.delete(id);
      desired.delete(id);
    }
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
    const targets = targetsOf(list);
    const isInside = (at: number): boolean => list[at]?.to.kind === "role" || facts.has(targets[at] ?? "");
    // Nearly always all of them are, and a list of its own would be thrown away.
    let at = 0;
    while (at < list.length && isInside(at)) at += 1;
    kept.set(id, at === list.length ? list : list.filter((_, index) => isInside(index)));
  }
  return kept;
}
