import { quoteIdent } from "../sql/quote.ts";
import type { Catalog, EngineAction, ManagedView, ObjectId, SchemaEngine } from "./engine/engine.ts";

/**
 * An object that goes and one like it that comes: to the files a rename looks just so. It is never guessed, for
 * the one who is wrong loses data; it is said, with the statement that keeps the data.
 */
export interface Rename {
  /** For example `column app.orders.total`. */
  readonly from: string;
  readonly to: string;
  /** What to run on the database before, instead of what the plan would do. */
  readonly sql: string;
}

/** How `ALTER … RENAME` calls the kinds that can be renamed and lose something when they are made anew. */
const KINDS: Readonly<Record<string, string>> = {
  table: "TABLE",
  column: "COLUMN",
  materializedView: "MATERIALIZED VIEW",
  sequence: "SEQUENCE",
  type: "TYPE",
  domain: "DOMAIN",
};

/** Pairs of what the actions drop and create where nothing else could be meant. */
export function findRenames(
  engine: SchemaEngine,
  view: ManagedView,
  actions: readonly EngineAction[],
): Rename[] {
  const gone = idsOf(
    engine,
    view.current,
    view.desired,
    actions.flatMap(({ drops }) => drops),
  );
  const made = idsOf(
    engine,
    view.desired,
    view.current,
    actions.flatMap(({ creates }) => creates),
  );
  const byShape = Map.groupBy(made, (id) => shapeOf(engine, view.desired, id));
  return [...Map.groupBy(gone, (id) => shapeOf(engine, view.current, id))].flatMap(([shape, from]) => {
    const to = byShape.get(shape) ?? [];
    const [old, now] = [from[0], to[0]];
    if (from.length !== 1 || to.length !== 1 || old === undefined || now === undefined) return [];
    return [toRename(engine, view, old, now)];
  });
}

/** Those of a kind that can be renamed, that the other side lacks; parts of what goes as a whole are left out. */
function idsOf(
  engine: SchemaEngine,
  side: Catalog,
  other: Catalog,
  ids: readonly ObjectId[],
): readonly ObjectId[] {
  return [...new Set(ids)].filter((id) => {
    const { kind, parent } = engine.describe(side, id);
    if (KINDS[kind] === undefined || other.ids.has(id)) return false;
    return kind !== "column" || (parent !== undefined && other.ids.has(parent));
  });
}

/** Equal for objects that differ in their name alone. */
function shapeOf(engine: SchemaEngine, catalog: Catalog, id: ObjectId): string {
  const { kind, parent, schema } = engine.describe(catalog, id);
  if (kind === "column") return JSON.stringify([kind, parent, engine.content(catalog, id)]);
  const columns = [...catalog.ids]
    .filter((part) => engine.describe(catalog, part).parent === id)
    .filter((part) => engine.column(catalog, part) !== undefined)
    .map((part) => [engine.describe(catalog, part).ownName, engine.content(catalog, part)].join(" "))
    .sort();
  return JSON.stringify([kind, schema, engine.content(catalog, id), columns]);
}

function toRename(engine: SchemaEngine, view: ManagedView, old: ObjectId, now: ObjectId): Rename {
  const before = engine.describe(view.current, old);
  const after = engine.describe(view.desired, now);
  const owner = before.kind === "column" && before.parent !== undefined ? before.parent : old;
  const target = engine.quotedName(view.current, owner);
  const sql =
    before.kind === "column"
      ? `ALTER TABLE ${target} RENAME COLUMN ${quoteIdent(before.ownName)} TO ${quoteIdent(after.ownName)}`
      : `ALTER ${KINDS[before.kind] ?? ""} ${target} RENAME TO ${quoteIdent(after.ownName)}`;
  return { from: `${before.kind} ${before.name}`, to: after.name, sql };
}
