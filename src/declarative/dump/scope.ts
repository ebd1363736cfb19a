import type { DeclarativeState } from "../../records/declarative-state.ts";
import type { Catalog, ObjectId, SavedDesired, SchemaEngine } from "../engine/engine.ts";

export interface DumpScope {
  readonly schemas: readonly string[];
  readonly ids: ReadonlySet<ObjectId>;
  /** Partitions of managed tables that no file ever declared: data of the application, and left out. */
  readonly runTimePartitions: readonly string[];
}

export interface ScopeInput {
  readonly engine: SchemaEngine;
  readonly catalog: Catalog;
  /** Schemas of users: there is a table or anything else to dump, or nothing at all. */
  readonly userSchemas: readonly string[];
  /** Asked for by name. */
  readonly chosen: readonly string[] | undefined;
  readonly state: DeclarativeState | undefined;
  readonly saved: SavedDesired | undefined;
}

/**
 * What is dumped. Of the schemas asked for, or else the managed ones, all there is, whoever made it; where
 * nothing was ever applied, everything. What is in no schema (publications, event triggers, foreign servers)
 * comes along with a dump of everything, and otherwise when the files have declared it.
 */
export function scopeOf(input: ScopeInput): DumpScope {
  const { engine, catalog, userSchemas, chosen, state, saved } = input;
  const schemas = new Set(chosen ?? state?.managedSchemas ?? userSchemas);
  const isWhole = chosen === undefined && state === undefined;
  const isWanted = (id: ObjectId): boolean => {
    const { kind, schema, parent } = engine.describe(catalog, id);
    if (id === "schema:public" || kind === "extension") return false;
    if (parent !== undefined && engine.describe(catalog, parent).kind === "extension") return false;
    if (isOfExtension(engine, catalog, id)) return false;
    if (schema !== undefined) return schemas.has(schema);
    return isWhole || (chosen === undefined && saved?.declared.has(id) === true);
  };
  const wanted = new Set([...catalog.ids].filter(isWanted));
  const runTime = findRunTimePartitions(input, wanted);
  for (const id of wanted) if (isWithin(engine, catalog, id, runTime)) wanted.delete(id);
  return {
    schemas: [...schemas].sort(),
    ids: wanted,
    runTimePartitions: engine.partitions(catalog, runTime).toSorted(),
  };
}

/** Members come with their extension; what a person granted on one does not. */
function isOfExtension(engine: SchemaEngine, catalog: Catalog, id: ObjectId): boolean {
  const { kind, parent, ofExtension } = engine.describe(catalog, id);
  if (ofExtension) return true;
  return kind !== "acl" && parent !== undefined && isOfExtension(engine, catalog, parent);
}

function findRunTimePartitions(
  { engine, catalog, state }: ScopeInput,
  ids: ReadonlySet<ObjectId>,
): Set<ObjectId> {
  if (state === undefined) return new Set();
  const managed = new Set(state.managedSchemas);
  const declared = new Set(state.declaredPartitions);
  return new Set(
    [...ids].filter((id) => {
      const [name] = engine.partitions(catalog, new Set([id]));
      const { schema } = engine.describe(catalog, id);
      return name !== undefined && schema !== undefined && managed.has(schema) && !declared.has(name);
    }),
  );
}

function isWithin(
  engine: SchemaEngine,
  catalog: Catalog,
  id: ObjectId,
  roots: ReadonlySet<ObjectId>,
): boolean {
  if (roots.has(id)) return true;
  const { parent } = engine.describe(catalog, id);
  return parent !== undefined && isWithin(engine, catalog, parent, roots);
}
