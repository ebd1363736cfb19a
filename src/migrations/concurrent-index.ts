import type { Log } from "../log/log.ts";
import { withHeartbeat } from "../postgres/heartbeat.ts";
import type { Session } from "../postgres/session.ts";
import { classifyStatement } from "../sql/classify.ts";
import type { CreateIndex, Reindex } from "../sql/concurrent.ts";
import type { ObjectName } from "../sql/cursor.ts";
import { quoteIdent } from "../sql/quote.ts";
import type { SqlStatement } from "../sql/split.ts";

/**
 * A concurrent build that failed or was killed leaves an index that is invalid: no query uses it, a
 * unique one may still reject writes, and `IF NOT EXISTS` would take it for done (PostgreSQL manual,
 * "Building Indexes Concurrently"). It is dropped, so that the statement can build it again. True when there was one.
 */
export async function dropInvalidIndexes(
  session: Session,
  statement: SqlStatement,
  log: Log,
): Promise<boolean> {
  const { concurrent } = classifyStatement(statement);
  const found =
    concurrent?.kind === "create index"
      ? await findInvalidBuilds(session, concurrent)
      : concurrent?.kind === "reindex"
        ? await findReindexRemains(session, concurrent)
        : [];
  for (const name of found) {
    log.warn({ index: name }, "An index was left invalid by a failed build, dropping it...");
    const drop = `drop index concurrently if exists ${name}`;
    await withHeartbeat({ session, log }, drop, () => session.execute(drop));
  }
  return found.length > 0;
}

const FIND_INVALID = `
select pg_catalog.format('%I.%I', n.nspname, c.relname) as name
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join pg_catalog.pg_class t on t.oid = i.indrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where not i.indisvalid
   and not exists (select from pg_catalog.pg_stat_progress_create_index p where p.index_relid = i.indexrelid)`;

/** Without a name in the statement, what PostgreSQL may have called it: `table_…_idx`, perhaps with a number. */
async function findInvalidBuilds(session: Session, { table, index }: CreateIndex): Promise<string[]> {
  const condition =
    index === undefined
      ? "pg_catalog.left(c.relname, 40) like $2 escape '!' and c.relname ~ '_idx[0-9]*$'"
      : "c.relname = $2";
  const pattern = `${table.name.slice(0, 20).replaceAll(/[!%_]/g, "!$&")}%`;
  const rows = await session.query<{ name: string }>(
    `${FIND_INVALID} and t.oid = pg_catalog.to_regclass($1) and ${condition}`,
    [qualified(table), index ?? pattern],
  );
  return rows.map(({ name }) => name);
}

/** A REINDEX CONCURRENTLY that failed leaves the new or the old index under a name of its own. */
async function findReindexRemains(session: Session, { target, name }: Reindex): Promise<string[]> {
  if (name === undefined || (target !== "index" && target !== "table")) return [];
  const table =
    target === "table"
      ? "pg_catalog.to_regclass($1)"
      : "(select indrelid from pg_catalog.pg_index where indexrelid = pg_catalog.to_regclass($1))";
  const rows = await session.query<{ name: string }>(
    `${FIND_INVALID} and t.oid = ${table} and c.relname ~ '_cc(new|old)[0-9]*$'`,
    [qualified(name)],
  );
  return rows.map(({ name: index }) => index);
}

interface FoundIndex {
  readonly valid: boolean;
}

/** The index of this name on the table, and whether queries use it. */
export async function findIndex(
  session: Session,
  table: ObjectName,
  index: string,
): Promise<FoundIndex | undefined> {
  const [row] = await session.query<{ valid: boolean }>(
    `select i.indisvalid as valid
       from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
      where i.indrelid = pg_catalog.to_regclass($1) and c.relname = $2`,
    [qualified(table), index],
  );
  return row;
}

/** As `to_regclass` reads it. */
export function qualified({ schema, name }: ObjectName): string {
  return schema === undefined ? quoteIdent(name) : `${quoteIdent(schema)}.${quoteIdent(name)}`;
}
