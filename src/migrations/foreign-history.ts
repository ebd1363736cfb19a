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
  /** What the tool has run and none of the files is, as the tool calls it. */
  readonly others: (migrations: readonly Migration[]) => readonly string[];
}

type Reading = Omit<ForeignHistory, "tool" | "table">;

interface Tool {
  readonly name: string;
  readonly table: string;
  /** Columns that make the table this tool's, and not another's of the same name. */
  readonly columns: readonly string[];
  readonly without?: readonly string[];
  readonly sql: (table: string) => string;
  readonly read: (rows: readonly Row[]) => Reading | undefined;
}

interface Row {
  readonly version: string;
  /** Whether it is run; for golang-migrate, whether it is dirty. */
  readonly flag: boolean;
  /** Whether everything below counts as run too. */
  readonly baseline?: boolean;
}

/** A tool that numbers as these files are numbered; `1.1` of Flyway is no such number. */
const byVersions = (rows: readonly Row[]): Reading | undefined => {
  const run = rows.filter(({ flag }) => flag);
  const versions = new Set(run.flatMap(({ version }) => (/^\d+$/.test(version) ? [BigInt(version)] : [])));
  if (run.length === 0) return undefined;
  const base = run.find(({ baseline, version }) => baseline === true && /^\d+$/.test(version));
  const isBelowBase = (version: bigint): boolean => base !== undefined && version <= BigInt(base.version);
  return {
    hasRun: ({ version }) => versions.has(version) || isBelowBase(version),
    unfinished: undefined,
    extent: count(run),
    others(migrations) {
      const files = new Set(migrations.map(({ version }) => version));
      return run.flatMap(({ version }) =>
        /^\d+$/.test(version) && files.has(BigInt(version)) ? [] : [version],
      );
    },
  };
};

const byNames = (rows: readonly Row[]): Reading | undefined => {
  const names = new Set(rows.flatMap(({ version, flag }) => (flag ? [version] : [])));
  if (names.size === 0) return undefined;
  return {
    hasRun: (migration) => names.has(migration.name),
    unfinished: undefined,
    extent: count([...names]),
    others(migrations) {
      const files = new Set(migrations.map(({ name }) => name));
      return [...names].filter((name) => !files.has(name));
    },
  };
};

/** golang-migrate keeps one row: everything up to its version was run, the version itself perhaps in half. */
const upToVersion = ([row]: readonly Row[]): Reading | undefined => {
  if (row === undefined || !/^\d+$/.test(row.version)) return undefined;
  const version = BigInt(row.version);
  const unfinished = row.flag ? version : undefined;
  return {
    hasRun: (migration) => migration.version <= version && migration.version !== unfinished,
    unfinished,
    extent: `version ${version}${row.flag ? ", dirty" : ""}`,
    others: (migrations) => (migrations.some((each) => each.version === version) ? [] : [version.toString()]),
  };
};

function count(list: readonly unknown[]): string {
  return list.length === 1 ? "1 migration" : `${list.length} migrations`;
}

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
    sql: (table) => `select version::text as version, true as flag from ${table} order by 1`,
    read: byVersions,
  },
  {
    name: "goose",
    table: "goose_db_version",
    columns: ["version_id", "is_applied"],
    // The last row of a version counts; version 0 is goose's own.
    sql: (table) =>
      `select distinct on (version_id) version_id::text as version, is_applied and version_id > 0 as flag
         from ${table} order by version_id, id desc`,
    read: byVersions,
  },
  {
    name: "Flyway",
    table: "flyway_schema_history",
    columns: ["version", "type", "success", "installed_rank"],
    // Undone when the last word on a version is an undo; without a version are repeatable migrations.
    sql: (table) =>
      `select distinct on (version) version::text as version, success and type in ('SQL', 'BASELINE', 'SQL_BASELINE') as flag,
              type like '%BASELINE' as baseline
         from ${table} where version is not null and success order by version, installed_rank desc`,
    read: byVersions,
  },
  {
    name: "node-pg-migrate",
    table: "pgmigrations",
    columns: ["name", "run_on"],
    sql: (table) => `select name::text as version, true as flag from ${table} order by id`,
    read: byNames,
  },
  {
    name: "Prisma",
    table: "_prisma_migrations",
    columns: ["migration_name", "finished_at", "rolled_back_at"],
    sql: (table) =>
      `select migration_name::text as version, finished_at is not null and rolled_back_at is null as flag
         from ${table} order by started_at`,
    read: byNames,
  },
];

/** For messages. */
export const TOOL_NAMES = `${TOOLS.slice(0, -1)
  .map(({ name }) => name)
  .join(", ")} or ${TOOLS.at(-1)?.name ?? ""}`;

const FIND_TABLES = `
select n.nspname::text as schema, c.relname::text as name,
       array(select a.attname::text from pg_catalog.pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and c.relname = any ($1::text[])
   and pg_catalog.has_table_privilege(c.oid, 'SELECT')
 order by 1, 2`;

/**
 * The histories that other migration tools left in this database. All of these tools can be told another name for
 * their table: one called `wanted`, with or without its schema, is told by its columns alone.
 */
export async function findForeignHistories(session: Session, wanted?: string): Promise<ForeignHistory[]> {
  const wantedName = wanted
    ?.split(".")
    .at(-1)
    ?.replace(/^"(.*)"$/, "$1");
  const tables = await session.query<FoundTable>(FIND_TABLES, [
    [...TOOLS.map(({ table }) => table), ...(wantedName === undefined ? [] : [wantedName])],
  ]);
  const found: ForeignHistory[] = [];
  for (const each of tables) {
    const tool = toolOf(each, each.name === wantedName);
    if (tool === undefined) continue;
    const table = `${quoteIdent(each.schema)}.${quoteIdent(each.name)}`;
    const history = tool.read(await session.query<Record<string, unknown> & Row>(tool.sql(table)));
    if (history !== undefined) found.push({ tool: tool.name, table, ...history });
  }
  return found;
}

interface FoundTable extends Record<string, unknown> {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
}

/** Of several tools whose columns a table of any name has, the one with the most: dbmate has but one. */
function toolOf({ name, columns }: FoundTable, isWanted: boolean): Tool | undefined {
  return TOOLS.filter(
    (tool) =>
      (isWanted || tool.table === name) &&
      tool.columns.every((column) => columns.includes(column)) &&
      !(tool.without ?? []).some((column) => columns.includes(column)),
  ).toSorted((one, other) => other.columns.length - one.columns.length)[0];
}
