import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import { classify } from "./classify.ts";
import type { Desired } from "./desired.ts";
import type {
  Catalog,
  EngineAction,
  EnginePlan,
  ManagedView,
  ObjectId,
  Ownership,
  SavedDesired,
  SchemaEngine,
} from "./engine/engine.ts";
import { managedSchemas } from "./managed.ts";
import { describeObject } from "./object-name.ts";
import { planOnline } from "./online/online.ts";
import { readPopulation } from "./online/population.ts";
import { scaffoldKindOf } from "./online/scaffold.ts";
import { type Change, type Plan, planId, type TableSize } from "./plan.ts";
import { findRenames } from "./rename.ts";
import { requireRetypable } from "./retype.ts";
import { rewrite } from "./rewrite.ts";

export interface DiffInput {
  readonly engine: SchemaEngine;
  readonly current: Catalog;
  readonly desired: Desired;
  readonly last: SavedDesired | undefined;
  readonly dropExtras: boolean;
}

/** Who answers for which object, decided three ways: last applied desired schema, new one, database. */
export function ownershipOf(input: DiffInput): Ownership {
  const { engine, current, desired, last, dropExtras } = input;
  const known: Ownership = {
    declared: desired.declared,
    given: desired.given,
    lastDeclared: last?.declared ?? new Set(),
    unwanted: new Set(),
  };
  if (!dropExtras) return known;
  const roots = extrasOf(input, known);
  return { ...known, unwanted: withParts(engine, current, new Set(roots)) };
}

/** What nobody declared; what a run that died left of its own work is taken away without a word. */
export function extrasOf({ engine, current, desired }: DiffInput, ownership: Ownership): ObjectId[] {
  const schemas = managedSchemas(engine, desired.catalog, desired.declared);
  return engine
    .extras(current, ownership, schemas)
    .filter((id) => scaffoldKindOf(engine.describe(current, id).ownName) === undefined);
}

const views = new WeakMap<DiffInput, ManagedView>();

/** Both states, restricted to what slipway answers for; made once for one input. */
export function viewOf(input: DiffInput): ManagedView {
  const known = views.get(input);
  if (known !== undefined) return known;
  const view = input.engine.view(input.current, input.desired.catalog, ownershipOf(input));
  views.set(input, view);
  return view;
}

/** The plan from the database to the desired schema; without changes when they are equal. */
export async function diff(context: RunContext, input: DiffInput): Promise<Plan> {
  const { engine, current, desired } = input;
  const view = viewOf(input);
  const { settings, actions, changes } = await findChanges(context, input);
  const sourceFingerprint = engine.fingerprint(view.current, view.current.ids);
  const ownership = ownershipOf(input);
  const extras = extrasOf(input, ownership).filter((id) => !ownership.unwanted.has(id));
  return {
    id: planId(sourceFingerprint, changes),
    sourceFingerprint,
    targetFingerprint: engine.fingerprint(desired.catalog, desired.declared),
    changes,
    settings,
    renames: findRenames(engine, view, actions),
    extras: extras.map((id) => describeObject(engine, current, id)).sort(),
    tables: await tableSizes(
      context,
      changes.map((change) => change.group),
    ),
  };
}

/** What a plan would still have to change: nothing when both states are equal. */
export async function changesLeft(context: RunContext, input: DiffInput): Promise<readonly Change[]> {
  return (await findChanges(context, input)).changes;
}

async function findChanges(
  context: RunContext,
  input: DiffInput,
): Promise<Pick<Plan, "changes" | "settings"> & { readonly actions: readonly EngineAction[] }> {
  const { engine, current } = input;
  const view = viewOf(input);
  const proposed = propose(engine, view);
  await requireRetypable(context.session, engine, view, proposed);
  const mended = rewrite(engine, view, proposed);
  const population = await readPopulation(context.session, engine, view, mended.actions);
  const actions = planOnline({ engine, view, current, population }, mended.actions);
  const changes = classify(engine, view, { ...mended, actions });
  return { actions, changes, settings: proposed.settings };
}

/** The engine throws where it knows no way from one state to the other; a person knows one. */
function propose(engine: SchemaEngine, view: ManagedView): EnginePlan {
  try {
    return engine.plan(view);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SlipwayError("SOURCE_INVALID", `no way is known to bring this change about: ${why}`, {
      cause,
      next: "make the change in a user migration, then let the schema files say the same",
    });
  }
}

function withParts(engine: SchemaEngine, catalog: Catalog, roots: ReadonlySet<ObjectId>): Set<ObjectId> {
  const all = new Set(roots);
  for (;;) {
    const before = all.size;
    for (const id of catalog.ids) {
      const { parent } = engine.describe(catalog, id);
      if (parent !== undefined && all.has(parent)) all.add(id);
    }
    if (all.size === before) return all;
  }
}

const TABLE_SIZES = `
select 'table ' || n.nspname || '.' || c.relname as table,
       greatest(c.reltuples, 0)::float8 as rows, pg_catalog.pg_total_relation_size(c.oid)::float8 as bytes
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'm') and 'table ' || n.nspname || '.' || c.relname = any ($1::text[])`;

async function tableSizes(context: RunContext, groups: readonly string[]): Promise<TableSize[]> {
  const tables = [...new Set(groups)].filter((group) => group.startsWith("table "));
  if (tables.length === 0) return [];
  const rows = await context.session.query<{ table: string; rows: number; bytes: number }>(TABLE_SIZES, [
    tables,
  ]);
  return rows.map((row) => ({
    table: row.table.slice("table ".length),
    estimatedRows: row.rows,
    bytes: row.bytes,
  }));
}
