import type { DependencyEdge, StableId } from "@supabase/pg-delta/core";
import type { Asking } from "./read-ahead.ts";

const USES = `
with multirange as (
  select m.oid, rn.nspname::text as range_schema, rt.typname::text as range_name
    from pg_catalog.pg_range r
    join pg_catalog.pg_type rt on rt.oid = r.rngtypid and rt.oid >= 16384
    join pg_catalog.pg_namespace rn on rn.oid = rt.typnamespace
    join pg_catalog.pg_type m on m.oid = r.rngmultitypid or m.typelem = r.rngmultitypid and m.typlen = -1)
select 'column' as kind, n.nspname::text as schema, c.relname::text as relation, a.attname::text as name,
       '{}'::text[] as args, m.range_schema, m.range_name
  from multirange m
  join pg_catalog.pg_attribute a on a.atttypid = m.oid and not a.attisdropped
  join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'f')
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
union all
select case p.prokind when 'p' then 'procedure' else 'function' end, n.nspname::text, '', p.proname::text,
       array(select pg_catalog.format_type(t.t, null)
               from unnest(p.proargtypes) with ordinality as t (t, ord) order by t.ord)::text[],
       m.range_schema, m.range_name
  from multirange m
  join pg_catalog.pg_proc p on (p.prorettype = m.oid or m.oid = any (p.proargtypes::oid[])) and p.prokind in ('f', 'p')
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace`;

interface Row {
  kind: "column" | "function" | "procedure";
  schema: string;
  relation: string;
  name: string;
  args: string[];
  range_schema: string;
  range_name: string;
}

/** Who uses the multirange that a range type brings along: the engine knows the range only, and makes it too late. */
export async function readUsesOfMultiranges(asking: Asking): Promise<DependencyEdge[]> {
  const rows = await asking.query<Row & Record<string, unknown>>(USES);
  return rows.map(({ kind, schema, relation, name, args, range_schema, range_name }) => {
    const from: StableId =
      kind === "column" ? { kind, schema, table: relation, name } : { kind, schema, name, args };
    return { from, to: { kind: "type", schema: range_schema, name: range_name }, kind: "depends" };
  });
}
