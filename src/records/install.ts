import { SlipwayError } from "../errors.ts";
import { quoteIdent, quoteLiteral } from "../sql/quote.ts";
import { formatStamp, LAYOUT_STEPS, LAYOUT_VERSION, parseStamp } from "./layout.ts";
import type { Records } from "./records.ts";

const FIND_SCHEMA = `
select pg_catalog.obj_description(n.oid, 'pg_namespace') as stamp,
       array(select c.relname::text from pg_catalog.pg_class c
              where c.relnamespace = n.oid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
              order by 1 limit 5) as relations,
       exists (select from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
                where c.relnamespace = n.oid and c.relname = 'app' and a.attname = 'up_sql') as foreign_ledger,
       pg_catalog.has_schema_privilege(n.oid, 'CREATE') as can_create,
       current_user::text as role, pg_catalog.pg_get_userbyid(n.nspowner)::text as owner,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       and not exists (select from pg_catalog.pg_class c where c.relnamespace = n.oid and c.relkind = 'r'
                    and not pg_catalog.has_table_privilege(c.oid, 'SELECT')) as can_read,
       not exists (select from pg_catalog.pg_class c where c.relnamespace = n.oid and c.relkind = 'r'
                    and not (pg_catalog.has_table_privilege(c.oid, 'INSERT')
                             and pg_catalog.has_table_privilege(c.oid, 'UPDATE'))) as can_write
  from pg_catalog.pg_namespace n
 where n.nspname = $1`;

const CAN_CREATE_SCHEMA = `
select pg_catalog.has_database_privilege(current_database(), 'CREATE') as allowed,
       current_user::text as role, current_database()::text as database`;

interface SchemaRow {
  readonly stamp: string | null;
  readonly relations: readonly string[];
  readonly foreign_ledger: boolean;
  readonly can_create: boolean;
  readonly role: string;
  readonly owner: string;
  readonly can_read: boolean;
  readonly can_write: boolean;
}

/** What the caller is going to do with the records; rights that it lacks are named with the statement that gives them. */
export type RecordsUse = "read" | "write";

/** The layout's version in the database; 0 when nothing is there yet. Throws for a newer or a foreign one. */
export async function findLayout(records: Records, use: RecordsUse = "write"): Promise<number> {
  return layoutOf(records.schemaName, await findSchema(records), use);
}

function layoutOf(schema: string, row: SchemaRow | undefined, use: RecordsUse): number {
  if (row === undefined) return 0;
  const version = parseStamp(row.stamp);
  if (version === undefined) {
    if (row.relations.length > 0) throw foreignSchema(schema, row);
    return 0;
  }
  requireReadable(schema, version);
  if (!row.can_read) throw lacksRights(schema, row, use);
  return version;
}

async function findSchema({ session, schemaName }: Records): Promise<SchemaRow | undefined> {
  const [row] = await session.query<Record<string, unknown> & SchemaRow>(FIND_SCHEMA, [schemaName]);
  return row;
}

/** Another role made the records, and this one may not read or write them. */
function lacksRights(schema: string, { role, owner }: SchemaRow, use: RecordsUse): SlipwayError {
  const [records, grantee] = [quoteIdent(schema), quoteIdent(role)];
  const grants = (rights: string): string =>
    `grant usage on schema ${records} to ${grantee}; grant ${rights} on all tables in schema ${records} to ${grantee}`;
  return new SlipwayError(
    "UNSAFE_DATABASE",
    `role "${role}" may not use the records in schema "${schema}", which "${owner}" owns`,
    {
      next:
        use === "read"
          ? `as that owner: ${grants("select")}`
          : `connect as the role that ran slipway before; or as that owner: ${grants("select, insert, update, delete")}`,
    },
  );
}

/** Throws RECORDS_TOO_NEW for a layout that this release does not know. */
export function requireReadable(schema: string, version: number): void {
  if (version <= LAYOUT_VERSION) return;
  throw new SlipwayError(
    "RECORDS_TOO_NEW",
    `schema "${schema}" has records of layout ${version}; this release of slipway knows up to ${LAYOUT_VERSION}`,
  );
}

/**
 * Creates slipway's tables, or brings them up to this release's layout. The caller holds the run lock;
 * "if not exists" on the schema is for a person who made it beforehand.
 */
export async function installRecords(records: Records): Promise<void> {
  const { session, schema } = records;
  const row = await findSchema(records);
  const found = layoutOf(records.schemaName, row, "write");
  if (found > 0 && row?.can_write === false) throw lacksRights(records.schemaName, row, "write");
  if (found === LAYOUT_VERSION) return;
  await requireCreate(records);
  await session.transaction(async () => {
    await session.execute(`create schema if not exists ${schema}`);
    for (const step of LAYOUT_STEPS.slice(found)) {
      await session.execute(step.replaceAll("{schema}", schema));
    }
    await session.execute(`comment on schema ${schema} is ${quoteLiteral(formatStamp(LAYOUT_VERSION))}`);
  });
}

async function requireCreate(records: Records): Promise<void> {
  const { session, schemaName } = records;
  const schema = await findSchema(records);
  if (schema?.can_create === true) return;
  const [row] = await session.query<{ allowed: boolean; role: string; database: string }>(CAN_CREATE_SCHEMA);
  if (row === undefined || (schema === undefined && row.allowed)) return;
  const what =
    schema === undefined
      ? `database ${JSON.stringify(row.database)}`
      : `schema ${JSON.stringify(schemaName)}`;
  throw new SlipwayError("UNSAFE_DATABASE", `role "${row.role}" lacks the CREATE privilege on ${what}`, {
    next: `as its owner: grant create on ${what} to ${JSON.stringify(row.role)}`,
  });
}

function foreignSchema(schema: string, row: SchemaRow): SlipwayError {
  const next = `set SLIPWAY_STATE_SCHEMA to another name, for example slipway (flag --state-schema)`;
  if (row.foreign_ledger) {
    return new SlipwayError(
      "HISTORY_MISMATCH",
      `schema "${schema}" holds the migration history of another tool (table "app" with a column "up_sql")`,
      { next },
    );
  }
  return new SlipwayError(
    "UNSAFE_DATABASE",
    `schema "${schema}" holds tables that are not slipway's (${row.relations.join(", ")})`,
    { next },
  );
}
