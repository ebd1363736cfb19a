import type { Catalog, Edit, ObjectId, SchemaEngine } from "./engine/engine.ts";
import { describeObject } from "./object-name.ts";
import { readableSql } from "./readable-sql.ts";

/** What one object is in one state and what in another. */
export interface Difference {
  readonly id: ObjectId;
  /** As people name it, for example `column app.orders.total`. */
  readonly object: string;
  readonly kind: "added" | "changed" | "removed";
  /** Its properties that changed; none when it was added or removed. */
  readonly edits: readonly Edit[];
}

/** With the SQL that makes the object; undefined where it is not, or where no statement of its own does. */
export interface DefinedDifference extends Difference {
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** In the order of their names. Of what was added or removed whole, the parts go without saying. */
export function differencesBetween(engine: SchemaEngine, before: Catalog, after: Catalog): Difference[] {
  const edits = Map.groupBy(engine.edits(before, after), ({ id }) => id);
  const only = (one: Catalog, other: Catalog, kind: "added" | "removed"): Difference[] =>
    [...one.ids].flatMap((id) => {
      const { parent } = engine.describe(one, id);
      const isPart = parent !== undefined && one.ids.has(parent) && !other.ids.has(parent);
      return other.ids.has(id) || isPart
        ? []
        : [{ id, object: describeObject(engine, one, id), kind, edits: [] }];
    });
  return [
    ...only(before, after, "removed"),
    ...only(after, before, "added"),
    ...[...edits].map(([id, list]) => ({
      id,
      object: describeObject(engine, after, id),
      kind: "changed" as const,
      edits: list,
    })),
  ].sort((one, other) => (one.object < other.object ? -1 : 1));
}

/** The differences with what each object is on both sides. */
export function defineDifferences(
  engine: SchemaEngine,
  before: Catalog,
  after: Catalog,
  differences: readonly Difference[],
): DefinedDifference[] {
  const old = definitionsOf(engine, before, differences);
  const now = definitionsOf(engine, after, differences);
  return differences.map((each) => ({ ...each, before: old.get(each.id), after: now.get(each.id) }));
}

function definitionsOf(
  engine: SchemaEngine,
  catalog: Catalog,
  differences: readonly Difference[],
): Map<ObjectId, string> {
  const roots = new Map<ObjectId, ObjectId>();
  const listed = new Map(differences.map(({ id, kind }) => [id, kind]));
  const rootOf = (id: ObjectId): ObjectId | undefined => {
    if (listed.has(id)) return id;
    const { parent } = engine.describe(catalog, id);
    const root = parent === undefined ? undefined : rootOf(parent);
    // The parts of what changed have differences of their own, or none.
    return root !== undefined && listed.get(root) !== "changed" ? root : undefined;
  };
  for (const id of catalog.ids) {
    const root = rootOf(id);
    if (root !== undefined) roots.set(id, root);
  }
  if (roots.size === 0) return new Map();
  const { statements } = engine.script(catalog, new Set(roots.keys()));
  const byRoot = Map.groupBy(statements, ({ about }) => roots.get(about) ?? about);
  return new Map(
    [...byRoot].map(([id, list]) => [
      id,
      list.map(({ sql }) => `${readableSql(engine, sql).replace(/[;\s]+$/, "")};`).join("\n"),
    ]),
  );
}

/** For example `not null: false → true`; undefined for what is better shown by its SQL. */
export function formatEdit({ property, from, to }: Edit): string | undefined {
  const [old, now] = [formatValue(from), formatValue(to)];
  if (old.length + now.length > 120 || /\n/.test(old + now)) return undefined;
  const words = WORDS[property] ?? property.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words}: ${old} → ${now}`;
}

const WORDS: Readonly<Record<string, string>> = {
  def: "definition",
  expr: "expression",
  generatedExpr: "generated as",
  usingExpr: "using",
  checkExpr: "with check",
  cmd: "command",
  reloptions: "storage parameters",
};

function formatValue(value: unknown): string {
  if (value === null || value === undefined) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}
