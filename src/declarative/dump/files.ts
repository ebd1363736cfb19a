import type { Catalog, ObjectId, SchemaEngine } from "../engine/engine.ts";

/** A statement and the file that it belongs to, as a path within `schemas/` without its extension. */
export interface Placed {
  readonly path: readonly string[];
  readonly sql: string;
}

export interface DumpFile {
  /** Relative to the folder of the dump, with `/`. */
  readonly path: string;
  readonly text: string;
}

const FOLDERS: Readonly<Record<string, string>> = {
  table: "tables",
  foreignTable: "foreign_tables",
  view: "views",
  materializedView: "materialized_views",
  sequence: "sequences",
  function: "functions",
  procedure: "functions",
  aggregate: "functions",
  type: "types",
  domain: "types",
  collation: "collations",
};

/** Files of what is in no schema. */
const DATABASE_FILES: Readonly<Record<string, string>> = {
  eventTrigger: "event_triggers",
  publication: "publications",
  fdw: "foreign_servers",
  server: "foreign_servers",
  defaultPrivilege: "default_privileges",
};

/**
 * Where an object is written: `app/tables/orders`, overloaded functions together, `app/schema` for the schema
 * with its default privileges. Never by number or date, so that a dump differs where the schema does.
 */
export function pathOf(engine: SchemaEngine, catalog: Catalog, id: ObjectId): readonly string[] {
  const { kind, schema, ownName } = engine.describe(catalog, id);
  if (schema === undefined) return [DATABASE_FILES[kind] ?? "database"];
  const folder = FOLDERS[kind];
  return folder === undefined ? [schema, "schema"] : [schema, folder, ownName];
}

/** The file of a relation of this kind. */
export function pathOfRelation(kind: string, schema: string, name: string): readonly string[] {
  return [schema, FOLDERS[kind] ?? "tables", name];
}

/** The files in the order of their paths; statements keep theirs within a file. */
export function toFiles(placed: readonly Placed[]): DumpFile[] {
  const groups = Map.groupBy(placed, ({ path }) => path.map(toSegment).join("/"));
  const twins = Map.groupBy(groups.keys(), (path) => path.toLowerCase());
  return [...groups].sort(byPath).map(([path, statements]) => {
    const folded = path.toLowerCase();
    // Names that differ in case alone would be one file to some file systems.
    const isTwin = (twins.get(folded)?.length ?? 0) > 1 && path !== folded;
    return {
      path: `schemas/${path}${isTwin ? `~${capitalsOf(path)}` : ""}.sql`,
      text: textOf(statements.map(({ sql }) => sql)),
    };
  });
}

function byPath([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}

export function textOf(statements: readonly string[]): string {
  return statements.map((sql) => `${sql.replace(/[;\s]+$/, "")};\n`).join("\n");
}

/** A name as part of a path on any file system, and never the same for two names. */
function toSegment(name: string): string {
  return name.replaceAll(/[^\w$\u00a0-\uffff -]|^[ $-]| $/g, (sign) =>
    [...Buffer.from(sign)].map((byte) => `%${byte.toString(16).padStart(2, "0").toUpperCase()}`).join(""),
  );
}

/** Which of its letters are capitals, as a number: what tells it from its twin. */
function capitalsOf(path: string): string {
  const bits = [...path].map((letter) => (letter === letter.toLowerCase() ? "0" : "1")).join("");
  return BigInt(`0b${bits}`).toString(16);
}
