import { quoteIdent } from "../../sql/quote.ts";
import type { EngineAction, IndexDefinition, ObjectId } from "../engine/engine.ts";
import type { Draft } from "./draft.ts";
import type { Leaf } from "./leaves.ts";
import { partitionBuilds } from "./partitions.ts";
import { scaffoldName } from "./scaffold.ts";
import { alter, createConcurrently, dropConcurrently, qualified } from "./statement.ts";

/** Builds an index concurrently, beside the one it takes the place of. False where that is not possible. */
export function buildIndex(draft: Draft, action: EngineAction, id: ObjectId): boolean {
  const { engine, view } = draft.input;
  const index = engine.index(view.desired, id);
  const populated = index === undefined ? undefined : draft.populated(index.relation);
  if (index === undefined || populated === undefined) return false;
  if (populated.partitioned) return buildOnPartitions(draft, action, id, index, populated.leaves);
  const replaced = draft.replaced.get(id);
  if (replaced === undefined && draft.dropped.has(id)) return false;
  const { schema = "", ownName } = engine.describe(view.desired, id);
  const temporary = scaffoldName("index", id);
  const name = replaced === undefined ? ownName : temporary;
  const stage = draft.stages.alone(draft.needsOf(action));
  const create = createConcurrently(index.unique, name, index.relationName, index.method);
  const online = { proves: index.unique, undo: dropConcurrently(schema, name) };
  const lock = "shareUpdateExclusive";
  if (replaced === undefined) {
    draft.stages.add(stage, { ...action, sql: create, lock, online }, [id]);
  } else {
    draft.stages.add(stage, { ...alter(action, create, [id], lock), online });
    const rename = `ALTER INDEX ${qualified(schema, temporary)} RENAME TO ${quoteIdent(ownName)}`;
    draft.stages.add(stage + 1, { ...replaced, online: {} });
    draft.stages.add(stage + 1, { ...action, sql: rename, lock, online: {} }, [id]);
  }
  return true;
}

function buildOnPartitions(
  draft: Draft,
  action: EngineAction,
  id: ObjectId,
  index: IndexDefinition,
  leaves: readonly Leaf[],
) {
  const replaced = draft.replaced.get(id);
  if (replaced === undefined && draft.dropped.has(id)) return false;
  const { engine, view } = draft.input;
  const builds = partitionBuilds(engine, view, {
    action,
    id,
    index,
    leaves,
    replaces: replaced !== undefined,
  });
  if (builds === undefined) return false;
  const stage = draft.stages.alone(draft.needsOf(action));
  for (const build of builds) draft.stages.add(stage, build);
  if (replaced !== undefined) draft.stages.add(stage + 1, { ...replaced, online: {} });
  draft.stages.add(stage + 1, { ...action, online: {} }, [id]);
  return true;
}
