import { quoteIdent } from "../../sql/quote.ts";
import type { EngineAction, ObjectId } from "../engine/engine.ts";
import type { Draft } from "./draft.ts";
import { KEY } from "./key.ts";
import type { Populated } from "./population.ts";
import { scaffoldName } from "./scaffold.ts";
import { alter, createConcurrently, dropConcurrently, dropConstraint } from "./statement.ts";

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
      return (
        !populated.partitioned && addByIndex(draft, action, id, constraint.relation, constraint.definition)
      );
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

function addByIndex(
  draft: Draft,
  action: EngineAction,
  id: ObjectId,
  relation: ObjectId,
  definition: string,
): boolean {
  const { engine, view } = draft.input;
  const key = KEY.exec(definition)?.groups;
  const replaced = draft.replaced.get(id);
  if (key === undefined || (replaced === undefined && draft.dropped.has(id))) return false;
  const { schema = "", ownName } = engine.describe(view.desired, id);
  const table = engine.quotedName(view.desired, relation);
  const temporary = scaffoldName("index", id);
  const columns = engine.dependencies(view.desired, id);
  const proven = Math.max(0, ...columns.map((column) => draft.notNullFrom.get(column) ?? 0));
  const method = `USING btree ${key["columns"] ?? ""}${key["include"] ?? ""}${key["nulls"] ?? ""}${key["with"] ?? ""}`;
  const built = draft.stages.alone(draft.needsOf(action));
  draft.stages.add(built, {
    ...alter(action, createConcurrently(true, temporary, table, method), [id], "shareUpdateExclusive"),
    online: { proves: true, undo: dropConcurrently(schema, temporary) },
  });
  const stage = Math.max(built + 1, proven);
  if (replaced !== undefined) draft.stages.add(stage, { ...replaced, online: {} });
  const kind = key["kind"] ?? "UNIQUE";
  const add = `ALTER TABLE ${table} ADD CONSTRAINT ${quoteIdent(ownName)} ${kind} USING INDEX ${quoteIdent(temporary)}${key["deferrable"] ?? ""}`;
  draft.stages.add(stage, { ...action, sql: add, online: {} }, [id]);
  return true;
}
