import { type DependencyEdge, encodeId, type Fact } from "@supabase/pg-delta/core";
import type { Session } from "../../postgres/session.ts";
import { quoteIdent } from "../../sql/quote.ts";
import type { EngineAction, ObjectId } from "./engine.ts";
import { dependenciesOf, type Facts, parentOf } from "./facts.ts";

/** A note in a view's payload: the engine neither compares nor writes keys that start with an underscore. */
const COLUMNS = "_columns";

const VIEW_COLUMNS = `
select n.nspname::text as schema, c.relname::text as name,
       pg_catalog.array_agg(pg_catalog.concat_ws(' ', pg_catalog.quote_ident(a.attname),
         pg_catalog.format_type(a.atttypid, a.atttypmod),
         (select 'collate ' || pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname)
            from pg_catalog.pg_collation co join pg_catalog.pg_namespace cn on cn.oid = co.collnamespace
           where co.oid = a.attcollation)) order by a.attnum) as columns
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0
 where c.relkind = 'v' and c.oid >= 16384 and n.nspname !~ '^pg_'
 group by 1, 2`;

/** The facts with a note of what columns each view gives: name, type and collation. */
export async function withViewColumns(session: Session, facts: readonly Fact[]): Promise<readonly Fact[]> {
  if (!facts.some(({ id }) => id.kind === "view")) return facts;
  const rows = await session.query<{ schema: string; name: string; columns: string[] }>(VIEW_COLUMNS);
  const columns = new Map(
    rows.map((row) => [encodeId({ kind: "view", schema: row.schema, name: row.name }), row.columns]),
  );
  return facts.map((fact) => {
    const found = fact.id.kind === "view" ? columns.get(encodeId(fact.id)) : undefined;
    return found === undefined ? fact : { ...fact, payload: { ...fact.payload, [COLUMNS]: found } };
  });
}

/**
 * Views whose new query gives the columns of the old one, and perhaps more at the end: CREATE OR REPLACE VIEW
 * changes them in place (manual, CREATE VIEW), and what is built on them or granted on them stays. The
 * engine would drop and make them anew, with all that uses them.
 */
export function findRedefinable(current: Facts, desired: Facts): Set<ObjectId> {
  const found = new Set<ObjectId>();
  for (const [id, fact] of current.byId) {
    const wanted = desired.byId.get(id);
    if (fact.id.kind !== "view" || wanted === undefined) continue;
    if (fact.payload["def"] === wanted.payload["def"]) continue;
    const [old, now] = [columnsOf(fact), columnsOf(wanted)];
    if (old.length > 0 && old.every((column, at) => column === now[at])) found.add(id);
  }
  return found;
}

function columnsOf(view: Fact): readonly unknown[] {
  const columns = view.payload[COLUMNS];
  return Array.isArray(columns) ? columns : [];
}

interface Sides {
  readonly current: Facts;
  readonly desired: Facts;
}

/**
 * Both sides such that the engine finds these views as they should be, and leaves them alone. What only the old
 * query used no longer holds on to anything; what builds on the new one waits for what that uses.
 */
export function withRedefined({ current, desired }: Sides, views: ReadonlySet<ObjectId>): Sides {
  if (views.size === 0) return { current, desired };
  const byId = new Map(current.byId);
  const from = new Map(current.edgesFrom);
  for (const id of views) {
    const [fact, wanted] = [byId.get(id), desired.byId.get(id)];
    if (fact === undefined || wanted === undefined) continue;
    byId.set(id, { ...fact, payload: { ...fact.payload, def: wanted.payload["def"] ?? null } });
    const isKept = (edge: DependencyEdge): boolean =>
      edge.kind !== "depends" || desired.byId.has(encodeId(edge.to));
    from.set(id, (from.get(id) ?? []).filter(isKept));
  }
  return {
    current: { ...current, byId, edgesFrom: from },
    desired: { ...desired, edgesFrom: waitingFor(desired, views) },
  };
}

/** Whatever uses one of the views, or is part of one, also refers to what the view does. */
function waitingFor(desired: Facts, views: ReadonlySet<ObjectId>): Facts["edgesFrom"] {
  const edgesFrom = new Map(desired.edgesFrom);
  for (const [id, fact] of desired.byId) {
    const added = usedThrough(desired, id, views).filter((edge) => encodeId(edge.to) !== id);
    if (added.length === 0) continue;
    edgesFrom.set(id, [...(edgesFrom.get(id) ?? []), ...added.map((edge) => ({ ...edge, from: fact.id }))]);
  }
  return edgesFrom;
}

