import type { EngineAction, ObjectId } from "../engine/engine.ts";
import { addColumn, dropNotNull, setNotNull } from "./columns.ts";
import { addConstraint } from "./constraints.ts";
import { Draft, type OnlineInput } from "./draft.ts";
import { isDroppedLater } from "./drops.ts";
import { buildIndex } from "./indexes.ts";
import { keyOver } from "./key.ts";
import { tidy } from "./leftovers.ts";

/**
 * Chooses, for tables that have rows, statements that others read and write on beside: an index is built
 * concurrently and takes its place when it is done, a constraint holds for new rows first and is proven for the
 * old ones without a lock, a column is NOT NULL by a check that was proven (PostgreSQL manual, ALTER TABLE and
 * CREATE INDEX). What needs none of this stays in one transaction, before all else.
 */
export function planOnline(input: OnlineInput, actions: readonly EngineAction[]): EngineAction[] {
  const draft = new Draft(input, actions);
  const { engine, view } = input;
  const leftovers = tidy(draft);
  const remade = [...draft.dropped].filter((id) => draft.created.has(id));
  /** What can be done only once another key has taken the place of this one. */
  const behindKeys = new Map<EngineAction, ObjectId>();
  for (const action of actions) {
    const key = keyOver(engine, view.current, action, remade);
    if (key === undefined) place(draft, action);
    else behindKeys.set(action, key);
  }
  for (const [action, key] of behindKeys) {
    const stage = draft.stages.transaction([...draft.needsOf(action), key]);
    for (const each of dropNotNull(draft, action)) draft.stages.add(stage, each);
  }
  const gone = leftovers.filter(
    ({ objects: [id = ""] }) => !draft.kept.has(engine.quotedName(view.current, id)),
  );
  return [...gone, ...draft.toActions()];
}

function place(draft: Draft, action: EngineAction): void {
  const { engine, view } = draft.input;
  if (action.step?.kind === "set not null") {
    setNotNull(draft, action, action.step.column);
    return;
  }
  const [made] = action.creates;
  const [gone] = action.drops;
  if (
    made !== undefined &&
    action.creates.every((id) => id === made || engine.describe(view.desired, id).parent === made)
  ) {
    const kind = engine.describe(view.desired, made).kind;
    if (kind === "index" && buildIndex(draft, action, made)) return;
    if (kind === "constraint" && addConstraint(draft, action, made)) return;
    if (kind === "column" && addColumn(draft, action, made)) return;
  }
  if (gone !== undefined && action.creates.length === 0 && isDroppedLater(draft, action, gone)) return;
  for (const each of dropNotNull(draft, action)) draft.place(each);
}
