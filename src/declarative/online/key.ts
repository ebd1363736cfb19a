import type { Catalog, EngineAction, ObjectId, SchemaEngine } from "../engine/engine.ts";

/** One column: a name alone, never an expression. */
const COLUMN = '(?:"(?:[^"]|"")*"|[^\\s"(),]+)';
const COLUMNS = `\\(${COLUMN}(?:, ${COLUMN})*\\)`;

/** The forms of `pg_get_constraintdef` that an index can stand for; not WITHOUT OVERLAPS, which is no B-tree. */
const KEY = new RegExp(
  `^(?<kind>UNIQUE|PRIMARY KEY)(?<nulls> NULLS NOT DISTINCT)? (?<columns>${COLUMNS})(?<include> INCLUDE ${COLUMNS})?(?<with> WITH \\([^()]*\\))?(?<deferrable> DEFERRABLE(?: INITIALLY DEFERRED)?)?$`,
);

/** A unique or primary key as what its index is made of. */
export interface Key {
  readonly kind: "UNIQUE" | "PRIMARY KEY";
  /** Unquoted, those that are only included too. */
  readonly columns: readonly string[];
  /** Of its index, from USING to the end, as `pg_get_indexdef` has it. */
  readonly method: string;
  readonly deferrable: string;
}

/** Undefined where no index that is there can become the key. */
export function parseKey(definition: string): Key | undefined {
  const groups = KEY.exec(definition)?.groups;
  if (groups === undefined) return undefined;
  const { columns = "", include = "", nulls = "", with: options = "", deferrable = "" } = groups;
  const names = `${columns}${include.replace(/^ INCLUDE /, "")}`.matchAll(new RegExp(COLUMN, "g"));
  return {
    kind: groups["kind"] === "PRIMARY KEY" ? "PRIMARY KEY" : "UNIQUE",
    columns: [...names].map(([name]) => unquote(name)),
    method: `USING btree ${columns}${include}${nulls}${options}`,
    deferrable,
  };
}

function unquote(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

/** Of a DROP NOT NULL: the primary key that holds the column until it makes way for another one. */
export function keyOver(
  engine: SchemaEngine,
  current: Catalog,
  { sql, objects }: EngineAction,
  remade: readonly ObjectId[],
): ObjectId | undefined {
  if (!/ DROP NOT NULL$/.test(sql)) return undefined;
  return remade.find(
    (id) =>
      engine.constraint(current, id)?.type === "primary key" &&
      engine.dependencies(current, id).some((column) => objects.includes(column)),
  );
}
