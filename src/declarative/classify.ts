import { editHazards } from "./edit-hazards.ts";
import type { Edit, EngineAction, EnginePlan, ManagedView, ObjectId, SchemaEngine } from "./engine/engine.ts";
import { words } from "./object-name.ts";
import type { Change, ChangeClass, Hazard } from "./plan.ts";
import { isRelabelling } from "./widening.ts";

interface Context {
  readonly engine: SchemaEngine;
  readonly view: ManagedView;
  readonly editsOf: ReadonlyMap<ObjectId, readonly Edit[]>;
  readonly created: ReadonlySet<ObjectId>;
}

/**
 * Judges every action by slipway's own rules. The engine's word alone is not enough: it calls a
 * narrowing cast, a dropped policy and a dropped sequence lossless.
 */
export function classify(engine: SchemaEngine, view: ManagedView, plan: EnginePlan): Change[] {
  const editsOf = Map.groupBy(plan.edits, (edit) => edit.id);
  const created = new Set(plan.actions.flatMap((action) => action.creates));
  const context: Context = { engine, view, editsOf, created };
  return plan.actions.map((action) => toChange(context, action));
}

function toChange(context: Context, action: EngineAction): Change {
  const objectId = mainObject(context, action);
  const { kind, name } = context.engine.describe(context.view.desired, objectId);
  const hazards = hazardsOf(context, action, objectId);
  return {
    sql: action.sql,
    verb: action.verb,
    object: `${words(kind)} ${name}`,
    group: groupOf(context, objectId),
    objectId,
    class: classOf(context, action, hazards),
    hazards,
    lock: action.lock,
    transactional: action.transactional,
    commitAfter: action.commitAfter,
    ...(action.online === undefined ? {} : { online: action.online }),
  };
}

/** The most specific thing that an ALTER is about: the one with an edit, else what comes first. */
function mainObject(context: Context, action: EngineAction): ObjectId {
  const [first] = action.objects;
  if (action.creates.length > 0 || action.drops.length > 0 || first === undefined) return first ?? "";
  return action.objects.find((id) => context.editsOf.has(id)) ?? first;
}

const PARTS = new Set([
  "column",
  "default",
  "constraint",
  "trigger",
  "rule",
  "policy",
  "index",
  "comment",
  "acl",
]);

function groupOf(context: Context, id: ObjectId): string {
  for (const side of [context.view.desired, context.view.current]) {
    let at: ObjectId = id;
    for (;;) {
      const { kind, name, parent } = context.engine.describe(side, at);
      if (!PARTS.has(kind) || parent === undefined) {
        if (side.ids.has(at)) return `${words(kind)} ${name}`;
        break;
      }
      at = parent;
    }
  }
  const { kind, name } = context.engine.describe(context.view.desired, id);
  return `${words(kind)} ${name}`;
}

/** Kinds whose loss is a loss of data or of a counter, whatever comes in their place. */
const DATA_KINDS = new Set([
  "table",
  "column",
  "materializedView",
  "sequence",
  "typeAttribute",
  "extension",
  "schema",
]);

/** Kinds that keep something out or something true. */
const GUARD_KINDS = new Set(["policy", "constraint", "trigger"]);

function hazardsOf(context: Context, action: EngineAction, objectId: ObjectId): Hazard[] {
  const hazards = new Set<Hazard>();
  const gone = goneFor(context, action);
  const kindOf = (id: ObjectId): string => context.engine.describe(context.view.current, id).kind;

  if (action.dataLoss) hazards.add("data loss");
  // A sequence that comes back is a serial's that becomes an identity's; it counts on where it was.
  const isLost = (id: ObjectId): boolean =>
    DATA_KINDS.has(kindOf(id)) && (kindOf(id) !== "sequence" || gone.includes(id));
  if (action.drops.some(isLost)) hazards.add("data loss");
  if (gone.some((id) => GUARD_KINDS.has(kindOf(id)))) hazards.add("removes a guard");
  if (gone.some((id) => kindOf(id) === "acl")) hazards.add("privileges revoked");

  for (const id of [objectId, ...action.objects]) {
    for (const edit of context.editsOf.get(id) ?? []) {
      if (speaksOf(action, edit)) for (const hazard of editHazards(edit)) hazards.add(hazard);
    }
  }
  if (isOnExisting(context, action)) {
    if (action.rewrites && !isPlainAddition(action) && !keepsRows(context, action))
      hazards.add("table rewrite");
    if (action.lock === "share" || action.lock === "shareRowExclusive") hazards.add("blocks writes");
    const isUnique = action.creates.some(
      (id) => context.engine.index(context.view.desired, id)?.unique === true,
    );
    if (isUnique || action.creates.some((id) => kindOf(id) === "constraint")) {
      hazards.add("full scan");
      hazards.add("may fail on existing data");
    }
    // A strong lock for a change of the catalog alone is held for the blink of an eye.
    if (action.lock === "accessExclusive" && (hazards.has("table rewrite") || hazards.has("full scan")))
      hazards.add("blocks reads");
    if (action.sql.startsWith("ALTER POLICY ") || isNewGrant(context, action))
      hazards.add("privileges widened");
  }
  // The engine writes what changes in a grant as a REVOKE of all and a GRANT of what is to be.
  if (action.sql.startsWith("REVOKE ")) hazards.delete("privileges widened");
  if (action.sql.startsWith("GRANT ")) hazards.delete("privileges revoked");
  if (action.online !== undefined) for (const hazard of SPARED) hazards.delete(hazard);
  if (action.online?.proves === true) hazards.add("may fail on existing data");
  if (!action.transactional) hazards.add("not transactional");
  return [...hazards];
}

