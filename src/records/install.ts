import { SlipwayError } from "../errors.ts";
import { quoteLiteral } from "../sql/quote.ts";
import { formatStamp, LAYOUT_STEPS, LAYOUT_VERSION, parseStamp } from "./layout.ts";
import type { Records } from "./records.ts";

const FIND_SCHEMA = `
select pg_catalog.obj_description(n.oid, 'pg_namespace') as stamp,
       array(select c.relname::text from pg_catalog.pg_class c
              where c.relnamespace = n.oid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
              order by 1 limit 5) as relations,
       exists (select from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
                where c.relnamespace = n.oid and c.relname = 'app' and a.attname = 'up_sql') as foreign_ledger,
       pg_catalog.has_schema_privilege(n.oid, 'CREATE') as can_create
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
}

/** The layout's version in the database; 0 when nothing is there yet. Throws for a newer or a foreign one. */
export async function findLayout(records: Records): Promise<number> {
  const [row] = await records.session.query<Record<string, unknown> & SchemaRow>(FIND_SCHEMA, [
    records.schemaName,
  ]);
  if (row === undefined) return 0;
  const version = parseStamp(row.stamp);
  if (version === undefined) {
    if (row.relations.length > 0) throw foreignSchema(records.schemaName, row);
    return 0;
  }
  requireReadable(records.schemaName, version);
  return version;
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
  const found = await findLayout(records);
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
  const [schema] = await session.query<Record<string, unknown> & SchemaRow>(FIND_SCHEMA, [schemaName]);
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
