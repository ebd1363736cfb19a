import type { Session } from "../../postgres/session.ts";

/** What the engine doesn't read: written by slipway itself where there is a statement for it. */
export interface Unseen {
  readonly schema: string;
  /** The relation it is part of, as the catalog names it; undefined for an object of its own. */
  readonly relation: string | undefined;
  /** Of the relation: `table`, `materializedView`, `foreignTable`; else the file it goes to. */
  readonly kind: string;
  /** For people, for example `statistics app.orders_customer`. */
  readonly name: string;
  /** Undefined for what no file of the dump can say. */
  readonly sql: string | undefined;
}

const NO_MEMBER = (catalog: string, oid: string): string =>
  `not exists (select from pg_depend d where d.classid = '${catalog}'::regclass and d.objid = ${oid} and d.deptype = 'e')`;

const RELATION = `n.nspname, c.relname,
       case c.relkind when 'm' then 'materializedView' when 'f' then 'foreignTable' else 'table' end`;

const ALTER = `format('ALTER %s %I.%I', case c.relkind when 'm' then 'MATERIALIZED VIEW' when 'f' then 'FOREIGN TABLE' else 'TABLE' end,
              n.nspname, c.relname)`;

/** Each: schema, relation, kind, name for people, statement. */
const KINDS: readonly string[] = [
  `select ${RELATION}, format('statistics %s.%s', sn.nspname, s.stxname),
          concat_ws(E';\\n\\n', pg_get_statisticsobjdef(s.oid),
            case when (to_jsonb(s) ->> 'stxstattarget')::int >= 0
                 then format('ALTER STATISTICS %I.%I SET STATISTICS %s', sn.nspname, s.stxname, to_jsonb(s) ->> 'stxstattarget') end,
            case when obj_description(s.oid, 'pg_statistic_ext') is not null
                 then format('COMMENT ON STATISTICS %I.%I IS %L', sn.nspname, s.stxname, obj_description(s.oid, 'pg_statistic_ext')) end)
     from pg_statistic_ext s join pg_namespace sn on sn.oid = s.stxnamespace
     join pg_class c on c.oid = s.stxrelid join ns n on n.oid = c.relnamespace
    where ${NO_MEMBER("pg_statistic_ext", "s.oid")}`,
  `select ${RELATION}, format('settings of column %s.%s.%s', n.nspname, c.relname, a.attname),
          concat_ws(E';\\n\\n',
            case when a.attstorage <> t.typstorage then format('%s ALTER COLUMN %I SET STORAGE %s', ${ALTER}, a.attname,
              case a.attstorage when 'p' then 'PLAIN' when 'e' then 'EXTERNAL' when 'x' then 'EXTENDED' else 'MAIN' end) end,
            case when a.attcompression <> '' then format('%s ALTER COLUMN %I SET COMPRESSION %s', ${ALTER}, a.attname,
              case a.attcompression when 'l' then 'lz4' else 'pglz' end) end,
            case when a.attstattarget >= 0 then format('%s ALTER COLUMN %I SET STATISTICS %s', ${ALTER}, a.attname, a.attstattarget) end,
            case when a.attoptions is not null then format('%s ALTER COLUMN %I SET (%s)', ${ALTER}, a.attname, array_to_string(a.attoptions, ', ')) end)
     from pg_attribute a join pg_class c on c.oid = a.attrelid
     join ns n on n.oid = c.relnamespace join pg_type t on t.oid = a.atttypid
    where c.relkind in ('r', 'p', 'm') and a.attnum > 0 and not a.attisdropped
      and (a.attstorage <> t.typstorage or a.attcompression <> '' or a.attstattarget >= 0 or a.attoptions is not null)
      and ${NO_MEMBER("pg_class", "c.oid")}`,
  `select ${RELATION}, format('TOAST options of table %s.%s', n.nspname, c.relname),
          (select format('%s SET (%s)', ${ALTER}, string_agg('toast.' || option, ', ')) from unnest(toast.reloptions) option)
     from pg_class c join ns n on n.oid = c.relnamespace join pg_class toast on toast.oid = c.reltoastrelid
    where toast.reloptions is not null and ${NO_MEMBER("pg_class", "c.oid")}`,
  `select ${RELATION}, format('clustering of table %s.%s', n.nspname, c.relname), format('%s CLUSTER ON %I', ${ALTER}, ic.relname)
     from pg_index i join pg_class c on c.oid = i.indrelid join ns n on n.oid = c.relnamespace join pg_class ic on ic.oid = i.indexrelid
    where i.indisclustered and ${NO_MEMBER("pg_class", "c.oid")}`,
  `select ${RELATION}, format('comment on index %s.%s', n.nspname, ic.relname),
          format('COMMENT ON INDEX %I.%I IS %L', n.nspname, ic.relname, obj_description(ic.oid, 'pg_class'))
     from pg_constraint k join pg_class c on c.oid = k.conrelid join ns n on n.oid = c.relnamespace join pg_class ic on ic.oid = k.conindid
    where k.contype in ('p', 'u', 'x') and obj_description(ic.oid, 'pg_class') is not null`,
  `select n.nspname, null, 'operators', 'operator ' || o.oid::regoperator,
          format('CREATE OPERATOR %I.%s (%s)', n.nspname, o.oprname, concat_ws(', ',
            'FUNCTION = ' || o.oprcode::regproc,
            'LEFTARG = ' || format_type(nullif(o.oprleft, 0), null), 'RIGHTARG = ' || format_type(nullif(o.oprright, 0), null),
            (select format('COMMUTATOR = OPERATOR(%I.%s)', x.nspname, p.oprname) from pg_operator p join pg_namespace x on x.oid = p.oprnamespace where p.oid = o.oprcom),
            (select format('NEGATOR = OPERATOR(%I.%s)', x.nspname, p.oprname) from pg_operator p join pg_namespace x on x.oid = p.oprnamespace where p.oid = o.oprnegate),
            case when o.oprrest <> 0 then 'RESTRICT = ' || o.oprrest::regproc end, case when o.oprjoin <> 0 then 'JOIN = ' || o.oprjoin::regproc end,
            case when o.oprcanhash then 'HASHES' end, case when o.oprcanmerge then 'MERGES' end))
     from pg_operator o join ns n on n.oid = o.oprnamespace
    where o.oprcode <> 0 and ${NO_MEMBER("pg_operator", "o.oid")}`,
  `select n.nspname, null, 'casts', format('cast (%s as %s)', format_type(k.castsource, null), format_type(k.casttarget, null)),
          format('CREATE CAST (%s AS %s) %s%s', format_type(k.castsource, null), format_type(k.casttarget, null),
            case k.castmethod when 'f' then 'WITH FUNCTION ' || k.castfunc::regprocedure when 'i' then 'WITH INOUT' else 'WITHOUT FUNCTION' end,
            case k.castcontext when 'a' then ' AS ASSIGNMENT' when 'i' then ' AS IMPLICIT' else '' end)
     from pg_cast k
     join lateral (select t.typnamespace from pg_type t left join ns own on own.oid = t.typnamespace
                    where t.oid in (k.castsource, k.casttarget) order by own.oid is null, t.oid = k.casttarget limit 1) t on true
     join ns n on n.oid = t.typnamespace
    where k.oid >= 16384 and ${NO_MEMBER("pg_cast", "k.oid")}`,
  `select n.nspname, null, 'text_search', format('text search dictionary %s.%s', n.nspname, s.dictname),
          format('CREATE TEXT SEARCH DICTIONARY %I.%I (%s)', n.nspname, s.dictname, concat_ws(', ',
            (select format('TEMPLATE = %I.%I', x.nspname, t.tmplname) from pg_ts_template t join pg_namespace x on x.oid = t.tmplnamespace where t.oid = s.dicttemplate),
            nullif(s.dictinitoption, '')))
     from pg_ts_dict s join ns n on n.oid = s.dictnamespace
    where ${NO_MEMBER("pg_ts_dict", "s.oid")}`,
  `select n.nspname, null, 'text_search', format('text search configuration %s.%s', n.nspname, s.cfgname),
          concat_ws(E';\\n\\n',
            (select format('CREATE TEXT SEARCH CONFIGURATION %I.%I (PARSER = %I.%I)', n.nspname, s.cfgname, x.nspname, p.prsname)
               from pg_ts_parser p join pg_namespace x on x.oid = p.prsnamespace where p.oid = s.cfgparser),
            (select string_agg(format('ALTER TEXT SEARCH CONFIGURATION %I.%I ADD MAPPING FOR %I WITH %s', n.nspname, s.cfgname, m.alias, m.dicts), E';\\n\\n' order by m.maptokentype)
               from (select m.maptokentype, k.alias, string_agg(m.mapdict::regdictionary::text, ', ' order by m.mapseqno) as dicts
                       from pg_ts_config_map m join lateral ts_token_type(s.cfgparser) k on k.tokid = m.maptokentype
                      where m.mapcfg = s.oid group by 1, 2) m))
     from pg_ts_config s join ns n on n.oid = s.cfgnamespace
    where ${NO_MEMBER("pg_ts_config", "s.oid")}`,
  `select n.nspname, null, '', format('operator family %s.%s', n.nspname, f.opfname), null
     from pg_opfamily f join ns n on n.oid = f.opfnamespace where ${NO_MEMBER("pg_opfamily", "f.oid")}`,
  `select n.nspname, null, '', format('conversion %s.%s', n.nspname, k.conname), null
     from pg_conversion k join ns n on n.oid = k.connamespace where ${NO_MEMBER("pg_conversion", "k.oid")}`,
  `select n.nspname, null, '', format('place of table %s.%s', n.nspname, c.relname), null
     from pg_class c join ns n on n.oid = c.relnamespace left join pg_am m on m.oid = c.relam
    where c.relkind in ('r', 'p', 'm') and (c.reltablespace <> 0 or m.amname <> 'heap') and ${NO_MEMBER("pg_class", "c.oid")}`,
  `select n.nspname, null, '', format('table %s.%s as one of type %s', n.nspname, c.relname, format_type(c.reloftype, null)), null
     from pg_class c join ns n on n.oid = c.relnamespace where c.reloftype <> 0`,
  `select n.nspname, null, '', format('table %s.%s as one of several parents', n.nspname, c.relname), null
     from pg_class c join ns n on n.oid = c.relnamespace
    where c.relkind in ('r', 'f') and (select count(*) from pg_inherits i where i.inhrelid = c.oid) > 1`,
  `select n.nspname, null, '', format('sequence %s.%s as unlogged', n.nspname, c.relname), null
     from pg_class c join ns n on n.oid = c.relnamespace where c.relkind = 'S' and c.relpersistence = 'u'
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'i')`,
];

const READ = `
with ns as materialized (
  select oid, nspname from pg_namespace where nspname = any ($1::text[]))
select schema, relation, kind, name, sql
  from (${KINDS.join("\n        union all\n        ")}) unseen (schema, relation, kind, name, sql)
 order by schema collate "C", relation collate "C", name collate "C"`;

/** Names come out qualified only where the search_path does not reach them: it has to be pg_catalog alone. */
export async function readUnseen(session: Session, schemas: readonly string[]): Promise<Unseen[]> {
  const rows = await session.query<
    Record<"schema" | "kind" | "name", string> & Record<"relation" | "sql", string | null>
  >(READ, [schemas]);
  return rows.map((row) => ({ ...row, relation: row.relation ?? undefined, sql: row.sql ?? undefined }));
}

const CREDENTIALS = `
select format('user mapping of %s on server %s', m.usename, m.srvname) as name from pg_user_mappings m
 union all
select format('subscription %s', s.subname) from pg_subscription s
  join pg_database d on d.oid = s.subdbid where d.datname = current_database()
 order by 1`;

/** Objects that are left out for the credentials they hold. */
export async function findCredentialHolders(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(CREDENTIALS);
  return rows.map(({ name }) => name);
}
