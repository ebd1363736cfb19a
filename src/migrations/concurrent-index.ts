import type { Log } from "../log/log.ts";
import { withHeartbeat } from "../postgres/heartbeat.ts";
import type { Session } from "../postgres/session.ts";
import { classifyStatement } from "../sql/classify.ts";
import type { ObjectName } from "../sql/cursor.ts";
import { quoteIdent } from "../sql/quote.ts";
import type { SqlStatement } from "../sql/split.ts";

/**
 * A concurrent build that failed or was killed leaves an index that is invalid: no query uses it, a
 * unique one may still reject writes, and `IF NOT EXISTS` would take it for done (PostgreSQL manual,
 * "Building Indexes Concurrently"). It is dropped, so that the statement can build it again.
 */
export async function dropInvalidIndex(
  session: Session,
  statement: SqlStatement,
  log: Log,
  thenThrow?: () => never,
): Promise<void> {
  const { concurrent } = classifyStatement(statement);
  if (concurrent?.kind !== "create index" || concurrent.index === undefined) return;
  const found = await findIndex(session, concurrent.table, concurrent.index);
  if (found === undefined || found.valid) return;
  log.warn({ index: found.name }, "An index was left invalid by a failed build, dropping it...");
  const drop = `drop index concurrently if exists ${found.name}`;
  await withHeartbeat({ session, log }, drop, () => session.execute(drop));
  thenThrow?.();
}

interface FoundIndex {
  /** Qualified and quoted. */
  readonly name: string;
  readonly valid: boolean;
}

async function findIndex(
  session: Session,
  table: ObjectName,
  index: string,
): Promise<FoundIndex | undefined> {
  const [row] = await session.query<FoundIndex>(
    `select pg_catalog.format('%I.%I', n.nspname, c.relname) as name, i.indisvalid as valid
       from pg_catalog.pg_class t
       join pg_catalog.pg_index i on i.indrelid = t.oid
       join pg_catalog.pg_class c on c.oid = i.indexrelid
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where t.oid = pg_catalog.to_regclass($1) and c.relname = $2`,
    [qualified(table), index],
  );
  return row;
}

async function exists(session: Session, name: ObjectName): Promise<boolean> {
  const [row] = await session.query<{ exists: boolean }>(
    "select pg_catalog.to_regclass($1) is not null as exists",
    [qualified(name)],
  );
  return row?.exists === true;
}

function qualified({ schema, name }: ObjectName): string {
  return schema === undefined ? quoteIdent(name) : `${quoteIdent(schema)}.${quoteIdent(name)}`;
}

/** Statements that mean the same when they run a second time. */
const REPEATABLE = /^(?:vacuum|analyze|reindex|cluster|alter\s+system|refresh|discard)\b/i;
const IDEMPOTENT = /\bif\s+(?:not\s+)?exists\b|^create\s+or\s+replace\b/i;

/**
 * What became of a statement that an earlier process did not live to see the end of. The old backend is
 * gone: it held the lock that we hold now.
 */
export async function findUnknownOutcome(
  session: Session,
  statement: SqlStatement,
): Promise<"done" | "again" | "unknown"> {
  const { concurrent } = classifyStatement(statement);
  switch (concurrent?.kind) {
    case "create index": {
      if (concurrent.index === undefined) return "unknown";
      const found = await findIndex(session, concurrent.table, concurrent.index);
      return found?.valid === true ? "done" : "again";
    }
    case "drop index": {
      const [index] = concurrent.indexes;
      if (index === undefined) return "unknown";
      return (await exists(session, index)) ? "again" : "done";
    }
    case "reindex":
      return "again";
    case "detach partition":
      return detachOutcome(session, concurrent.parent, concurrent.partition);
    default:
      return REPEATABLE.test(statement.text) || IDEMPOTENT.test(statement.text) ? "again" : "unknown";
  }
}

async function detachOutcome(
  session: Session,
  parent: ObjectName,
  partition: ObjectName,
): Promise<"done" | "again" | "unknown"> {
  const [row] = await session.query<{ pending: boolean }>(
    `select inhdetachpending as pending from pg_catalog.pg_inherits
      where inhparent = pg_catalog.to_regclass($1) and inhrelid = pg_catalog.to_regclass($2)`,
    [qualified(parent), qualified(partition)],
  );
  if (row === undefined) return "done";
  if (!row.pending) return "again";
  await session.execute(`alter table ${qualified(parent)} detach partition ${qualified(partition)} finalize`);
  return "done";
}
