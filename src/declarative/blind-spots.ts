import type { Session } from "../postgres/session.ts";

/**
 * What the engine doesn't read, and so neither compares nor makes. The files may declare it all the same;
 * then a person has to be told that a change of it was not brought about.
 */
export type BlindSpots = ReadonlyMap<string, string>;

const USED_BY = "used by";
const DEPENDENT = "pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)";
const USERS = `('pg_catalog.pg_constraint'::regclass, 'pg_catalog.pg_attrdef'::regclass, 'pg_catalog.pg_class'::regclass,
                'pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_trigger'::regclass)`;

const KINDS: readonly string[] = [
  `select 'statistics ' || n.nspname || '.' || s.stxname, pg_catalog.pg_get_statisticsobjdef(s.oid)
     from pg_catalog.pg_statistic_ext s join ns n on n.oid = s.stxnamespace`,
  `select 'operator ' || n.nspname || '.' || o.oid::regoperator::text, o.oprcode::text
     from pg_catalog.pg_operator o join ns n on n.oid = o.oprnamespace`,
  `select 'cast ' || c.castsource::regtype || ' as ' || c.casttarget::regtype,
          c.castfunc::regprocedure::text || ' ' || c.castcontext::text || ' ' || c.castmethod::text
     from pg_catalog.pg_cast c join pg_catalog.pg_type t on t.oid in (c.castsource, c.casttarget)
     join ns n on n.oid = t.typnamespace
    where c.oid >= 16384`,
  `select 'text search configuration ' || n.nspname || '.' || c.cfgname,
          (select pg_catalog.string_agg(m.maptokentype || ':' || m.mapdict::regdictionary::text, ',' order by m.maptokentype, m.mapseqno)
             from pg_catalog.pg_ts_config_map m where m.mapcfg = c.oid)
     from pg_catalog.pg_ts_config c join ns n on n.oid = c.cfgnamespace`,
  `select 'text search dictionary ' || n.nspname || '.' || d.dictname, coalesce(d.dictinitoption, '')
     from pg_catalog.pg_ts_dict d join ns n on n.oid = d.dictnamespace`,
  `select 'settings of column ' || n.nspname || '.' || c.relname || '.' || a.attname,
          pg_catalog.concat_ws(' ',
            case when a.attstorage <> t.typstorage then 'storage ' || a.attstorage::text end,
            case when a.attcompression <> '' then 'compression ' || a.attcompression::text end,
            case when a.attstattarget >= 0 then 'statistics ' || a.attstattarget end,
            a.attoptions::text)
     from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
     join ns n on n.oid = c.relnamespace join pg_catalog.pg_type t on t.oid = a.atttypid
    where c.relkind in ('r', 'p', 'm') and a.attnum > 0 and not a.attisdropped
      and (a.attstorage <> t.typstorage or a.attcompression <> '' or a.attstattarget >= 0 or a.attoptions is not null)`,
  `select 'default of column ' || n.nspname || '.' || c.relname || '.' || a.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid)
     from pg_catalog.pg_attrdef d join pg_catalog.pg_class c on c.oid = d.adrelid join ns n on n.oid = c.relnamespace
     join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
    where c.relkind = 'v'
       or (not a.attislocal and a.attgenerated = '' and not exists (
             select from pg_catalog.pg_inherits i
               join pg_catalog.pg_attribute p on p.attrelid = i.inhparent and p.attname = a.attname
               join pg_catalog.pg_attrdef pd on pd.adrelid = p.attrelid and pd.adnum = p.attnum
              where i.inhrelid = c.oid
                and pg_catalog.pg_get_expr(pd.adbin, pd.adrelid) = pg_catalog.pg_get_expr(d.adbin, d.adrelid)))`,
  `select 'state of trigger ' || n.nspname || '.' || c.relname || '.' || t.tgname, t.tgenabled::text
     from pg_catalog.pg_trigger t join pg_catalog.pg_trigger p on p.oid = t.tgparentid
     join pg_catalog.pg_class c on c.oid = t.tgrelid join ns n on n.oid = c.relnamespace
    where t.tgenabled <> p.tgenabled`,
  `select 'TOAST options of table ' || n.nspname || '.' || c.relname, toast.reloptions::text
     from pg_catalog.pg_class c join ns n on n.oid = c.relnamespace
     join pg_catalog.pg_class toast on toast.oid = c.reltoastrelid
    where toast.reloptions is not null`,
  `select 'place of table ' || n.nspname || '.' || c.relname,
          pg_catalog.concat_ws(' ', s.spcname, case when m.amname <> 'heap' then m.amname end)
     from pg_catalog.pg_class c join ns n on n.oid = c.relnamespace
     left join pg_catalog.pg_tablespace s on s.oid = c.reltablespace
     left join pg_catalog.pg_am m on m.oid = c.relam
    where c.relkind in ('r', 'p', 'm') and (c.reltablespace <> 0 or m.amname <> 'heap')`,
  `select 'columns of partition ' || n.nspname || '.' || c.relname,
          pg_catalog.string_agg(a.attname || ' ' || a.attnotnull || ' ' || coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), ''), ', ' order by a.attname)
     from pg_catalog.pg_class c join ns n on n.oid = c.relnamespace
     join pg_catalog.pg_inherits i on i.inhrelid = c.oid
     join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     join pg_catalog.pg_attribute p on p.attrelid = i.inhparent and p.attname = a.attname
     left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum and a.attgenerated = ''
     left join pg_catalog.pg_attrdef e on e.adrelid = p.attrelid and e.adnum = p.attnum and p.attgenerated = ''
    where c.relispartition
      and (a.attnotnull <> p.attnotnull
           or pg_catalog.pg_get_expr(d.adbin, d.adrelid) is distinct from pg_catalog.pg_get_expr(e.adbin, e.adrelid))
    group by n.nspname, c.relname`,
  `select 'clustering of table ' || n.nspname || '.' || c.relname, i.indexrelid::regclass::text
     from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indrelid join ns n on n.oid = c.relnamespace
    where i.indisclustered`,
  `select 'type of table ' || n.nspname || '.' || c.relname, c.reloftype::regtype::text
     from pg_catalog.pg_class c join ns n on n.oid = c.relnamespace
    where c.reloftype <> 0`,
  `select 'emptiness of materialized view ' || n.nspname || '.' || c.relname, ''
     from pg_catalog.pg_class c join ns n on n.oid = c.relnamespace
    where c.relkind = 'm' and not c.relispopulated`,
  `select 'unlogged sequence ' || n.nspname || '.' || c.relname, ''
     from pg_catalog.pg_class c join ns n on n.oid = c.relnamespace
    where c.relkind = 'S' and c.relpersistence = 'u'`,
  `select 'conversion ' || n.nspname || '.' || v.conname, v.conproc::regproc::text || ' ' || v.condefault
     from pg_catalog.pg_conversion v join ns n on n.oid = v.connamespace`,
  `select 'operator class ' || n.nspname || '.' || o.opcname || ' for ' || o.opcintype::regtype, o.opcdefault::text
     from pg_catalog.pg_opclass o join ns n on n.oid = o.opcnamespace`,
  `select 'text search parser ' || n.nspname || '.' || p.prsname, p.prstoken::text
     from pg_catalog.pg_ts_parser p join ns n on n.oid = p.prsnamespace`,
  `select 'text search template ' || n.nspname || '.' || t.tmplname, t.tmpllexize::text
     from pg_catalog.pg_ts_template t join ns n on n.oid = t.tmplnamespace`,
  `select 'canonical function of range ' || n.nspname || '.' || t.typname, r.rngcanonical::text
     from pg_catalog.pg_range r join pg_catalog.pg_type t on t.oid = r.rngtypid join ns n on n.oid = t.typnamespace
    where r.rngcanonical <> 0`,
  `select 'rules of collation ' || n.nspname || '.' || c.collname, to_jsonb(c) ->> 'collicurules'
     from pg_catalog.pg_collation c join ns n on n.oid = c.collnamespace
    where to_jsonb(c) ->> 'collicurules' is not null`,
  `select 'comment on index ' || n.nspname || '.' || c.relname, d.description
     from pg_catalog.pg_description d
     join pg_catalog.pg_class c on d.classoid = 'pg_catalog.pg_class'::regclass and c.oid = d.objoid
     join ns n on n.oid = c.relnamespace
    where exists (select from pg_catalog.pg_constraint con where con.conindid = c.oid and con.contype in ('p', 'u', 'x'))`,
  `select 'validity of NOT NULL on ' || n.nspname || '.' || c.relname || '.' || a.attname,
          con.convalidated::text || ' ' || con.connoinherit
     from pg_catalog.pg_constraint con join pg_catalog.pg_class c on c.oid = con.conrelid
     join ns n on n.oid = c.relnamespace
     join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = con.conkey[1]
    where con.contype = 'n' and (not con.convalidated or con.connoinherit)`,
  // What a declared object is made of: without it, the object can't be made.
  `select 'operator ' || n.nspname || '.' || o.oid::regoperator::text || ' ${USED_BY} ' || ${DEPENDENT}, ''
     from pg_catalog.pg_operator o join ns n on n.oid = o.oprnamespace
     join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_operator'::regclass and d.refobjid = o.oid
    where d.classid in ${USERS}`,
  `select 'text search configuration ' || n.nspname || '.' || c.cfgname || ' ${USED_BY} ' || ${DEPENDENT}, ''
     from pg_catalog.pg_ts_config c join ns n on n.oid = c.cfgnamespace
     join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_ts_config'::regclass and d.refobjid = c.oid
    where d.classid in ${USERS}`,
];

const READ = `
with ns as materialized (
  select oid, nspname from pg_catalog.pg_namespace where nspname = any ($1::text[]))
select name, coalesce(definition, '') as definition
  from (${KINDS.join("\n        union all\n        ")}) blind (name, definition)
 order by 1`;

export async function readBlindSpots(session: Session, schemas: Iterable<string>): Promise<BlindSpots> {
  const rows = await session.query<{ name: string; definition: string }>(READ, [[...schemas]]);
  return new Map(rows.map((row) => [row.name, row.definition]));
}

/** What the files declare and the database has not, or has otherwise. */
export function missingIn(current: BlindSpots, desired: BlindSpots): string[] {
  return differing(current, desired).filter((name) => !name.includes(` ${USED_BY} `));
}

/** What is missing and a declared object needs, for example `operator app.=== used by constraint c on table t`. */
export function neededIn(current: BlindSpots, desired: BlindSpots): string[] {
  const missing = differing(current, desired);
  return missing.filter((name) => missing.some((base) => name.startsWith(`${base} ${USED_BY} `)));
}

function differing(current: BlindSpots, desired: BlindSpots): string[] {
  return [...desired].flatMap(([name, definition]) => (current.get(name) === definition ? [] : [name]));
}
