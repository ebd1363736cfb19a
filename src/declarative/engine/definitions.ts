import { encodeId } from "@supabase/pg-delta/core";
import type { Catalog, ColumnDefinition, ConstraintDefinition, IndexDefinition, ObjectId } from "./engine.ts";
import { factsOf } from "./facts.ts";

const NAME = '(?:"(?:[^"]|"")*"|[^\\s".]+)';
/** The one form in which `pg_get_indexdef` writes an index. */
const INDEX = new RegExp(
  `^CREATE (?<unique>UNIQUE )?INDEX ${NAME} ON (?<only>ONLY )?(?<relation>${NAME}\\.${NAME}) (?<method>USING .*)$`,
  "s",
);

export function indexDefinition(catalog: Catalog, id: ObjectId): IndexDefinition | undefined {
  const fact = factsOf(catalog).byId.get(id);
  if (fact?.id.kind !== "index" || fact.parent === undefined) return undefined;
  const parts = INDEX.exec(String(fact.payload["def"]))?.groups;
  if (parts?.["relation"] === undefined || parts["method"] === undefined) return undefined;
  return {
    relation: encodeId(fact.parent),
    unique: parts["unique"] !== undefined,
    relationName: parts["relation"],
    method: parts["method"],
  };
}

const CONSTRAINT_TYPES: Readonly<Record<string, ConstraintDefinition["type"]>> = {
  c: "check",
  f: "foreign key",
  p: "primary key",
  u: "unique",
  x: "exclusion",
};

export function constraintDefinition(catalog: Catalog, id: ObjectId): ConstraintDefinition | undefined {
  const fact = factsOf(catalog).byId.get(id);
  if (fact?.id.kind !== "constraint" || fact.parent === undefined) return undefined;
  const type = CONSTRAINT_TYPES[String(fact.payload["type"])];
  if (type === undefined) return undefined;
  return {
    type,
    relation: encodeId(fact.parent),
    definition: String(fact.payload["def"]),
    validated: fact.payload["validated"] === true,
  };
}

export function columnDefinition(catalog: Catalog, id: ObjectId): ColumnDefinition | undefined {
  const facts = factsOf(catalog);
  const fact = facts.byId.get(id);
  if (fact?.id.kind !== "column" || fact.parent === undefined) return undefined;
  const { schema, table, name } = fact.id;
  const fallback = facts.byId.get(encodeId({ kind: "default", schema, table, name }));
  const { payload } = fact;
  return {
    relation: encodeId(fact.parent),
    type: String(payload["type"]),
    notNull: payload["notNull"] === true,
    computed: payload["identity"] !== null || payload["generatedExpr"] !== null,
    collated: payload["collation"] !== null,
    ...(fallback === undefined ? {} : { default: String(fallback.payload["expr"]) }),
  };
}
