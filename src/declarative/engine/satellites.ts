import type { DependencyEdge, Fact, StableId } from "@supabase/pg-delta/core";
import type { Asking } from "./read-ahead.ts";

// Inherited columns are among them, also those that the child declares as well: see readRedeclaredColumns in inherited.ts.
const UNREAD_COLUMNS = `
with recursive up (child, ancestor) as (
  select inhrelid, inhparent from pg_catalog.pg_inherits
  union
  select up.child, i.inhparent from up join pg_catalog.pg_inherits i on i.inhrelid = up.ancestor)
select n.nspname::text as schema, c.relname::text as relation, a.attname::text as name,
       case c.relkind when 'v' then 'view' when 'm' then 'materializedView' when 'f' then 'foreignTable'
                      when 'c' then 'type' else 'table' end as kind,
       pg_catalog.col_description(c.oid, a.attnum) as comment,
       (select pg_catalog.json_agg(pg_catalog.json_build_object(
                 'grantee', g.grantee, 'privileges', g.privileges, 'grantable', g.grantable))
          from (select coalesce(r.rolname, 'PUBLIC') as grantee,
                       pg_catalog.array_agg(distinct e.privilege_type order by e.privilege_type) as privileges,
                       coalesce(pg_catalog.array_agg(distinct e.privilege_type order by e.privilege_type)
                                  filter (where e.is_grantable), array[]::text[]) as grantable
                  from pg_catalog.aclexplode(a.attacl) e left join pg_catalog.pg_roles r on r.oid = e.grantee
                 group by 1) g) as acl,
       (select pg_catalog.json_agg(pg_catalog.json_build_object('schema', an.nspname, 'table', anc.relname))
          from up
          join pg_catalog.pg_class anc on anc.oid = up.ancestor
          join pg_catalog.pg_namespace an on an.oid = anc.relnamespace
         where up.child = c.oid and a.attinhcount > 0) as ancestors
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where (c.relkind in ('v', 'm', 'c') or (c.relkind in ('r', 'p', 'f') and a.attinhcount > 0))
   and a.attnum > 0 and not a.attisdropped and c.oid >= 16384 and n.nspname !~ '^pg_'
   and (a.attacl is not null
        or exists (select from pg_catalog.pg_description d
                    where d.classoid = 'pg_catalog.pg_class'::regclass and d.objoid = c.oid and d.objsubid = a.attnum))
   and not exists (select from pg_catalog.pg_depend e
                    where e.classid = 'pg_catalog.pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')`;

const COMMENTS_ON_KEYS = `
select n.nspname::text as schema, c.relname::text as relation, con.conname::text as constraint,
       i.relname::text as name, d.description as comment
  from pg_catalog.pg_constraint con
  join pg_catalog.pg_class c on c.oid = con.conrelid
  join pg_catalog.pg_class i on i.oid = con.conindid
  join pg_catalog.pg_namespace n on n.oid = i.relnamespace
  join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_class'::regclass and d.objoid = i.oid and d.objsubid = 0
 where con.contype in ('p', 'u', 'x') and c.oid >= 16384 and n.nspname !~ '^pg_'
   and not exists (select from pg_catalog.pg_depend e
                    where e.classid = 'pg_catalog.pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')`;

interface ColumnRow {
  schema: string;
  relation: string;
  name: string;
  kind: "view" | "materializedView" | "table" | "foreignTable" | "type";
  comment: string | null;
  acl: { grantee: string; privileges: string[]; grantable: string[] }[] | null;
  /** Of an inherited column. */
  ancestors: { schema: string; table: string }[] | null;
}

interface KeyRow {
  schema: string;
  relation: string;
  constraint: string;
  name: string;
  comment: string;
}

export interface Satellites {
  readonly facts: readonly Fact[];
  /** From what is on an inherited column to the columns of the ancestors, with which it comes and goes. */
  readonly edges: readonly DependencyEdge[];
}

/**
 * Comments and grants that the engine could compare and write but doesn't read: those on columns of views
 * and on inherited columns, on attributes of composite types, and comments on the index behind a key. A view that is made anew would lose them
 * in silence.
 */
export async function readSatellites(asking: Asking): Promise<Satellites> {
  const columns = await asking.query<ColumnRow & Record<string, unknown>>(UNREAD_COLUMNS);
  const keys = await asking.query<KeyRow & Record<string, unknown>>(COMMENTS_ON_KEYS);
  const ofColumns = columns.map((row) => ({ row, facts: factsOfColumn(row) }));
  return {
    facts: [...ofColumns.flatMap(({ facts }) => facts), ...keys.map(factOfKey)],
    edges: ofColumns.flatMap(({ row, facts }) => facts.flatMap((fact) => edgesOf(row, fact))),
  };
}

function edgesOf({ name, ancestors }: ColumnRow, { id }: Fact): DependencyEdge[] {
  return (ancestors ?? []).map(({ schema, table }) => ({
    from: id,
    to: { kind: "column", schema, table, name },
    kind: "depends",
  }));
}

function factsOfColumn({ schema, relation, name, kind, comment, acl }: ColumnRow): Fact[] {
  const parent: StableId = { kind, schema, name: relation };
  const grants = (acl ?? []).map(
    ({ grantee, privileges, grantable }): Fact => ({
      id: { kind: "acl", target: parent, grantee, column: name },
      parent,
      payload: { privileges, grantable },
    }),
  );
  if (comment === null) return grants;
  // COMMENT names the attribute of a composite type as it does a column.
  const column: StableId = { kind: "column", schema, table: relation, name };
  const whole: StableId = kind === "type" ? { kind: "typeAttribute", schema, type: relation, name } : parent;
  return [...grants, { id: { kind: "comment", target: column }, parent: whole, payload: { text: comment } }];
}

function factOfKey({ schema, relation, constraint, name, comment }: KeyRow): Fact {
  return {
    id: { kind: "comment", target: { kind: "index", schema, name } },
    parent: { kind: "constraint", schema, table: relation, name: constraint },
    payload: { text: comment },
  };
}
