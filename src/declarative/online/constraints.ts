import { quoteIdent } from "../../sql/quote.ts";
import type { EngineAction, ObjectId } from "../engine/engine.ts";
import type { Draft } from "./draft.ts";
import { addKey } from "./keys.ts";
import type { Populated } from "./population.ts";
import { alter, dropConstraint } from "./statement.ts";

/** A check and a foreign key hold for new rows first, a key comes by its index. False where that is not possible. */
export function addConstraint(draft: Draft, action: EngineAction, id: ObjectId): boolean {
  const { engine, view } = draft.input;
  const constraint = engine.constraint(view.desired, id);
  const populated = constraint === undefined ? undefined : draft.populated(constraint.relation);
  if (constraint === undefined || populated === undefined) return false;
  switch (constraint.type) {
    case "check":
    case "foreign key":
      return constraint.validated && addNotValid(draft, action, id, populated, constraint.relation);
    case "unique":
    case "primary key":
      return addKey(draft, action, id, constraint);
    case "exclusion":
      return false;
  }
}

function addNotValid(
  draft: Draft,
  action: EngineAction,
  id: ObjectId,
  { partitioned }: Populated,
  relation: ObjectId,
): boolean {
  const { engine, view } = draft.input;
  const isForeignKey = engine.constraint(view.desired, id)?.type === "foreign key";
  // A foreign key of a partitioned table may be NOT VALID since 18.
  if (isForeignKey && partitioned && view.desired.serverMajor < 18) return false;
  const table = engine.quotedName(view.desired, relation);
  const name = quoteIdent(engine.describe(view.desired, id).ownName);
  const stage = draft.stages.transaction(draft.needsOf(action));
  draft.stages.add(stage, { ...action, sql: `${action.sql} NOT VALID`, online: {} }, [id]);
  const validate = alter(
    action,
    `ALTER TABLE ${table} VALIDATE CONSTRAINT ${name}`,
    [id],
    "shareUpdateExclusive",
  );
  draft.stages.add(stage + 1, {
    ...validate,
    online: { proves: true, withdraw: dropConstraint(table, name) },
  });
  return true;
}
