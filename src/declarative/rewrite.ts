import { SlipwayError } from "../errors.ts";
import { quoteLiteral } from "../sql/quote.ts";
import type {
  ColumnStep,
  EngineAction,
  EnginePlan,
  ManagedView,
  ObjectId,
  SchemaEngine,
} from "./engine/engine.ts";

/** Mends what the engine is known to get wrong, on its actions, before anything is judged or run. */
export function rewrite(engine: SchemaEngine, view: ManagedView, plan: EnginePlan): EnginePlan {
  refuseRedacted(plan.actions);
  refuseStoredToVirtual(engine, view);
  const mended = plan.actions.map((action) =>
    makeVirtual(engine, view, buildOnPartitions(engine, view, action)),
  );
  const ordered = hoistEnumValues(view, orderGrants(orderColumnSteps(view, mended)));
  const actions = ordered.flatMap((action) => continueCounting(engine, view, action));
  return { ...plan, actions };
}

/**
 * The engine reads credentials redacted; written back, the placeholder would replace the real one.
 */
function refuseRedacted(actions: readonly EngineAction[]): void {
  const bad = actions.find((action) => /__(OPTION|CONN)_[A-Z_]+__/.test(action.sql));
  if (bad === undefined) return;
  throw new SlipwayError(
    "SOURCE_INVALID",
    `the plan would write a redacted credential (${bad.objects[0] ?? ""})`,
    {
      next: "create servers, user mappings and subscriptions with credentials in bootstrap.sql or a migration",
    },
  );
}

/**
 * `CREATE INDEX … ON ONLY parent` builds nothing on the partitions and leaves the parent's index invalid:
 * a unique one then enforces nothing. Without ONLY, PostgreSQL builds and attaches the partitions' own
 * (manual, CREATE INDEX, "ONLY").
 */
function buildOnPartitions(engine: SchemaEngine, view: ManagedView, action: EngineAction): EngineAction {
  const [index] = action.creates;
  if (index === undefined || engine.describe(view.desired, index).kind !== "index") return action;
  const head = /^CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(?:"(?:[^"]|"")*"|[^\s"]+) ON ONLY /.exec(
    action.sql,
  )?.[0];
  if (head === undefined) return action;
  return { ...action, sql: `${head.slice(0, -"ONLY ".length)}${action.sql.slice(head.length)}` };
}

/**
 * A new enum value may be used only once it is committed (manual, ALTER TYPE), and the engine orders a
 * new default before the value that it names. Values of types that are there already depend on nothing
 * else of the plan, so they go first.
 */
function hoistEnumValues(view: ManagedView, actions: readonly EngineAction[]): EngineAction[] {
  const isEarly = (action: EngineAction): boolean =>
    action.commitAfter && action.objects.some((id) => id.startsWith("type:") && view.current.ids.has(id));
  return [...actions.filter(isEarly), ...actions.filter((action) => !isEarly(action))];
}

/**
 * What happens to one column belongs together, in the order that PostgreSQL asks for: the default goes
 * before the type changes and comes back after it (it may be of a type that the plan itself makes), and a
 * column is NOT NULL before it becomes an identity. A default that is not there needs no dropping.
 */
function orderColumnSteps(view: ManagedView, actions: readonly EngineAction[]): EngineAction[] {
  const byColumn = new Map<ObjectId, EngineAction[]>();
  for (const action of actions) {
    if (action.step === undefined) continue;
    const steps = byColumn.get(action.step.column) ?? [];
    byColumn.set(action.step.column, [...steps, action]);
  }
  const anchors = new Map<EngineAction, readonly EngineAction[]>();
  const moved = new Set<EngineAction>();
  for (const [column, steps] of byColumn) {
    const retype = steps.find(({ step }) => step?.kind === "set type");
    const anchor = retype ?? steps.find(({ step }) => step?.kind === "add identity");
    if (anchor === undefined) continue;
    // Without a change of type the default may go early: a serial's sequence is dropped after it.
    const movable = steps.filter(({ step }) => retype !== undefined || step?.kind !== "drop default");
    const hasDefault = view.current.ids.has(column.replace(/^column:/, "default:"));
    const kept = movable.filter(({ step }) => step?.kind !== "drop default" || hasDefault);
    anchors.set(
      anchor,
      uniqueBySql(kept).toSorted((a, b) => rankOf(a) - rankOf(b)),
    );
    for (const step of movable) moved.add(step);
  }
  return actions.flatMap((action) => anchors.get(action) ?? (moved.has(action) ? [] : [action]));
}

