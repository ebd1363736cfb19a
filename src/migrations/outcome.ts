import type { Session } from "../postgres/session.ts";
import { classifyStatement } from "../sql/classify.ts";
import { type ObjectName, TokenCursor } from "../sql/cursor.ts";
import type { SqlStatement } from "../sql/split.ts";
import { findIndex, qualified } from "./concurrent-index.ts";

/** `again`: it took no effect, or may take it twice. */
export type Outcome = "done" | "again" | "unknown";

/**
 * What became of a statement that an earlier process did not live to see the end of. The old backend is
 * gone: it held the lock that we hold now.
 */
export async function findUnknownOutcome(session: Session, statement: SqlStatement): Promise<Outcome> {
  const { concurrent, addsEnumValue } = classifyStatement(statement);
  if (addsEnumValue !== undefined) {
    const { type, value } = addsEnumValue;
    return effectOf(
      session,
      "select from pg_catalog.pg_enum where enumtypid = pg_catalog.to_regtype($1) and enumlabel = $2",
      [qualified(type), value],
    );
  }
  switch (concurrent?.kind) {
    case "create index": {
      // Without a name there is nothing to look for: another index of the same columns may have been there before.
      if (concurrent.index === undefined) return "unknown";
      const found = await findIndex(session, concurrent.table, concurrent.index);
      return found?.valid === true ? "done" : "again";
    }
    case "drop index": {
      const [index] = concurrent.indexes;
      if (index === undefined) return "unknown";
      const exists = await effectOf(session, "select where pg_catalog.to_regclass($1) is not null", [
        qualified(index),
      ]);
      return exists === "done" ? "again" : "done";
    }
    case "reindex":
      return "again";
    case "detach partition":
      return detachOutcome(session, concurrent.parent, concurrent.partition);
    default:
      return mayRunTwice(statement.text) ? "again" : outcomeInCluster(session, statement.text);
  }
}

/** `done` when the question has a row as its answer. */
async function effectOf(session: Session, sql: string, parameters: readonly string[]): Promise<Outcome> {
  const rows = await session.query(sql, parameters);
  return rows.length > 0 ? "done" : "again";
}

/** A DETACH that was cancelled in its second half can only be finished; false where there is none of that. */
export async function finishDetach(session: Session, statement: SqlStatement): Promise<boolean> {
  const { concurrent } = classifyStatement(statement);
  if (concurrent?.kind !== "detach partition") return false;
  const names = [qualified(concurrent.parent), qualified(concurrent.partition)] as const;
  const rows = await session.query(
    `select from pg_catalog.pg_inherits where inhdetachpending
        and inhparent = pg_catalog.to_regclass($1) and inhrelid = pg_catalog.to_regclass($2)`,
    names,
  );
  if (rows.length === 0) return false;
  await session.execute(`alter table ${names[0]} detach partition ${names[1]} finalize`);
  return true;
}

async function detachOutcome(session: Session, parent: ObjectName, partition: ObjectName): Promise<Outcome> {
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

const CLUSTER_CATALOGS = {
  database: "select from pg_catalog.pg_database where datname = $1",
  tablespace: "select from pg_catalog.pg_tablespace where spcname = $1",
  subscription:
    "select from pg_catalog.pg_subscription where subname = $1 and subdbid = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())",
} as const;

/** Objects that can't be made or dropped in a transaction: there by their name, or not. */
async function outcomeInCluster(session: Session, text: string): Promise<Outcome> {
  const cursor = new TokenCursor(text);
  const isCreate = cursor.skip("create");
  if (!isCreate && !cursor.skip("drop")) return "unknown";
  const kind = (["database", "tablespace", "subscription"] as const).find((word) => cursor.skip(word));
  const name = kind === undefined ? undefined : cursor.name()?.name;
  if (kind === undefined || name === undefined) return "unknown";
  const isThere = (await effectOf(session, CLUSTER_CATALOGS[kind], [name])) === "done";
  return isThere === isCreate ? "done" : "again";
}

const REPEATABLE: ReadonlySet<string> = new Set([
  "alter system",
  "analyze",
  "checkpoint",
  "cluster",
  "comment on",
  "discard",
  "refresh",
  "reindex",
  "reset",
  "set",
  "vacuum",
]);

/** Whether it means the same when it runs a second time. */
function mayRunTwice(text: string): boolean {
  const cursor = new TokenCursor(text);
  const head = cursor.word();
  if (REPEATABLE.has(head) || REPEATABLE.has(`${head} ${cursor.word(1)}`)) return true;
  if (cursor.skip("create", "or", "replace")) return true;
  if (!cursor.skip("create") && !cursor.skip("drop")) return false;
  // Behind the words for the object's kind, of which there are five at most: create global temporary … table.
  for (let words = 0; words < 5 && !cursor.atEnd; words += 1) {
    if (cursor.skip("if", "exists") || cursor.skip("if", "not", "exists")) return true;
    cursor.take();
  }
  return false;
}
