import type { Catalog, ObjectId, SchemaEngine } from "./engine/engine.ts";

const WORDS: Readonly<Record<string, string>> = {
  materializedView: "materialized view",
  foreignTable: "foreign table",
  eventTrigger: "event trigger",
  typeAttribute: "attribute",
  acl: "grant on",
  comment: "comment on",
  securityLabel: "security label on",
  defaultPrivilege: "default privileges for",
  publicationRel: "publication of",
  publicationSchema: "publication of schema",
  fdw: "foreign data wrapper",
};

/** A kind in words, for example `materialized view`. */
export function words(kind: string): string {
  return WORDS[kind] ?? kind;
}

/** For example `table app.orders`; the way objects are named in plans, logs and errors. */
export function describeObject(engine: SchemaEngine, catalog: Catalog, id: ObjectId): string {
  const { kind, name } = engine.describe(catalog, id);
  return `${words(kind)} ${name}`;
}

/** The other way round: `materialized view app.totals` is of kind `materialized view` and named `app.totals`. */
export function splitObject(object: string): { readonly kind: string; readonly name: string } {
  const known = Object.values(WORDS).find((word) => object.startsWith(`${word} `));
  const kind = known ?? object.split(" ", 1)[0] ?? object;
  return { kind, name: object.slice(kind.length + 1) };
}
