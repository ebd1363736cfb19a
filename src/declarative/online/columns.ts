import { calledFunctions } from "../../sql/calls.ts";
import { quoteIdent } from "../../sql/quote.ts";
import type { ColumnDefinition, EngineAction, ObjectId } from "../engine/engine.ts";
import type { Draft } from "./draft.ts";
import { nullableBy } from "./population.ts";
import { scaffoldName } from "./scaffold.ts";
import { alter, dropConstraint } from "./statement.ts";

/** A column is NOT NULL by a check that was proven. */
export function setNotNull(draft: Draft, action: EngineAction, column: ObjectId): void {
  const { engine, view } = draft.input;
  const { parent, ownName } = engine.describe(view.desired, column);
  const isOld = parent !== undefined && view.current.ids.has(column) && !draft.created.has(column);
  if (!isOld || draft.populated(parent) === undefined) {
    draft.place(action);
    return;
  }
  proveNotNull(draft, action, column, engine.quotedName(view.desired, parent), ownName);
}

function proveNotNull(
  draft: Draft,
  action: EngineAction,
  column: ObjectId,
  table: string,
  ownName: string,
): void {
  const check = scaffoldName("notNull", column);
  const stage = draft.stages.transaction(draft.needsOf(action));
  const lock = "accessExclusive";
  const add = `ALTER TABLE ${table} ADD CONSTRAINT ${check} CHECK (${quoteIdent(ownName)} IS NOT NULL) NOT VALID`;
  const validate = `ALTER TABLE ${table} VALIDATE CONSTRAINT ${check}`;
  const set = `ALTER TABLE ${table} ALTER COLUMN ${quoteIdent(ownName)} SET NOT NULL, DROP CONSTRAINT ${check}`;
  draft.stages.add(stage, { ...alter(action, add, [column], lock), online: {} });
  draft.stages.add(stage + 1, {
    ...alter(action, validate, [column], "shareUpdateExclusive"),
    online: { proves: true, withdraw: dropConstraint(table, check) },
  });
  draft.stages.add(stage + 2, { ...action, sql: set, online: {} });
  draft.notNullFrom.set(column, stage + 2);
}

/** A volatile default must be computed for every row: PostgreSQL would rewrite the table under a lock. */
export function addColumn(draft: Draft, action: EngineAction, id: ObjectId): boolean {
  const { engine, view, population } = draft.input;
  const column = engine.column(view.desired, id);
  if (column?.default === undefined || column.computed || column.collated) return false;
  const populated = draft.populated(column.relation);
  if (populated?.fillable !== true || populated.partitioned) return false;
  if (!calledFunctions(column.default).some((name) => population.volatile.has(name))) return false;
  const table = engine.quotedName(view.desired, column.relation);
  const name = quoteIdent(engine.describe(view.desired, id).ownName);
  const stage = draft.stages.transaction(draft.needsOf(action));
  // One statement: added with its default the column would be computed for every row at once.
  const add = `ALTER TABLE ${table} ADD COLUMN ${name} ${column.type}, ALTER COLUMN ${name} SET DEFAULT ${column.default}, ADD CONSTRAINT ${scaffoldName("fill", id)} CHECK (true) NOT VALID`;
  draft.stages.add(stage, { ...action, sql: add, rewrites: false, online: {} });
  fill(draft, action, id, column, stage + 1);
  return true;
}

/** Gives the rows that are there their value, piece by piece. */
export function fill(
  draft: Draft,
  action: EngineAction,
  id: ObjectId,
  column: ColumnDefinition,
  stage: number,
): void {
  const { engine, view } = draft.input;
  const table = engine.quotedName(view.desired, column.relation);
  const ownName = engine.describe(view.desired, id).ownName;
  const name = quoteIdent(ownName);
  const update = `UPDATE ${table} SET ${name} = DEFAULT WHERE ${name} IS NULL`;
  const unmark = `ALTER TABLE ${table} DROP CONSTRAINT ${scaffoldName("fill", id)}`;
  draft.stages.add(stage, { ...alter(action, update, [id], "none"), online: { fills: table } });
  draft.stages.add(stage + 1, { ...alter(action, unmark, [id], "accessExclusive"), online: {} });
  draft.stages.availableFrom(id, stage);
  if (column.notNull) {
    const set: EngineAction = {
      ...alter(action, "", [id], "accessExclusive"),
      step: { kind: "set not null", column: id },
    };
    proveNotNull(draft, set, id, table, ownName);
  }
}

/** A DROP NOT NULL, and what makes it hold for partitions that had declared the same by themselves. */
export function dropNotNull(draft: Draft, action: EngineAction): EngineAction[] {
  const { engine, view, population } = draft.input;
  const parts = nullableBy(action).flatMap((column) => {
    const name = quoteIdent(engine.describe(view.current, column).ownName);
    return (population.keptNotNull.get(column) ?? []).map((table) =>
      alter(action, `ALTER TABLE ${table} ALTER COLUMN ${name} DROP NOT NULL`, action.objects, action.lock),
    );
  });
  return [action, ...parts];
}