function usedThrough(desired: Facts, start: ObjectId, views: ReadonlySet<ObjectId>): DependencyEdge[] {
  const seen = new Set<ObjectId>();
  const found: DependencyEdge[] = [];
  const pending = neighbours(desired, start).filter((id) => views.has(id));
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    found.push(...(desired.edgesFrom.get(id) ?? []).filter(({ kind }) => kind === "depends"));
    pending.push(...neighbours(desired, id).filter((next) => views.has(next)));
  }
  return found;
}

/** What an object refers to, and what it is part of. */
function neighbours(facts: Facts, id: ObjectId): ObjectId[] {
  const fact = facts.byId.get(id);
  const parent = fact === undefined ? undefined : parentOf(fact);
  return [...dependenciesOf(facts, id), ...(parent === undefined ? [] : [parent])];
}

/**
 * The actions with the views' new queries in their place: as soon as all that they need is there, before what they
 * let go of is dropped and before what builds on them. A view without such a place is named instead.
 */
export function placeRedefinitions(
  { current, desired }: Sides,
  views: ReadonlySet<ObjectId>,
  actions: readonly EngineAction[],
): { readonly actions: EngineAction[] } | { readonly stuck: ObjectId } {
  const placed = [...actions];
  const waiting = new Set(views);
  while (waiting.size > 0) {
    const isReady = (id: ObjectId): boolean =>
      !dependenciesOf(desired, id).some((other) => other !== id && waiting.has(other));
    const id = [...waiting].find(isReady) ?? [...waiting][0];
    if (id === undefined) break;
    waiting.delete(id);
    const needs = reachableFrom(desired, id);
    const lets = new Set(dependenciesOf(current, id).filter((other) => !needs.has(other)));
    const after = placed.findLastIndex((action) => isMaking(desired, action, needs)) + 1;
    const before = placed.findIndex(
      (action) =>
        action.drops.some((gone) => lets.has(gone)) ||
        builtBy(action).some((made) => made !== id && neighbours(desired, made).includes(id)),
    );
    if (before !== -1 && before < after) return { stuck: id };
    placed.splice(after, 0, toAction(desired, id));
  }
  return { actions: placed };
}

/** What is there in its new form after the action, with a definition that PostgreSQL checks. */
function builtBy({ creates, redefines, verb, objects }: EngineAction): readonly ObjectId[] {
  const routine =
    verb === "alter" ? objects.filter((id) => /^(?:function|procedure):/.test(id)).slice(0, 1) : [];
  return [...creates, ...(redefines === undefined ? [] : [redefines]), ...routine];
}

/** True for what makes or changes something of these, or a part of one: an attribute of a composite type. */
function isMaking(facts: Facts, action: EngineAction, needs: ReadonlySet<ObjectId>): boolean {
  const { creates, step, commitAfter, objects, redefines } = action;
  const made = [...creates, ...(step === undefined ? [] : [step.column]), ...(commitAfter ? objects : [])];
  return [...made, ...(redefines === undefined ? [] : [redefines])].some((id) => {
    const fact = facts.byId.get(id);
    const isPart = fact?.id.kind === "column" || fact?.id.kind === "typeAttribute";
    const whole = isPart && fact.parent !== undefined ? encodeId(fact.parent) : id;
    return needs.has(id) || needs.has(whole);
  });
}

/** All that an object refers to, and what that does. */
function reachableFrom(facts: Facts, start: ObjectId): Set<ObjectId> {
  const found = new Set<ObjectId>();
  const pending = [...dependenciesOf(facts, start)];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (id === start || found.has(id)) continue;
    found.add(id);
    pending.push(...dependenciesOf(facts, id));
  }
  return found;
}

function toAction(desired: Facts, id: ObjectId): EngineAction {
  const fact = desired.byId.get(id);
  if (fact?.id.kind !== "view") throw new Error(`${id} is no view`);
  const { reloptions } = fact.payload;
  // Options that are not named are reset.
  const options =
    Array.isArray(reloptions) && reloptions.length > 0 ? ` WITH (${reloptions.join(", ")})` : "";
  const name = `${quoteIdent(fact.id.schema)}.${quoteIdent(fact.id.name)}`;
  return {
    sql: `CREATE OR REPLACE VIEW ${name}${options} AS ${String(fact.payload["def"]).replace(/;\s*$/, "")}`,
    verb: "alter",
    objects: [id],
    creates: [],
    drops: [],
    redefines: id,
    transactional: true,
    commitAfter: false,
    lock: "accessExclusive",
    dataLoss: false,
    rewrites: false,
    step: undefined,
  };
}
