import { quoteIdent } from "../../sql/quote.ts";
import type { ConstraintDefinition, EngineAction, ObjectId } from "../engine/engine.ts";
import type { Draft } from "./draft.ts";
import { type Key, parseKey } from "./key.ts";
import { keyNameOn } from "./key-name.ts";
import { isLike, type Leaf } from "./leaves.ts";
import { scaffoldName } from "./scaffold.ts";
import { alter, createConcurrently, dropConcurrently, qualified } from "./statement.ts";

/**
 * A unique or primary key comes by an index that is built beside (PostgreSQL manual, ALTER TABLE, "ADD
 * table_constraint_using_index"). False where that is not possible.
 */
export function addKey(
  draft: Draft,
  action: EngineAction,
  id: ObjectId,
  { relation, definition }: ConstraintDefinition,
): boolean {
  const key = parseKey(definition);
  const populated = draft.populated(relation);
  if (key === undefined || populated === undefined) return false;
  if (!draft.replaced.has(id) && draft.dropped.has(id)) return false;
  if (populated.partitioned) return addOnPartitions(draft, action, id, relation, key, populated.leaves);
  const { engine, view } = draft.input;
  const { schema = "", ownName } = engine.describe(view.desired, id);
  const table = engine.quotedName(view.desired, relation);
  const temporary = scaffoldName("index", id);
  const built = draft.stages.alone(draft.needsOf(action));
  draft.stages.add(built, buildBeside(action, id, schema, temporary, table, key));
  const stage = stageOf(draft, id, built);
  placeReplaced(draft, id, stage);
  draft.stages.add(stage, { ...action, sql: addByIndex(table, ownName, key, temporary), online: {} }, [id]);
  return true;
}

/**
 * That of a partitioned table takes over the keys that its partitions have, and builds nothing for them, but an index
 * alone it does not take. So each partition gets its key first, by an index built beside; these and the table's come
 * in one transaction, which only writes the catalog. All locks are asked for at once, those above first, as queries do.
 */
function addOnPartitions(
  draft: Draft,
  action: EngineAction,
  id: ObjectId,
  relation: ObjectId,
  key: Key,
  leaves: readonly Leaf[],
): boolean {
  const like = (leaf: Leaf): readonly Leaf["indexes"][number][] =>
    leaf.indexes.filter((index) => isLike(index, { unique: true, method: key.method }));
  const { engine, view } = draft.input;
  // A key of the partition's own would be taken for its part of the table's.
  const own = leaves.flatMap((leaf) => like(leaf).filter(({ ofConstraint }) => ofConstraint));
  if (own.some(({ name }) => isDeclared(draft, name))) return false;
  const missing = leaves.filter((leaf) => !like(leaf).some(({ ofConstraint }) => ofConstraint));
  if (missing.length === 0) return false;
  const built = draft.stages.alone(draft.needsOf(action));
  const stage = stageOf(draft, id, built);
  const table = engine.quotedName(view.desired, relation);
  const lock = `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`;
  draft.stages.add(stage, alter(action, lock, [id], "accessExclusive"));
  placeReplaced(draft, id, stage);
  for (const leaf of missing) {
    const temporary = scaffoldName("index", `${id} ${leaf.name}`);
    const beside = qualified(leaf.schema, temporary);
    // What a run that died has built stays.
    if (like(leaf).some(({ name, valid }) => valid && name === beside)) draft.kept.add(beside);
    else draft.stages.add(built, buildBeside(action, id, leaf.schema, temporary, leaf.name, key));
    const name = keyNameOn(leaf.table, key, (each) => draft.names.has(qualified(leaf.schema, each)));
    draft.names.add(qualified(leaf.schema, name));
    const add = addByIndex(leaf.name, name, key, temporary);
    draft.stages.add(stage, alter(action, add, [id], "accessExclusive"));
  }
  draft.stages.add(stage, { ...action, online: {} }, [id]);
  return true;
}

function buildBeside(
  action: EngineAction,
  id: ObjectId,
  schema: string,
  name: string,
  table: string,
  key: Key,
): EngineAction {
  return {
    ...alter(action, createConcurrently(true, name, table, key.method), [id], "shareUpdateExclusive"),
    online: { proves: true, undo: dropConcurrently(schema, name) },
  };
}

function addByIndex(table: string, name: string, key: Key, index: string): string {
  return `ALTER TABLE ${table} ADD CONSTRAINT ${quoteIdent(name)} ${key.kind} USING INDEX ${quoteIdent(index)}${key.deferrable}`;
}

/** Once the index is built, and the columns of a primary key are NOT NULL. */
function stageOf(draft: Draft, id: ObjectId, built: number): number {
  const { engine, view } = draft.input;
  const columns = engine.dependencies(view.desired, id);
  return Math.max(built + 1, ...columns.map((column) => draft.notNullFrom.get(column) ?? 0));
}

function placeReplaced(draft: Draft, id: ObjectId, stage: number): void {
  const replaced = draft.replaced.get(id);
  if (replaced !== undefined) draft.stages.add(stage, { ...replaced, online: {} });
}

/** True for a constraint of the files, by the name of its index. */
function isDeclared({ input: { engine, view } }: Draft, name: string): boolean {
  return [...view.desired.ids].some(
    (id) => id.startsWith("constraint:") && engine.quotedName(view.desired, id) === name,
  );
}
