import { type DependencyEdge, encodeId, type Fact, type StableId } from "@supabase/pg-delta/core";
import type { Catalog, ObjectId, Ownership } from "../../../../src/declarative/engine/engine.ts";
import { factsOf, indexEdges, toCatalog } from "../../../../src/declarative/engine/facts.ts";

export const SCHEMA: StableId = { kind: "schema", name: "app" };
export const tableId = (name: string): StableId => ({ kind: "table", schema: "app", name });
export const columnId = (table: string, name: string): StableId => ({
  kind: "column",
  schema: "app",
  table,
  name,
});
export const aclId = (target: StableId, grantee: string): StableId => ({ kind: "acl", target, grantee });
export const roleId = (name: string): StableId => ({ kind: "role", name });

export const fact = (id: StableId, payload: Record<string, unknown> = {}, parent?: StableId): Fact => ({
  id,
  payload: payload as Fact["payload"],
  ...(parent === undefined ? {} : { parent }),
});

export const schema = (): Fact => fact(SCHEMA);
export const table = (name: string, payload: Record<string, unknown> = {}): Fact =>
  fact(tableId(name), payload, SCHEMA);
export const column = (of: string, name: string, payload: Record<string, unknown> = {}): Fact =>
  fact(columnId(of, name), payload, tableId(of));

export const owner = (of: StableId, role: string): DependencyEdge => ({
  from: of,
  to: roleId(role),
  kind: "owner",
});

export interface State {
  readonly facts: readonly Fact[];
  readonly edges?: readonly DependencyEdge[];
  readonly currentRole?: string;
  readonly virtualColumns?: readonly StableId[];
  readonly serverMajor?: number;
}

/** A catalog as if it had been read. */
export function catalogOf(state: State): Catalog {
  const { facts, edges = [], currentRole = "loader", virtualColumns = [], serverMajor = 18 } = state;
  return toCatalog(
    {
      byId: new Map(facts.map((each) => [encodeId(each.id), each])),
      edgesFrom: indexEdges(edges),
      virtualColumns: new Set(virtualColumns.map(encodeId)),
      roles: ["loader", "somebody", "PUBLIC"],
      currentRole,
    },
    serverMajor,
  );
}

/** Who answers for which object; nobody for those that are not named. */
export function ownershipOf(
  given: Partial<Readonly<Record<keyof Ownership, readonly StableId[]>>>,
): Ownership {
  const ids = (key: keyof Ownership): ReadonlySet<ObjectId> => new Set((given[key] ?? []).map(encodeId));
  return {
    declared: ids("declared"),
    given: ids("given"),
    lastDeclared: ids("lastDeclared"),
    unwanted: ids("unwanted"),
  };
}

export const idsOf = (catalog: Catalog): readonly ObjectId[] => [...catalog.ids].sort();

export const payloadOf = (catalog: Catalog, id: StableId): unknown =>
  factsOf(catalog).byId.get(encodeId(id))?.payload;

/** `from > to` of every edge, in the order of their words. */
export const edgesOf = (catalog: Catalog): readonly string[] =>
  [...factsOf(catalog).edgesFrom.values()]
    .flat()
    .map((edge) => `${encodeId(edge.from)} ${edge.kind} ${encodeId(edge.to)}`)
    .sort();
