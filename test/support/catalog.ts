import type { TestDatabase } from "./database.ts";

const DESCRIBE = `
with ns as (
  select oid, nspname from pg_namespace
   where nspname !~ '^pg_' and nspname not in ('information_schema', 'migrations')),
rel as (
  select c.*, n.nspname || '.' || c.relname as name from pg_class c join ns n on n.oid = c.relnamespace)
select line from (
  select 'schema ' || nspname || ' ' || coalesce(obj_description(oid, 'pg_namespace'), '') as line from ns
  union all
  select format('relation %s %s rls=%s partition=%s acl=%s comment=%s', relkind, name, relrowsecurity,
                coalesce(pg_get_expr(relpartbound, oid), ''),
                -- No list at all means the owner's own rights.
                array(select a::text from unnest(coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))) a order by 1),
                obj_description(oid, 'pg_class')) from rel
  union all
  select format('column %s.%s %s notnull=%s identity=%s generated=%s default=%s', rel.name, a.attname,
                format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
                pg_get_expr(d.adbin, d.adrelid))
    from rel join pg_attribute a on a.attrelid = rel.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where rel.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  union all
  select format('constraint %s.%s %s valid=%s', rel.name, conname, pg_get_constraintdef(con.oid), convalidated)
    from rel join pg_constraint con on con.conrelid = rel.oid
  union all
  select format('index %s valid=%s ready=%s', pg_get_indexdef(indexrelid), indisvalid, indisready)
    from rel join pg_index i on i.indrelid = rel.oid
  union all
  select 'trigger ' || pg_get_triggerdef(t.oid)
    from rel join pg_trigger t on t.tgrelid = rel.oid and not t.tgisinternal
  union all
  select format('policy %s.%s %s using %s check %s', rel.name, polname, polcmd,
                pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    from rel join pg_policy p on p.polrelid = rel.oid
  union all
  select 'function ' || pg_get_functiondef(p.oid) ||
         array(select a::text from unnest(coalesce(proacl, acldefault('f', proowner))) a order by 1)::text
    from pg_proc p join ns on ns.oid = p.pronamespace where p.prokind <> 'a'
  union all
  select format('enum %s.%s %s', nspname, typname, string_agg(enumlabel, ',' order by enumsortorder))
    from pg_type t join ns on ns.oid = t.typnamespace join pg_enum e on e.enumtypid = t.oid
   group by nspname, typname
  union all
  select 'extension ' || extname from pg_extension
  union all
  select format('default privileges %s %s %s', defaclnamespace::regnamespace, defaclobjtype, defaclacl)
    from pg_default_acl
) lines order by line collate "C"`;

/** All that a user would call the schema, a line each: equal for databases that nobody could tell apart. */
export async function describeCatalog(database: TestDatabase): Promise<readonly string[]> {
  const rows = await database.query<{ line: string }>(DESCRIBE);
  return rows.map(({ line }) => line);
}

/** Every row of slipway's records with its xmin and place: equal when nothing was written in between. */
export async function snapshotRecords(database: TestDatabase): Promise<readonly string[]> {
  const tables = await database.query<{ name: string }>(
    "select oid::regclass::text as name from pg_class where relnamespace = 'migrations'::regnamespace and relkind = 'r' order by 1",
  );
  const selects = tables.map(
    ({ name }) => `select '${name} ' || t.xmin || ' ' || t.ctid || ' ' || t::text as line from ${name} t`,
  );
  const rows = await database.query<{ line: string }>(`${selects.join(" union all ")} order by 1`);
  return rows.map(({ line }) => line);
}

/** The ledger without what differs from run to run. */
export async function readLedger(database: TestDatabase): Promise<readonly string[]> {
  const rows = await database.query<{ line: string }>(
    `select format('%s %s %s steps %s of %s inflight=%s error=%s', version, name, status, statements_done,
                   statements_total, statement_inflight, error_message) as line
       from migrations.app order by version`,
  );
  return rows.map(({ line }) => line);
}
