import { gunzipSync, gzipSync } from "node:zlib";
import type { DependencyEdge, Fact, StableId } from "@supabase/pg-delta/core";
import { contentHash, encodeId } from "@supabase/pg-delta/core";
import type { Catalog, ObjectId, SavedDesired } from "./engine.ts";

/** A catalog as facts, indexed by id. Facts are never changed after reading. */
export interface Facts {
  readonly byId: ReadonlyMap<ObjectId, Fact>;
  readonly edgesFrom: ReadonlyMap<ObjectId, readonly DependencyEdge[]>;
  /** Generated columns that are computed when read (PostgreSQL 18); the engine takes them for stored ones. */
  readonly virtualColumns: ReadonlySet<ObjectId>;
  /** Every role of the server: grants may name any of them. */
  readonly roles: readonly string[];
  /** The role that the session acts as: owner of what it creates. */
  readonly currentRole: string;
}

export function factsOf(catalog: Catalog): Facts {
  return catalog.engineData as Facts;
}

/**
 * The engine's hash of an object, which it keeps for every payload that it has seen. Keys that start with an
 * underscore are its notes, not state, and don't count.
 */
export function contentOf(facts: Facts, id: ObjectId): string | undefined {
  const fact = facts.byId.get(id);
  if (fact === undefined) return undefined;
  const content = contentHash(fact.payload);
  return facts.virtualColumns.has(id) ? `${content} virtual` : content;
}

export function toCatalog(facts: Facts, serverMajor: number): Catalog {
  return { serverMajor, ids: new Set(facts.byId.keys()), engineData: facts };
}

export function indexEdges(edges: Iterable<DependencyEdge>): Map<ObjectId, DependencyEdge[]> {
  const byFrom = new Map<ObjectId, DependencyEdge[]>();
  for (const edge of edges) {
    const from = encodeId(edge.from);
    const list = byFrom.get(from);
    if (list === undefined) byFrom.set(from, [edge]);
    else list.push(edge);
  }
  return byFrom;
}

/** The first line of what is saved; all that a run needs of it while nothing has drifted. */
interface SavedHead {
  readonly serverMajor: number;
  readonly currentRole: string;
  readonly roles: readonly string[];
  readonly declared: readonly ObjectId[];
  readonly virtualColumns: readonly ObjectId[];
}

/** The second line: most of the bytes. */
interface SavedBody {
  readonly facts: readonly Fact[];
  readonly edges: readonly DependencyEdge[];
}

/** In an order of its own: the same state gives the same bytes, however the server lists its catalog. */
export function saveFacts(facts: Facts, serverMajor: number, declared: ReadonlySet<ObjectId>): Uint8Array {
  const edges = [...facts.edgesFrom.values()].flat();
  const head: SavedHead = {
    serverMajor,
    currentRole: facts.currentRole,
    roles: namedRoles(facts, edges),
    declared: [...declared].sort(),
    virtualColumns: [...facts.virtualColumns].sort(),
  };
  const body: SavedBody = {
    facts: [...facts.byId].sort(([one], [other]) => compare(one, other)).map(([, fact]) => fact),
    edges: edges
      .map((edge) => [`${encodeId(edge.from)} ${edge.kind} ${encodeId(edge.to)}`, edge] as const)
      .sort(([one], [other]) => compare(one, other))
      .map(([, edge]) => edge),
  };
  return gzipSync(`${JSON.stringify(head)}\n${JSON.stringify(body)}`, { level: 1 });
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** The roles that the state itself names: the others of the server are nobody's business elsewhere. */
function namedRoles(facts: Facts, edges: readonly DependencyEdge[]): string[] {
  const named = new Set(["PUBLIC", facts.currentRole]);
  for (const { id, payload } of facts.byId.values()) {
    if (id.kind === "acl") named.add(id.grantee);
    if (id.kind === "defaultPrivilege") named.add(id.role).add(id.grantee);
    if (id.kind === "policy" && Array.isArray(payload["roles"]))
      for (const role of payload["roles"]) named.add(String(role));
  }
  for (const { to } of edges) if (to.kind === "role") named.add(to.name);
  return [...named].sort();
}

/** The catalog is made when it is asked for. */
export function loadFacts(bytes: Uint8Array): SavedDesired {
  const text = gunzipSync(bytes);
  const end = text.indexOf("\n");
  const head = JSON.parse(text.toString("utf8", 0, end)) as SavedHead;
  let catalog: Catalog | undefined;
  return {
    declared: new Set(head.declared),
    get catalog() {
      catalog ??= toSavedCatalog(head, JSON.parse(text.toString("utf8", end + 1)) as SavedBody);
      return catalog;
    },
  };
}

function toSavedCatalog(head: SavedHead, { facts, edges }: SavedBody): Catalog {
  const { serverMajor, roles, currentRole, virtualColumns } = head;
  return toCatalog(
    {
      byId: new Map(facts.map((fact) => [encodeId(fact.id), fact])),
      edgesFrom: indexEdges(edges),
      virtualColumns: new Set(virtualColumns),
      roles,
      currentRole,
    },
    serverMajor,
  );
}

/** True for a partition of a declaratively partitioned table (`pg_class.relispartition`). */
export function isPartitionFact(fact: Fact): boolean {
  const bound = fact.payload["partitionBound"];
  return bound !== undefined && bound !== null;
}

/** True for a member of an extension. */
export function isOfExtension(facts: Facts, id: ObjectId): boolean {
  return (facts.edgesFrom.get(id) ?? []).some((edge) => edge.kind === "memberOfExtension");
}

/** `app.orders.total` for a column, `app.f(integer)` for a function, the grantee for a grant. */
export function nameOf(id: StableId): string {
  switch (id.kind) {
    case "comment":
      return nameOf(id.target);
    case "acl":
      return `${nameOf(id.target)}${id.column === undefined ? "" : `.${id.column}`} to ${id.grantee}`;
    case "securityLabel":
      return `${nameOf(id.target)} of ${id.provider}`;
    case "function":
    case "procedure":
    case "aggregate":
      return `${id.schema}.${id.name}(${id.args.join(", ")})`;
    case "column":
    case "constraint":
    case "trigger":
    case "rule":
    case "policy":
    case "default":
      return `${id.schema}.${id.table}.${id.name}`;
    case "typeAttribute":
      return `${id.schema}.${id.type}.${id.name}`;
    case "membership":
      return `${id.member} in ${id.role}`;
    case "userMapping":
      return `${id.role} on ${id.server}`;
    case "publicationRel":
      return `${id.schema}.${id.table} in ${id.publication}`;
    case "publicationSchema":
      return `${id.schema} in ${id.publication}`;
    case "defaultPrivilege":
      return `${id.objtype} of ${id.role}${id.schema === null ? "" : ` in ${id.schema}`} to ${id.grantee}`;
    case "extensionIntent":
      return `${id.ext} ${id.intentKind} ${id.key}`;
    default:
      return "schema" in id ? `${id.schema}.${id.name}` : id.name;
  }
}

/** The schema an object lives in; undefined for objects of the database as a whole. */
export function schemaOf(id: StableId): string | undefined {
  if (id.kind === "schema") return id.name;
  if ("target" in id) return schemaOf(id.target);
  if (id.kind === "publicationRel" || id.kind === "publicationSchema") return undefined;
  return "schema" in id ? (id.schema ?? undefined) : undefined;
}
