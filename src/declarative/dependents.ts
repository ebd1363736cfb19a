import type { RunContext } from "../context.ts";
import type { Problem } from "../errors.ts";
import { type DiffInput, ownershipOf } from "./diff.ts";
import type { ObjectId } from "./engine/engine.ts";
import type { Plan } from "./plan.ts";

// Whatever depends "normally" on the object, and so keeps it from being dropped (manual, pg_depend). A view
// depends through its rule. A column's new type doesn't disturb constraints and indexes: they are rebuilt.
const DEPENDENTS = `
with wanted as (
  select * from unnest($1::text[], $2::text[], $3::text[], $4::bool[]) as w (object, kind, name, is_drop)),
target as (
  select object, is_drop,
         case when kind = 'routine' then 'pg_proc'::regclass when kind = 'type' then 'pg_type'::regclass
              else 'pg_class'::regclass end as class,
         case when kind = 'routine' then pg_catalog.to_regprocedure(name)::oid
              when kind = 'type' then pg_catalog.to_regtype(name)::oid
              when kind = 'column' then pg_catalog.to_regclass((pg_catalog.string_to_array(name, E'\\x01'))[1])::oid
              else pg_catalog.to_regclass(name)::oid end as oid,
         case when kind = 'column' then (
           select attnum from pg_catalog.pg_attribute
            where attrelid = pg_catalog.to_regclass((pg_catalog.string_to_array(name, E'\\x01'))[1])
              and attname = (pg_catalog.string_to_array(name, E'\\x01'))[2]) end as attnum
    from wanted),
found as (
  select t.object, t.oid as target, t.attnum, d.classid, d.objid, d.objsubid, r.ev_class
    from target t
    join pg_catalog.pg_depend d on d.refclassid = t.class and d.refobjid = t.oid and d.deptype = 'n'
     and (t.attnum is null or d.refobjsubid = t.attnum)
    left join pg_catalog.pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
   where t.oid is not null and (d.classid, d.objid) <> (t.class, t.oid) and r.ev_class is distinct from t.oid
     -- The constructors of a range type, and its multirange, are part of it.
     and not exists (select from pg_catalog.pg_depend own
                      where own.classid = d.classid and own.objid = d.objid and own.deptype = 'i'
                        and own.refclassid = 'pg_type'::regclass)
     and (t.is_drop or d.classid in ('pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_trigger'::regclass)))
select distinct f.object,
       case when f.ev_class is not null
            then pg_catalog.pg_describe_object('pg_class'::regclass, f.ev_class, 0)
            else pg_catalog.pg_describe_object(f.classid, f.objid, f.objsubid) end as dependent,
       n.nspname || '.' || coalesce(
         case when f.classid = 'pg_proc'::regclass
              then p.proname || '(' || pg_catalog.array_to_string(array(
                     select pg_catalog.format_type(t.oid, null)
                       from unnest(p.proargtypes::oid[]) with ordinality as t (oid, at) order by t.at), ', ') || ')' end,
         c.relname || coalesce('.' || con.conname, '.' || pol.polname, '.' || tg.tgname, '.' || a.attname, ''),
         ty.typname) as name
  from found f
  left join pg_catalog.pg_constraint con on f.classid = 'pg_constraint'::regclass and con.oid = f.objid
  left join pg_catalog.pg_policy pol on f.classid = 'pg_policy'::regclass and pol.oid = f.objid
  left join pg_catalog.pg_trigger tg on f.classid = 'pg_trigger'::regclass and tg.oid = f.objid
  left join pg_catalog.pg_attrdef def on f.classid = 'pg_attrdef'::regclass and def.oid = f.objid
  left join pg_catalog.pg_class c on c.oid = coalesce(
         f.ev_class, con.conrelid, pol.polrelid, tg.tgrelid, def.adrelid,
         case when f.classid = 'pg_class'::regclass then f.objid end)
  left join pg_catalog.pg_attribute a on a.attrelid = c.oid
   and a.attnum = coalesce(def.adnum, case when f.classid = 'pg_class'::regclass then nullif(f.objsubid, 0) end)
   -- These are no objects of their own: they come and go with their view, or their ancestor.
   and c.relkind not in ('v', 'm') and a.attinhcount = 0
  left join pg_catalog.pg_proc p on f.classid = 'pg_proc'::regclass and p.oid = f.objid
  left join pg_catalog.pg_type ty on f.classid = 'pg_type'::regclass and ty.oid = f.objid
  left join pg_catalog.pg_namespace n on n.oid = coalesce(c.relnamespace, p.pronamespace, ty.typnamespace)
 -- A table's own constraints go with it; those that a partition or child has of its parent are no objects of their own.
 where coalesce(con.conparentid, 0) = 0 and coalesce(con.conislocal, true) and coalesce(tg.tgparentid, 0) = 0
   and (f.attnum is not null or f.classid = 'pg_class'::regclass or c.oid is distinct from f.target)
 order by 1, 2`;

