import type { TestDatabase } from "./database.ts";

const DESCRIBE = `
with ns as (
  select oid, nspname, nspacl, nspowner from pg_namespace
   where nspname !~ '^pg_' and nspname not in ('information_schema', 'migrations')),
rel as (
  select c.*, n.nspname || '.' || c.relname as name from pg_class c join ns n on n.oid = c.relnamespace),
types as (
  select t.*, n.nspname || '.' || t.typname as name from pg_type t join ns n on n.oid = t.typnamespace)
select line from (
  select format('schema %s acl=%s', nspname,
                -- No list at all means the owner's own rights.
                array(select a::text from unnest(coalesce(nspacl, acldefault('n', nspowner))) a order by 1)) as line from ns
  union all
  select format('relation %s %s persistence=%s rls=%s force=%s replica=%s options=%s partition=%s key=%s acl=%s',
                relkind, name, case when relkind <> 'S' then relpersistence end, relrowsecurity, relforcerowsecurity, relreplident, array(select o from unnest(reloptions) o order by 1),
                coalesce(pg_get_expr(relpartbound, oid), ''), pg_get_partkeydef(oid),
                -- The sequence of an identity column is part of it, and has no privileges that anybody needs.
                array(select a::text from unnest(coalesce(case when relkind <> 'S' or not exists (
                        select from pg_depend where classid = 'pg_class'::regclass and objid = rel.oid and deptype = 'i')
                      then relacl end, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))) a order by 1))
    from rel
  union all
  select format('view %s %s', name, pg_get_viewdef(oid)) from rel where relkind in ('v', 'm')
  union all
  select format('inherits %s from %s', inhrelid::regclass, inhparent::regclass)
    from pg_inherits where inhrelid in (select oid from rel)
  union all
  select format('column %s.%s %s notnull=%s identity=%s generated=%s default=%s collation=%s storage=%s acl=%s', rel.name, a.attname,
                format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
                pg_get_expr(d.adbin, d.adrelid), nullif(a.attcollation, 0)::regcollation, a.attstorage,
                array(select a::text from unnest(a.attacl) a order by 1))
    from rel join pg_attribute a on a.attrelid = rel.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where rel.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  union all
  select format('sequence %s %s start=%s increment=%s min=%s max=%s cache=%s cycle=%s owner=%s', rel.name, s.seqtypid::regtype,
                s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
                (select format('%s %s.%s', d.deptype, d.refobjid::regclass, a.attname)
                   from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
                  where d.classid = 'pg_class'::regclass and d.objid = rel.oid and d.deptype in ('a', 'i')))
    from rel join pg_sequence s on s.seqrelid = rel.oid
  union all
  select format('constraint %s.%s %s valid=%s', rel.name, conname, pg_get_constraintdef(con.oid), convalidated)
    from rel join pg_constraint con on con.conrelid = rel.oid
  union all
  select format('index %s valid=%s ready=%s', pg_get_indexdef(indexrelid), indisvalid, indisready)
    from rel join pg_index i on i.indrelid = rel.oid
  union all
  select format('trigger %s enabled=%s', pg_get_triggerdef(t.oid), t.tgenabled)
    from rel join pg_trigger t on t.tgrelid = rel.oid and not t.tgisinternal
  union all
  select format('rule %s', pg_get_ruledef(r.oid))
    from rel join pg_rewrite r on r.ev_class = rel.oid where r.rulename <> '_RETURN'
  union all
  select format('policy %s.%s %s permissive=%s to %s using %s check %s', rel.name, polname, polcmd, polpermissive,
                array(select coalesce(r::regrole::text, '') from unnest(polroles) r order by 1),
                pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    from rel join pg_policy p on p.polrelid = rel.oid
  union all
  select 'function ' || pg_get_functiondef(p.oid) ||
         array(select a::text from unnest(coalesce(proacl, acldefault('f', proowner))) a order by 1)::text
    from pg_proc p join ns on ns.oid = p.pronamespace where p.prokind <> 'a'
  union all
  select format('aggregate %s %s %s %s acl=%s', p.oid::regprocedure, g.aggtransfn, g.aggtranstype::regtype, g.agginitval,
                array(select a::text from unnest(coalesce(proacl, acldefault('f', proowner))) a order by 1))
    from pg_proc p join ns on ns.oid = p.pronamespace join pg_aggregate g on g.aggfnoid = p.oid
  union all
  select format('enum %s %s', name, string_agg(enumlabel, ',' order by enumsortorder))
    from types t join pg_enum e on e.enumtypid = t.oid group by name
  union all
  select format('domain %s as %s notnull=%s default=%s', name, format_type(typbasetype, typtypmod), typnotnull, typdefault)
    from types where typtype = 'd'
  union all
  select format('constraint of domain %s %s %s valid=%s', name, conname, pg_get_constraintdef(con.oid), convalidated)
    from types join pg_constraint con on con.contypid = types.oid
  union all
  select format('range %s of %s', name, rngsubtype::regtype) from types join pg_range on rngtypid = types.oid
  union all
  select format('type %s acl=%s', name, array(select a::text from unnest(coalesce(typacl, acldefault('T', typowner))) a order by 1))
    from types where typtype in ('e', 'd', 'r') or typrelid in (select oid from rel where relkind = 'c')
  union all
  select format('comment on %s: %s', pg_describe_object(classoid, objoid, objsubid), description)
    from pg_description
   where classoid <> 'pg_description'::regclass and objoid >= 16384
     and exists (select from ns where (pg_identify_object(classoid, objoid, objsubid)).schema in (nspname, quote_ident(nspname))
                                    or (classoid = 'pg_namespace'::regclass and ns.oid = objoid)
                                    or (pg_identify_object(classoid, objoid, objsubid)).schema is null)
     and not (classoid = 'pg_namespace'::regclass and not exists (select from ns where ns.oid = objoid))
  union all
  select 'extension ' || extname from pg_extension
  union all
  select format('default privileges %s %s %s', defaclnamespace::regnamespace, defaclobjtype,
                array(select a::text from unnest(defaclacl) a order by 1))
    from pg_default_acl
) lines order by line collate "C"`;

/** All that a user would call the schema, a line each: equal for databases that nobody could tell apart. */
export async function describeCatalog(database: Pick<TestDatabase, "query">): Promise<readonly string[]> {
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