/** What work that spares others does not do, or its step that proves something does alone. */
const SPARED: readonly Hazard[] = ["blocks reads", "blocks writes", "full scan", "may fail on existing data"];

/** An action says which of an object's edits it carries out by the words it uses. */
function speaksOf(action: EngineAction, edit: Edit): boolean {
  if (edit.property === "type" || edit.property === "collation") return / TYPE /.test(action.sql);
  if (edit.property === "notNull") return / NOT NULL/.test(action.sql);
  if (edit.property === "rowSecurity") return / ROW LEVEL SECURITY/.test(action.sql);
  return true;
}

const DESTRUCTIVE: ReadonlySet<Hazard> = new Set(["data loss", "removes a guard", "privileges revoked"]);

function classOf(context: Context, action: EngineAction, hazards: readonly Hazard[]): ChangeClass {
  if (hazards.some((hazard) => DESTRUCTIVE.has(hazard)) && !isGuardLoosened(action, hazards))
    return "destructive";
  if (goneFor(context, action).some((id) => !id.startsWith("comment:"))) return "destructive";
  if (widensToEveryone(action) && isOnExisting(context, action)) return "destructive";
  if (widensDefaults(context, action)) return "destructive";
  const isOnline = action.online !== undefined;
  return !isOnline && hazards.some((hazard) => hazard !== "privileges widened") ? "locking" : "safe";
}

/** A grantee that had no privilege before; what changes of one that had some, the edits tell. */
function isNewGrant({ view }: Context, action: EngineAction): boolean {
  if (!action.sql.startsWith("GRANT ")) return false;
  const grants = action.objects.filter((id) => id.startsWith("acl:"));
  return !grants.some((id) => view.current.ids.has(id));
}

/** What is dropped and stays away: a view that is made anew comes back, with its grants. */
function goneFor({ created, view }: Context, action: EngineAction): ObjectId[] {
  return action.drops.filter((id) => !created.has(id) && !view.desired.ids.has(id));
}

/** DROP NOT NULL loses nothing that is there; old readers may meet their first NULL. */
function isGuardLoosened(action: EngineAction, hazards: readonly Hazard[]): boolean {
  return / DROP NOT NULL$/.test(action.sql) && !hazards.includes("data loss");
}

function widensToEveryone(action: EngineAction): boolean {
  return /^GRANT .* TO PUBLIC\b/s.test(action.sql);
}

/** Whatever is made later in a schema that is there already will be open to everyone. */
function widensDefaults({ created }: Context, action: EngineAction): boolean {
  if (!/^ALTER DEFAULT PRIVILEGES .* GRANT .* TO PUBLIC\b/s.test(action.sql)) return false;
  return !action.objects.some((id) => id.startsWith("schema:") && created.has(id));
}

/** True for a statement about something that is there already, and so may be in use. */
function isOnExisting(context: Context, action: EngineAction): boolean {
  const { current } = context.view;
  return action.objects.some(
    (id) =>
      current.ids.has(id) &&
      !context.created.has(id) &&
      !NAMESPACES.has(context.engine.describe(current, id).kind),
  );
}

/** What an object merely lives in, or stems from. */
const NAMESPACES = new Set(["schema", "extension", "role"]);

/** Since PostgreSQL 11 a column whose default is no volatile function is added without touching the rows. */
function isPlainAddition(action: EngineAction): boolean {
  if (action.verb !== "create" || !/ ADD COLUMN /.test(action.sql) || / GENERATED /.test(action.sql))
    return false;
  const [, fallback = ""] = action.sql.split(" DEFAULT ", 2);
  const calls = fallback.replaceAll(/::[\w ."]+(?:\([\d, ]+\))?/g, "").replaceAll(/\bnow\(\)/g, "");
  return !/[\w"]\(/.test(calls);
}

/** A default says nothing of the rows that are there; a limit of a length or precision that only grows needs no look at them. */
function keepsRows({ editsOf }: Context, action: EngineAction): boolean {
  if (action.step === undefined) return false;
  if (action.step.kind !== "set type") return action.step.kind !== "add identity";
  const edit = editsOf.get(action.step.column)?.find(({ property }) => property === "type");
  return edit !== undefined && isRelabelling(String(edit.from), String(edit.to));
}
