import { type DependencyEdge, encodeId, type StableId } from "@supabase/pg-delta/core";
import type { ObjectId } from "./engine.ts";
import type { Asking } from "./read-ahead.ts";

const REDECLARED_COLUMNS = `
select n.nspname::text as schema, c.relname::text as table, a.attname::text as name
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'f') and a.attinhcount > 0 and a.attislocal and not a.attisdropped
   and c.oid >= 16384 and n.nspname !~ '^pg_'`;

// What names a column that its table inherits, and which columns of which ancestors that is.
const USES = `
with recursive up (child, ancestor) as (
  select inhrelid, inhparent from pg_catalog.pg_inherits
  union
  select up.child, i.inhparent from up join pg_catalog.pg_inherits i on i.inhrelid = up.ancestor)
select distinct
       case when v.relkind = 'v' then 'view' when v.relkind = 'm' then 'materializedView'
            when p.prokind = 'p' then 'procedure' when p.oid is not null then 'function'
            when ix.oid is not null then 'index' when con.oid is not null then 'constraint'
            when pol.oid is not null then 'policy' else 'trigger' end as kind,
       fn.nspname::text as schema, ft.relname::text as table,
       coalesce(v.relname, p.proname, ix.relname, con.conname, pol.polname, tg.tgname)::text as name,
       array(select pg_catalog.format_type(t.t, null)
               from unnest(p.proargtypes) with ordinality as t (t, ord) order by t.ord)::text[] as args,
       cn.nspname::text as of_schema, c.relname::text as of_table, a.attname::text as column,
       an.nspname::text as ancestor_schema, anc.relname::text as ancestor
  from pg_catalog.pg_depend d
  join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid and a.attinhcount > 0
  join pg_catalog.pg_class c on c.oid = d.refobjid and c.oid >= 16384
  join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
  join up on up.child = c.oid
  join pg_catalog.pg_class anc on anc.oid = up.ancestor
  join pg_catalog.pg_namespace an on an.oid = anc.relnamespace
  left join pg_catalog.pg_rewrite rw on d.classid = 'pg_catalog.pg_rewrite'::regclass and rw.oid = d.objid
  left join pg_catalog.pg_class v on v.oid = rw.ev_class and v.relkind in ('v', 'm')
  left join pg_catalog.pg_proc p on d.classid = 'pg_catalog.pg_proc'::regclass and p.oid = d.objid
  left join pg_catalog.pg_class ix
    on d.classid = 'pg_catalog.pg_class'::regclass and ix.oid = d.objid and ix.relkind in ('i', 'I')
  left join pg_catalog.pg_constraint con
    on d.classid = 'pg_catalog.pg_constraint'::regclass and con.oid = d.objid
  left join pg_catalog.pg_policy pol on d.classid = 'pg_catalog.pg_policy'::regclass and pol.oid = d.objid
  left join pg_catalog.pg_trigger tg on d.classid = 'pg_catalog.pg_trigger'::regclass and tg.oid = d.objid
  left join pg_catalog.pg_class ft on ft.oid = coalesce(con.conrelid, pol.polrelid, tg.tgrelid)
  join pg_catalog.pg_namespace fn on fn.oid = coalesce(v.relnamespace, p.pronamespace, ix.relnamespace, ft.relnamespace)
 where d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype in ('n', 'a')`;

interface UseRow {
  kind:
    | "view"
    | "materializedView"
    | "function"
    | "procedure"
    | "index"
    | "constraint"
    | "policy"
    | "trigger";
  schema: string;
  table: string | null;
  name: string;
  args: string[];
  of_schema: string;
  of_table: string;
  column: string;
  ancestor_schema: string;
  ancestor: string;
}

/**
 * Columns that a child inherits and declares itself. ALTER TABLE on the parent reaches them, and on the child
 * it is refused (manual, ALTER TABLE), so they count as inherited: what goes on in the parent goes for them.
 */
export async function readRedeclaredColumns(asking: Asking): Promise<Set<ObjectId>> {
  const rows = await asking.query<{ schema: string; table: string; name: string }>(REDECLARED_COLUMNS);
  return new Set(rows.map((row) => encodeId({ kind: "column", ...row })));
}

/**
 * Who uses a column that a partition or a child inherits. The engine knows inherited columns as those of the
 * ancestor only, and forgets about such a use: it would drop the table under a view.
 */
export async function readUsesOfInherited(asking: Asking): Promise<DependencyEdge[]> {
  const rows = await asking.query<UseRow & Record<string, unknown>>(USES);
  return rows.flatMap((row): DependencyEdge[] => {
    const from = userOf(row);
    const table: StableId = { kind: "table", schema: row.of_schema, name: row.of_table };
    const column: StableId = {
      kind: "column",
      schema: row.ancestor_schema,
      table: row.ancestor,
      name: row.column,
    };
    return [table, column].map((to) => ({ from, to, kind: "depends" }));
  });
}

function userOf({ kind, schema, table, name, args }: UseRow): StableId {
  switch (kind) {
    case "function":
    case "procedure":
      return { kind, schema, name, args };
    case "constraint":
    case "policy":
    case "trigger":
      return { kind, schema, table: table ?? "", name };
    default:
      return { kind, schema, name };
  }
}
