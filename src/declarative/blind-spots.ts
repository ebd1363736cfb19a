import type { Session } from "../postgres/session.ts";

/**
 * What the engine doesn't read, and so neither compares nor makes. The files may declare it all the same;
 * then a person has to be told that a change of it was not brought about.
 */
export type BlindSpots = ReadonlyMap<string, string>;

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
  return [...desired].flatMap(([name, definition]) => (current.get(name) === definition ? [] : [name]));
}
