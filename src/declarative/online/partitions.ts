import type { EngineAction, IndexDefinition, ManagedView, ObjectId, SchemaEngine } from "../engine/engine.ts";
import { isLike, type Leaf } from "./leaves.ts";
import { scaffoldName } from "./scaffold.ts";
import { alter, createConcurrently, invalidLike, leftover } from "./statement.ts";

export interface PartitionedIndex {
  /** Makes the index of the partitioned table, and takes over what its partitions have. */
  readonly action: EngineAction;
  readonly id: ObjectId;
  readonly index: IndexDefinition;
  readonly leaves: readonly Leaf[];
  /** True where an index of this name is there, and makes way for this one. */
  readonly replaces: boolean;
}

/**
 * PostgreSQL builds no index of a partitioned table concurrently (manual, CREATE INDEX). But one that each
 * partition has already it takes over, and builds nothing: so these come first, one after the other. What a run
 * that died has built stays; what it left half built goes. Undefined where a partition has a declared index of
 * its own that would be taken over too: it is dropped and made again around the table's.
 *
 * The name of a partition's index is PostgreSQL's choice. Where one has it that is to go, it is renamed first.
 */
export function partitionBuilds(
  engine: SchemaEngine,
  view: ManagedView,
  { action, id, index, leaves, replaces }: PartitionedIndex,
): EngineAction[] | undefined {
  const alike = leaves.map((leaf) => leaf.indexes.filter((each) => isLike(each, index)));
  const names = new Set(alike.flat().map(({ name }) => name));
  if (names.size > 0 && declaredIndexes(engine, view).some((name) => names.has(name))) return undefined;
  const replaced = replaces ? engine.quotedName(view.current, id) : undefined;
  return leaves.flatMap(({ name: leaf, indexes }, at) => {
    const found = alike[at] ?? [];
    const halves = found
      .filter(({ valid }) => !valid)
      .map(({ name }) => ({ ...leftover(id), sql: `DROP INDEX CONCURRENTLY IF EXISTS ${name}` }));
    if (found.some(({ valid }) => valid)) return halves;
    const aside = scaffoldName("index", `${id} ${leaf}`);
    const renames = indexes
      .filter(({ name, root }) => root !== null && root === replaced && !name.endsWith(`.${aside}`))
      .map(({ name }) =>
        alter(action, `ALTER INDEX ${name} RENAME TO ${aside}`, [id], "shareUpdateExclusive"),
      );
    const sql = createConcurrently(index.unique, undefined, leaf, index.method);
    const online = { proves: index.unique, undoEach: invalidLike(leaf, index.method) };
    return [...halves, ...renames, { ...alter(action, sql, [id], "shareUpdateExclusive"), online }];
  });
}

function declaredIndexes(engine: SchemaEngine, { desired }: ManagedView): string[] {
  return [...desired.ids]
    .filter((id) => engine.describe(desired, id).kind === "index")
    .map((id) => engine.quotedName(desired, id));
}
