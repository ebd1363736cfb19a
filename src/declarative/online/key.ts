import type { Catalog, EngineAction, ObjectId, SchemaEngine } from "../engine/engine.ts";

/** One column: a name alone, never an expression. */
const COLUMN = '(?:"(?:[^"]|"")*"|[^\\s"(),]+)';
const COLUMNS = `\\(${COLUMN}(?:, ${COLUMN})*\\)`;

/** The forms of `pg_get_constraintdef` that an index can stand for; not WITHOUT OVERLAPS, which is no B-tree. */
export const KEY = new RegExp(
  `^(?<kind>UNIQUE|PRIMARY KEY)(?<nulls> NULLS NOT DISTINCT)? (?<columns>${COLUMNS})(?<include> INCLUDE ${COLUMNS})?(?<with> WITH \\([^()]*\\))?(?<deferrable> DEFERRABLE(?: INITIALLY DEFERRED)?)?$`,
);

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