const STEP_ORDER: readonly ColumnStep["kind"][] = [
  "drop default",
  "set type",
  "set not null",
  "add identity",
  "set default",
];

function rankOf(action: EngineAction): number {
  return action.step === undefined ? 0 : STEP_ORDER.indexOf(action.step.kind);
}

function uniqueBySql(actions: readonly EngineAction[]): EngineAction[] {
  return [...new Map(actions.map((action) => [action.sql, action])).values()];
}

/**
 * REVOKE on a table takes the grants on its columns along (PostgreSQL manual, REVOKE), so what is granted
 * on columns comes after what is revoked from their table. What is only revoked stays before its column goes.
 */
function orderGrants(actions: readonly EngineAction[]): EngineAction[] {
  const isOfColumns = (action: EngineAction): boolean =>
    action.verb !== "drop" &&
    /^(?:GRANT|REVOKE) [A-Z, ]+\("/.test(action.sql) &&
    action.objects.some((id) => id.startsWith("acl:"));
  return [...actions.filter((action) => !isOfColumns(action)), ...actions.filter(isOfColumns)];
}

/** The engine writes every generated column as STORED; one that is declared VIRTUAL is written so. */
function makeVirtual(engine: SchemaEngine, view: ManagedView, action: EngineAction): EngineAction {
  let { sql } = action;
  for (const id of action.creates) {
    const generated = engine.generated(view.desired, id);
    if (generated?.virtual !== true) continue;
    const clause = `GENERATED ALWAYS AS (${generated.expression})`;
    const at = sql.indexOf(
      `${clause} STORED`,
      Math.max(0, sql.indexOf(quoted(columnName(engine, view, id)))),
    );
    if (at === -1) throw new Error(`the engine writes the generated column ${id} in another form`);
    sql = `${sql.slice(0, at)}${clause} VIRTUAL${sql.slice(at + `${clause} STORED`.length)}`;
  }
  return { ...action, sql };
}

/** The engine sees no difference between the two kinds, and PostgreSQL has no ALTER from one to the other. */
function refuseStoredToVirtual(engine: SchemaEngine, view: ManagedView): void {
  for (const id of view.desired.ids) {
    const wanted = engine.generated(view.desired, id);
    const found = wanted === undefined ? undefined : engine.generated(view.current, id);
    if (found === undefined || wanted === undefined || found.virtual === wanted.virtual) continue;
    if (found.expression !== wanted.expression) continue;
    const { name } = engine.describe(view.desired, id);
    throw new SlipwayError(
      "SOURCE_INVALID",
      `column ${name} cannot change between STORED and VIRTUAL in place`,
      {
        next: "drop and add the column in a migration, with the schema files as they are now",
      },
    );
  }
}

/**
 * An identity that an existing column becomes starts at 1, and the next insert would collide with a row
 * that is there. It goes on after the furthest value.
 */
function continueCounting(engine: SchemaEngine, view: ManagedView, action: EngineAction): EngineAction[] {
  if (action.step?.kind !== "add identity" || !view.current.ids.has(action.step.column)) return [action];
  const { parent } = engine.describe(view.desired, action.step.column);
  if (parent === undefined) return [action];
  const relation = engine.quotedName(view.desired, parent);
  const name = columnName(engine, view, action.step.column);
  const column = `t.${quoted(columnName(engine, view, action.step.column))}`;
  const sequence = `pg_catalog.pg_get_serial_sequence(${quoteLiteral(relation)}, ${quoteLiteral(name)})`;
  const furthest = `case when s.seqincrement > 0 then pg_catalog.max(${column}) else pg_catalog.min(${column}) end`;
  const sql = `SELECT pg_catalog.setval(s.seqrelid, ${furthest}) FROM ${relation} t, pg_catalog.pg_sequence s
 WHERE s.seqrelid = ${sequence}::regclass GROUP BY s.seqrelid, s.seqstart, s.seqincrement
HAVING (${furthest} - s.seqstart) * pg_catalog.sign(s.seqincrement) >= 0`;
  return [action, { ...action, sql, verb: "alter", creates: [], drops: [], lock: "none", step: undefined }];
}

function columnName(engine: SchemaEngine, view: ManagedView, id: ObjectId): string {
  return engine.describe(view.desired, id).ownName;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
