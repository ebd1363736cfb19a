import type { EngineAction, ObjectId } from "../engine/engine.ts";
import { fill } from "./columns.ts";
import type { Draft } from "./draft.ts";
import { scaffoldKindOf, scaffoldName } from "./scaffold.ts";
import { dropConcurrently, dropConstraint, leftover } from "./statement.ts";

/** What a run that died left: taken away before anything else, or carried on where it is half of the work. */
export function tidy(draft: Draft): EngineAction[] {
  const { engine, view, current } = draft.input;
  const tidied: EngineAction[] = [];
  for (const id of current.ids) {
    const { kind, ownName, schema = "", parent } = engine.describe(current, id);
    const scaffold = kind === "index" || kind === "constraint" ? scaffoldKindOf(ownName) : undefined;
    if (scaffold === undefined || parent === undefined || !view.current.ids.has(parent)) continue;
    const base = leftover(id);
    if (kind === "index") {
      tidied.push({ ...base, sql: dropConcurrently(schema, ownName), transactional: false });
    } else if (scaffold === "notNull") {
      tidied.push({ ...base, sql: dropConstraint(engine.quotedName(current, parent), ownName) });
    } else if (scaffold === "fill") {
      goOnFilling(draft, base, parent, ownName);
    }
  }
  return tidied;
}

function goOnFilling(draft: Draft, base: EngineAction, table: ObjectId, mark: string): void {
  const { engine, view } = draft.input;
  const id = [...view.current.ids].find(
    (each) => each.startsWith("column:") && scaffoldName("fill", each) === mark,
  );
  const column = id === undefined ? undefined : engine.column(view.desired, id);
  if (id === undefined || column === undefined) {
    draft.stages.add(0, { ...base, sql: dropConstraint(engine.quotedName(view.current, table), mark) });
    return;
  }
  // That it is to be NOT NULL, the engine sees by itself.
  fill(draft, { ...base, objects: [id] }, id, { ...column, notNull: false }, 1);
}
