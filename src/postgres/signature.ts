import type { Session } from "./session.ts";

/**
 * Cheap hashes over catalog rows, to see from outside whether anything moved since the last run.
 *
 * Rows count by oid and xmin, which every ALTER renews, but for pg_class, pg_attribute and pg_index:
 * ordinary life rewrites those. VACUUM FULL, TRUNCATE, CLUSTER and REFRESH MATERIALIZED VIEW give a
 * relation a new relfilenode, a rewrite clears `atthasmissing`, ANALYZE fills in statistics; there the
 * content counts. A restored backup has other oids: the full comparison then says that nothing changed,
 * once, and the new signature is kept. Run-time partitions, and what PostgreSQL clones onto them, are
 * left out.
 *
 * A fresh session pays more for planning than for reading, hence no joins: every part is a scan by the
 * oids of the scope. bit_xor of row hashes needs no sort; `hash_record_extended` is there since 14.
 */

interface Part {
  readonly row: string;
  readonly from: string;
}

const IN_SCHEMAS = "any ((select schemas from scope)::oid[])";
const IN_RELATIONS = "any ((select relations from scope)::oid[])";

const PARTS: readonly Part[] = [
  { row: "nspname, nspowner, nspacl::text", from: `pg_namespace where oid = ${IN_SCHEMAS}` },
  {
    row: `oid, relname, relnamespace, relowner, relkind, relpersistence, relrowsecurity, relforcerowsecurity,
          relreplident, reltablespace, relam, reloptions::text, relacl::text, relpartbound::text`,
    from: `pg_class where oid = ${IN_RELATIONS}`,
  },
  {
    row: `attrelid, attnum, attname, atttypid, atttypmod, attnotnull, attidentity, attgenerated, attcollation,
          attstorage, attcompression, attoptions::text, attacl::text`,
    from: `pg_attribute where attrelid = ${IN_RELATIONS} and attnum > 0 and not attisdropped`,
  },
  { row: "oid, xmin", from: `pg_attrdef where adrelid = ${IN_RELATIONS}` },
  { row: "oid, xmin", from: `pg_constraint where conrelid = ${IN_RELATIONS} and conparentid = 0` },
  { row: "oid, xmin", from: `pg_constraint where contypid <> 0 and connamespace = ${IN_SCHEMAS}` },
  {
    row: "indexrelid, indrelid, indisvalid, indisreplident",
    from: `pg_index where indexrelid = ${IN_RELATIONS}`,
  },
  {
    row: "oid, xmin",
    from: `pg_trigger where tgrelid = ${IN_RELATIONS} and not tgisinternal and tgparentid = 0`,
  },
  { row: "oid, xmin", from: `pg_policy where polrelid = ${IN_RELATIONS}` },
  { row: "oid, xmin", from: `pg_rewrite where ev_class = ${IN_RELATIONS}` },
  { row: "seqrelid, xmin", from: `pg_sequence where seqrelid = ${IN_RELATIONS}` },
  { row: "oid, xmin", from: `pg_proc where pronamespace = ${IN_SCHEMAS}` },
  { row: "oid, xmin", from: `pg_type where typnamespace = ${IN_SCHEMAS} and typtype in ('d', 'e', 'r')` },
  {
    row: "oid, xmin",
    from: `pg_enum where enumtypid in (select oid from pg_type where typnamespace = ${IN_SCHEMAS})`,
  },
  { row: "defaclrole, defaclnamespace, defaclobjtype, defaclacl::text", from: "pg_default_acl" },
  { row: "extname, extnamespace", from: "pg_extension" },
  { row: "oid, xmin", from: "pg_event_trigger" },
  { row: "oid, xmin", from: "pg_publication" },
  { row: "objoid, classoid, objsubid, description", from: "pg_description where objoid >= 16384" },
];

/**
 * SQL of one row and column, `signature`. Both arguments are SQL for a `text[]`: the managed schemas, and
 * the partitions that the desired files declare (`schema.name`).
 */
export function catalogSignatureSql(schemas: string, partitions: string): string {
  return `
with names as materialized (
  select array(select oid from pg_catalog.pg_namespace where nspname = any (${schemas})) as schemas),
scope as materialized (
  select schemas,
         array(select oid from pg_catalog.pg_class
                where relnamespace = any ((select schemas from names)::oid[])
                  and relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c', 'i', 'I')
                  and (not relispartition
                       or relnamespace::regnamespace || '.' || relname = any (${partitions}))) as relations
    from names)
select pg_catalog.md5(pg_catalog.string_agg(part, ' ' order by part)) as signature
  from (${PARTS.map(partQuery).join("\n        union all\n        ")}) parts`;
}

function partQuery({ row, from }: Part, index: number): string {
  return `select '${index}:' || count(*) || ':' || coalesce(bit_xor(hash_record_extended(row(${row}), 0)), 0) as part
          from pg_catalog.${from.replace("from pg_type", "from pg_catalog.pg_type")}`;
}

/**
 * SQL of one row and column, `signature`; `wanted` is SQL for a `text[]` of the names that bootstrap.sql
 * mentions. Covers what such
 * a file makes and another server may lack: roles, memberships, schemas with their grants, extensions; and
 * the server's major version.
 */
export function bootstrapSignatureSql(wanted: string): string {
  return `
select pg_catalog.md5(pg_catalog.concat_ws(' ',
  current_setting('server_version_num')::int / 10000,
  (select pg_catalog.string_agg(pg_catalog.format('%s %s %s %s %s %s %s %s', rolname, rolsuper, rolinherit, rolcreaterole,
                                rolcreatedb, rolcanlogin, rolreplication, rolbypassrls), ',' order by rolname)
     from pg_catalog.pg_roles where rolname = any (${wanted})),
  (select pg_catalog.string_agg(pg_catalog.format('%s in %s', m.rolname, g.rolname), ',' order by m.rolname, g.rolname)
     from pg_catalog.pg_auth_members am
     join pg_catalog.pg_roles g on g.oid = am.roleid
     join pg_catalog.pg_roles m on m.oid = am.member
    where g.rolname = any (${wanted})),
  (select pg_catalog.string_agg(pg_catalog.format('%s %s', nspname, nspacl), ',' order by nspname)
     from pg_catalog.pg_namespace where nspname = any (${wanted})),
  (select pg_catalog.string_agg(extname, ',' order by extname)
     from pg_catalog.pg_extension where extname = any (${wanted})))) as signature`;
}

/** What the catalog's signature covers. */
export interface SignatureScope {
  readonly managedSchemas: readonly string[];
  readonly declaredPartitions: readonly string[];
}

/** The cheap hash of the managed part of the catalog. */
export async function readCatalogSignature(
  session: Session,
  scope: SignatureScope | undefined,
): Promise<string> {
  const sql = catalogSignatureSql("$1::text[]", "$2::text[]");
  return readSignature(session, sql, [scope?.managedSchemas ?? [], scope?.declaredPartitions ?? []]);
}

/** The hash of what a bootstrap.sql that mentions these names makes. */
export async function readBootstrapSignature(session: Session, names: readonly string[]): Promise<string> {
  return readSignature(session, bootstrapSignatureSql("$1::text[]"), [names]);
}

async function readSignature(session: Session, sql: string, parameters: readonly unknown[]): Promise<string> {
  const [row] = await session.query<{ signature: string }>(sql, parameters);
  if (row === undefined) throw new Error("a signature query gave no row");
  return row.signature;
}
