import type { EngineAction, ObjectId } from "../engine/engine.ts";
import type { Draft } from "./draft.ts";
import { parseKey } from "./key.ts";
import { qualified } from "./statement.ts";

/**
 * True for an index or key that another takes the place of, or an index that just goes: not to be dropped
 * here, but once the other one is there, or alone at the end.
 */
export function isDroppedLater(draft: Draft, action: EngineAction, id: ObjectId): boolean {
  const { engine, view } = draft.input;
  const index = engine.index(view.current, id);
  const constraint = engine.constraint(view.current, id);
  const relation = index?.relation ?? constraint?.relation;
  const populated = relation === undefined ? undefined : draft.populated(relation);
  if (populated === undefined || isInTheWay(draft, id)) return false;
  if (draft.created.has(id)) {
    if (!isReplacedOnline(draft, id)) return false;
    draft.replaced.set(id, action);
    return true;
  }
  if (index === undefined || populated.partitioned) return false;
  const { schema = "", ownName } = engine.describe(view.current, id);
  draft.last.push({
    ...action,
    sql: `DROP INDEX CONCURRENTLY ${qualified(schema, ownName)}`,
    lock: "shareUpdateExclusive",
    transactional: false,
    online: {},
  });
  return true;
}

/** True when what will stand in its place is built beside. */
function isReplacedOnline(draft: Draft, id: ObjectId): boolean {
  const { engine, view } = draft.input;
  const index = engine.index(view.desired, id);
  // One that is made anew as it was makes way for another one.
  const isSame = engine.content(view.current, id) === engine.content(view.desired, id);
  if (index !== undefined) return !isSame && draft.populated(index.relation) !== undefined;
  const constraint = engine.constraint(view.desired, id);
  if (constraint === undefined || draft.populated(constraint.relation) === undefined) return false;
  return parseKey(constraint.definition) !== undefined;
}

/** True when something that it refers to changes or goes, or something that needs it does: then it goes in its turn. */
function isInTheWay(draft: Draft, id: ObjectId): boolean {
  const { engine, view } = draft.input;
  const under = new Set(engine.dependencies(view.current, id));
  const isTouched = draft.actions.some(
    ({ drops, step }) =>
      drops.some((gone) => under.has(gone)) || (step?.kind === "set type" && under.has(step.column)),
  );
  if (isTouched) return true;
  const leans = (other: ObjectId): boolean => engine.dependencies(view.current, other).includes(id);
  if ([...draft.dropped].some((other) => other !== id && leans(other))) return true;
  const { name } = engine.describe(view.current, id);
  return [...draft.created].some(
    (other) => other !== id && RELATIONS.test(other) && engine.describe(view.desired, other).name === name,
  );
}

const RELATIONS = /^(?:table|view|materializedView|sequence|index|foreignTable|type):/;
