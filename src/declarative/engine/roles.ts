import { type DependencyEdge, encodeId, type Fact, type StableId } from "@supabase/pg-delta/core";
import type { ObjectId, SavedDesired } from "./engine.ts";
import { factsOf, indexEdges, toCatalog } from "./facts.ts";

/**
 * The same desired state as if `role` had built it. Whoever loads the files owns what they make, grants on
 * it and has default privileges of its own; where another role applies them, these are that role's.
 */
export function actAs(desired: SavedDesired, role: string): SavedDesired {
  const { catalog, declared } = desired;
  const facts = factsOf(catalog);
  const builder = facts.currentRole;
  if (builder === role) return desired;
  const rename = (name: string): string => (name === builder ? role : name);

  const renamed = new Map<ObjectId, StableId>();
  const byId = new Map<ObjectId, Fact>();
  for (const [id, fact] of facts.byId) {
    const now = relabel(fact, rename);
    if (now !== fact) renamed.set(id, now.id);
    const nowId = encodeId(now.id);
    // An owner's own entry takes in what the files grant to the role that turns out to be the owner.
    if (!byId.has(nowId) || isOwnersEntry(now)) byId.set(nowId, now);
  }
  const relabelEdge = (edge: DependencyEdge): DependencyEdge => ({
    ...edge,
    from: renamed.get(encodeId(edge.from)) ?? edge.from,
    to: edge.to.kind === "role" ? { ...edge.to, name: rename(edge.to.name) } : edge.to,
  });
  const edges = [...facts.edgesFrom.values()].flat().map(relabelEdge);
  const idOf = (id: ObjectId): ObjectId => {
    const now = renamed.get(id);
    return now === undefined ? id : encodeId(now);
  };
  return {
    catalog: toCatalog(
      {
        ...facts,
        byId,
        edgesFrom: indexEdges(edges),
        roles: [...new Set(facts.roles.map(rename))],
        currentRole: role,
      },
      catalog.serverMajor,
    ),
    declared: new Set([...declared].map(idOf)),
  };
}

function relabel(fact: Fact, rename: (name: string) => string): Fact {
  const { id, payload } = fact;
  if (id.kind === "acl") {
    const grantee = isOwnersEntry(fact) ? rename(id.grantee) : id.grantee;
    return grantee === id.grantee ? fact : { ...fact, id: { ...id, grantee } };
  }
  if (id.kind === "defaultPrivilege") {
    const [role, grantee] = [rename(id.role), rename(id.grantee)];
    return role === id.role && grantee === id.grantee ? fact : { ...fact, id: { ...id, role, grantee } };
  }
  const roles = payload["roles"];
  if (id.kind !== "policy" || !Array.isArray(roles)) return fact;
  return { ...fact, payload: { ...payload, roles: roles.map((name) => rename(String(name))).sort() } };
}

function isOwnersEntry(fact: Fact): boolean {
  return fact.id.kind === "acl" && fact.payload["_ownerDefault"] !== undefined;
}