const RELATIONS: ReadonlySet<string> = new Set([
  "table",
  "view",
  "materializedView",
  "foreignTable",
  "sequence",
]);
const ROUTINES: ReadonlySet<string> = new Set(["function", "procedure", "aggregate"]);
const TYPES: ReadonlySet<string> = new Set(["type", "domain"]);

interface Target {
  readonly object: string;
  readonly kind: "relation" | "routine" | "type" | "column";
  readonly name: string;
  readonly isDrop: boolean;
}

/**
 * Objects that no desired schema has and that use what the plan drops or makes anew: a view of another
 * team over a managed one, a foreign key from an unmanaged schema. PostgreSQL refuses the plan because of
 * them in its midst; slipway never drops what isn't its own, and says who is in the way before it starts.
 */
export async function findDependents(context: RunContext, plan: Plan, input: DiffInput): Promise<Problem[]> {
  const targets = targetsOf(plan, input);
  if (targets.length === 0) return [];
  const { session } = context;
  const rows = await session.transaction(
    async () => {
      // As when the engine reads: the types of arguments come out qualified.
      await session.execute("set local search_path to pg_catalog");
      return session.query<{ object: string; dependent: string; name: string | null }>(DEPENDENTS, [
        targets.map(({ object }) => object),
        targets.map(({ kind }) => kind),
        targets.map(({ name }) => name),
        targets.map(({ isDrop }) => isDrop),
      ]);
    },
    { begin: "begin read only" },
  );
  const managed = managedNames(input);
  return rows
    .filter(({ name }) => name !== null && !managed.has(name))
    .map(({ object, dependent }) => ({
      at: object,
      message: `${dependent} depends on it, which no schema file has: 2BP01`,
      hint: "drop it by hand or in bootstrap.sql, and let a migration make it again",
    }));
}

function targetsOf(plan: Plan, { engine, current }: DiffInput): Target[] {
  return plan.changes.flatMap(({ verb, objectId, object, sql }): Target[] => {
    const { kind, ownName, parent, name } = engine.describe(current, objectId);
    if (!current.ids.has(objectId)) return [];
    if (kind === "column" && parent !== undefined) {
      if (verb !== "drop" && !/ ALTER COLUMN .* TYPE /.test(sql)) return [];
      const column = `${engine.quotedName(current, parent)}\u0001${ownName}`;
      return [{ object, kind: "column", name: column, isDrop: verb === "drop" }];
    }
    if (verb !== "drop") return [];
    if (RELATIONS.has(kind))
      return [{ object, kind: "relation", name: engine.quotedName(current, objectId), isDrop: true }];
    if (TYPES.has(kind))
      return [{ object, kind: "type", name: engine.quotedName(current, objectId), isDrop: true }];
    if (!ROUTINES.has(kind)) return [];
    const args = name.slice(name.indexOf(`.${ownName}(`) + 1 + ownName.length);
    return [
      { object, kind: "routine", name: `${engine.quotedName(current, objectId)}${args}`, isDrop: true },
    ];
  });
}

/** What the engine takes care of: it drops and makes such dependents along with what they depend on. */
function managedNames(input: DiffInput): ReadonlySet<string> {
  const { engine, current } = input;
  const { declared, lastDeclared, unwanted } = ownershipOf(input);
  const ids = [...declared, ...lastDeclared, ...unwanted].filter((id: ObjectId) => current.ids.has(id));
  return new Set(ids.map((id) => engine.describe(current, id).name));
}
