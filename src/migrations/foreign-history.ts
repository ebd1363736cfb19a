import type { Session } from "../postgres/session.ts";
import type { Migration } from "../source/migrations.ts";
import { quoteIdent } from "../sql/quote.ts";

/** What another tool's table says of this database. */
export interface ForeignHistory {
  readonly tool: string;
  /** Qualified and quoted. */
  readonly table: string;
  readonly hasRun: (migration: Migration) => boolean;
  /** A version that the tool itself calls half done. */
  readonly unfinished: bigint | undefined;
  /** For people: `version 12`, `7 migrations`. */
  readonly extent: string;
}

interface Tool {
  readonly name: string;
  readonly table: string;
  /** Columns that make the table this tool's, and not another's of the same name. */
  readonly columns: readonly string[];
  readonly without?: readonly string[];
  readonly sql: (table: string) => string;
  readonly read: (rows: readonly Row[]) => Omit<ForeignHistory, "tool" | "table"> | undefined;
}

interface Row {
  readonly version: string;
  readonly flag: boolean;
}

const byVersions = (rows: readonly Row[]): ReturnType<Tool["read"]> => {
  const versions = new Set(
    rows.flatMap(({ version, flag }) => (flag && /^\d+$/.test(version) ? [BigInt(version)] : [])),
  );
  if (versions.size === 0) return undefined;
  return {
    hasRun: (migration) => versions.has(migration.version),
    unfinished: undefined,
    extent: `${versions.size} migrations`,
  };
};

const byNames = (rows: readonly Row[]): ReturnType<Tool["read"]> => {
  const names = new Set(rows.flatMap(({ version, flag }) => (flag ? [version] : [])));
  if (names.size === 0) return undefined;
  return {
    hasRun: (migration) => names.has(migration.name),
    unfinished: undefined,
    extent: `${names.size} migrations`,
  };
};

/** golang-migrate keeps one row: everything up to its version was run, the version itself perhaps in half. */
const upToVersion = ([row]: readonly Row[]): ReturnType<Tool["read"]> => {
  if (row === undefined || !/^\d+$/.test(row.version)) return undefined;
  const version = BigInt(row.version);
  const unfinished = row.flag ? version : undefined;
  return {
    hasRun: (migration) => migration.version <= version && migration.version !== unfinished,
    unfinished,
    extent: `version ${version}${row.flag ? ", dirty" : ""}`,
  };
};

const TOOLS: readonly Tool[] = [
  {
    name: "golang-migrate",
    table: "schema_migrations",
    columns: ["version", "dirty"],
    sql: (table) => `select version::text as version, dirty as flag from ${table}`,
    read: upToVersion,
  },
  {
    name: "dbmate",
    table: "schema_migrations",
    columns: ["version"],
    without: ["dirty"],
    sql: (table) => `select version::text as version, true as flag from ${table}`,
    read: byVersions,
  },
  {
    name: "goose",
    table: "goose_db_version",
    columns: ["version_id", "is_applied"],
    sql: (table) =>
      `select distinct on (version_id) version_id::text as version, is_applied and version_id > 0 as flag
         from ${table} order by version_id, id desc`,
    read: byVersions,
  },
  {
    name: "Flyway",
    table: "flyway_schema_history",
    columns: ["version", "success", "installed_rank"],
    sql: (table) =>
      `select version::text as version, success as flag from ${table} where version is not null order by installed_rank`,
    read: byVersions,
  },
  {
    name: "node-pg-migrate",
    table: "pgmigrations",
    columns: ["name", "run_on"],
    sql: (table) => `select name::text as version, true as flag from ${table}`,
    read: byNames,
  },
  {
    name: "Prisma",
    table: "_prisma_migrations",
    columns: ["migration_name", "finished_at"],
    sql: (table) =>
      `select migration_name::text as version, finished_at is not null and rolled_back_at is null as flag from ${table}`,
    read: byNames,
  },
];

const FIND_TABLES = `
select n.nspname::text as schema, c.relname::text as name,
       array(select a.attname::text from pg_catalog.pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and c.relname = any ($1::text[])
   and pg_catalog.has_table_privilege(c.oid, 'SELECT')
 order by 1, 2`;

/** The histories that other migration tools left in this database. */
export async function findForeignHistories(session: Session): Promise<ForeignHistory[]> {
  const tables = await session.query<{ schema: string; name: string; columns: string[] }>(FIND_TABLES, [
    TOOLS.map(({ table }) => table),
  ]);
  const found: ForeignHistory[] = [];
  for (const { schema, name, columns } of tables) {
    const tool = TOOLS.find(
      (each) =>
        each.table === name &&
        each.columns.every((column) => columns.includes(column)) &&
        !(each.without ?? []).some((column) => columns.includes(column)),
    );
    if (tool === undefined) continue;
    const table = `${quoteIdent(schema)}.${quoteIdent(name)}`;
    const history = tool.read(await session.query<Record<string, unknown> & Row>(tool.sql(table)));
    if (history !== undefined) found.push({ tool: tool.name, table, ...history });
  }
  return found;
}
