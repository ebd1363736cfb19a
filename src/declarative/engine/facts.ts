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

export function toCatalog(facts: Facts, serverMajor: number, leftOut?: ReadonlySet<ObjectId>): Catalog {
  let ids: ReadonlySet<ObjectId> | undefined;
  return {
    serverMajor,
    ...(leftOut === undefined ? {} : { leftOut }),
    // Of a large catalog they are many, and nobody asks for those of most that are made on the way.
    get ids() {
      ids ??= new Set(facts.byId.keys());
      return ids;
    },
    engineData: facts,
  };
}

const parents = new WeakMap<Fact, ObjectId>();

/** The id of what the fact is part of. Spelled out once: all who go through a catalog ask for it. */
export function parentOf(fact: Fact): ObjectId | undefined {
  if (fact.parent === undefined) return undefined;
  const known = parents.get(fact);
  if (known !== undefined) return known;
  const id = encodeId(fact.parent);
  parents.set(fact, id);
  return id;
}

const targets = new WeakMap<readonly DependencyEdge[], readonly ObjectId[]>();

/** The ids that the edges lead to, in their order; spelled out once as well. */
export function targetsOf(edges: readonly DependencyEdge[]): readonly ObjectId[] {
  const known = targets.get(edges);
  if (known !== undefined) return known;
  const ids = edges.map(({ to }) => encodeId(to));
  targets.set(edges, ids);
  return ids;
}

/** What an object refers to (`pg_depend`), of what is modelled. */
export function dependenciesOf(facts: Facts, id: ObjectId): readonly ObjectId[] {
  const edges = facts.edgesFrom.get(id);
  if (edges === undefined) return [];
  const ids = targetsOf(edges);
  return edges.every(isDependency) ? ids : ids.filter((_, at) => edges[at]?.kind === "depends");
}

function isDependency({ kind }: DependencyEdge): boolean {
  return kind === "depends";
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
