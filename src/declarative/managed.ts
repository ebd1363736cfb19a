import type { Catalog, ObjectId, SchemaEngine } from "./engine/engine.ts";

/** Schemas in which these objects live: the managed ones. */
export function managedSchemas(
  engine: SchemaEngine,
  catalog: Catalog,
  ids: ReadonlySet<ObjectId>,
): Set<string> {
  const schemas = new Set<string>();
  for (const id of ids) {
    const { kind, schema } = engine.describe(catalog, id);
    if (schema !== undefined && !SATELLITES.has(kind)) schemas.add(schema);
  }
  return schemas;
}

const SATELLITES = new Set(["acl", "comment", "securityLabel", "defaultPrivilege"]);
