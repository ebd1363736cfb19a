import { isOff } from "./concurrent.ts";
import { TokenCursor } from "./cursor.ts";
import { Lexer } from "./lexer.ts";

/** Why PostgreSQL refuses a statement in a transaction block. */
export interface Refusal {
  /** The statement's name as PostgreSQL's error 25001 has it, with a word on the reason where it has none. */
  readonly reason: string;
  /** False where it depends on what the database holds, or on which way a body takes. */
  readonly always: boolean;
}

const SLOT_FUNCTION = /\bpg_create_logical_replication_slot\s*\(/i;
const BODY_STATEMENT_BEGINS: ReadonlySet<string> = new Set([";", "begin", "then", "else", "loop"]);

/**
 * Why the statement can't run in a transaction block, undefined when it can (PostgreSQL 14 to 18, and
 * REPACK of 19). What only the catalogs know, such as REINDEX of a partitioned table, isn't found.
 */
export function findRefusal(sql: string): Refusal | undefined {
  const cursor = new TokenCursor(sql);
  const verb = cursor.word();
  cursor.take();
  switch (verb) {
    case "create":
      return ofCreate(cursor);
    case "drop":
      return ofDrop(cursor);
    case "alter":
      return ofAlter(cursor);
    case "reindex":
      return ofReindex(cursor);
    case "vacuum":
      return always("VACUUM");
    case "cluster":
    case "repack":
      return ofRewrite(verb, cursor);
    case "discard":
      return cursor.word() === "all" ? always("DISCARD ALL") : undefined;
    case "commit":
    case "end":
      return cursor.word() === "prepared" ? always("COMMIT PREPARED") : undefined;
    case "rollback":
    case "abort":
      return cursor.word() === "prepared" ? always("ROLLBACK PREPARED") : undefined;
    case "do":
      return ofDo(cursor);
    case "call":
      return ofCall(cursor);
    case "select":
      return SLOT_FUNCTION.test(sql)
        ? sometimes("pg_create_logical_replication_slot() behind a write")
        : undefined;
    default:
      return undefined;
  }
}

function always(reason: string): Refusal {
  return { reason, always: true };
}

function sometimes(reason: string): Refusal {
  return { reason, always: false };
}

function ofCreate(cursor: TokenCursor): Refusal | undefined {
  cursor.skip("unique");
  if (cursor.skip("index", "concurrently")) return always("CREATE INDEX CONCURRENTLY");
  if (cursor.skip("database")) return always("CREATE DATABASE");
  if (cursor.skip("tablespace")) return always("CREATE TABLESPACE");
  if (cursor.skip("subscription")) return ofCreateSubscription(cursor);
  if (cursor.skip("materialized", "view")) return ofContinuousAggregate(cursor);
  return undefined;
}

function ofCreateSubscription(cursor: TokenCursor): Refusal | undefined {
  const options = cursor.skipTo("with") ? cursor.options() : new Map<string, string>();
  const off = (name: string) => isOff(options.get(name) ?? "true");
  return off("connect") || off("create_slot")
    ? undefined
    : always("CREATE SUBSCRIPTION ... WITH (create_slot = true)");
}

/** TimescaleDB fills a continuous aggregate in transactions of its own. */
function ofContinuousAggregate(cursor: TokenCursor): Refusal | undefined {
  if (!cursor.skipTo("with") || !cursor.skip("(", "timescaledb", ".", "continuous")) return undefined;
  while (cursor.skipTo("with")) {
    if (cursor.skip("no", "data")) return undefined;
  }
  return always("CREATE MATERIALIZED VIEW ... WITH DATA of TimescaleDB");
}

function ofDrop(cursor: TokenCursor): Refusal | undefined {
  if (cursor.skip("index", "concurrently")) return always("DROP INDEX CONCURRENTLY");
  if (cursor.skip("database")) return always("DROP DATABASE");
  if (cursor.skip("tablespace")) return always("DROP TABLESPACE");
  if (cursor.skip("subscription")) return sometimes("DROP SUBSCRIPTION of one with a replication slot");
  return undefined;
}

function ofAlter(cursor: TokenCursor): Refusal | undefined {
  if (cursor.skip("system")) return always("ALTER SYSTEM");
  if (cursor.skip("database")) {
    cursor.name();
    return cursor.skip("set", "tablespace") ? always("ALTER DATABASE SET TABLESPACE") : undefined;
  }
  if (cursor.skip("subscription")) {
    cursor.name();
    return ofAlterSubscription(cursor);
  }
  if (!cursor.skip("table")) return undefined;
  cursor.skip("if", "exists");
  cursor.skip("only");
  cursor.name();
  cursor.skip("*");
  if (!cursor.skip("detach", "partition")) return undefined;
  cursor.name();
  return cursor.skip("concurrently") ? always("ALTER TABLE ... DETACH CONCURRENTLY") : undefined;
}

function ofAlterSubscription(cursor: TokenCursor): Refusal | undefined {
  if (cursor.skip("refresh")) return always("ALTER SUBSCRIPTION ... REFRESH");
  const verb = cursor.word();
  if (verb !== "set" && verb !== "add" && verb !== "drop") return undefined;
  cursor.take();
  if (cursor.skip("publication")) {
    const options = cursor.skipTo("with") ? cursor.options() : new Map<string, string>();
    return isOff(options.get("refresh") ?? "true") ? undefined : always("ALTER SUBSCRIPTION with refresh");
  }
  const options = cursor.options();
  if (options.has("failover")) return sometimes("ALTER SUBSCRIPTION ... SET (failover)");
  if (options.has("two_phase")) return sometimes("ALTER SUBSCRIPTION ... SET (two_phase)");
  return undefined;
}

function ofReindex(cursor: TokenCursor): Refusal | undefined {
  const option = cursor.options().get("concurrently");
  const target = cursor.word();
  cursor.take();
  if (cursor.skip("concurrently") || (option !== undefined && !isOff(option))) {
    return always("REINDEX CONCURRENTLY");
  }
  return target === "schema" || target === "database" || target === "system"
    ? always(`REINDEX ${target.toUpperCase()}`)
    : undefined;
}

/** CLUSTER and REPACK rewrite one table in a block, but all tables only outside. */
function ofRewrite(verb: string, cursor: TokenCursor): Refusal | undefined {
  const option = cursor.options().get("concurrently");
  cursor.skip("verbose");
  if (option !== undefined && !isOff(option)) return always(`${verb.toUpperCase()} (CONCURRENTLY)`);
  return cursor.atEnd ? always(`${verb.toUpperCase()} without a table`) : undefined;
}

function ofDo(cursor: TokenCursor): Refusal | undefined {
  while (!cursor.atEnd) {
    const body = cursor.literal();
    if (body !== undefined) {
      return endsTransaction(body) ? sometimes("DO with COMMIT or ROLLBACK in it") : undefined;
    }
    cursor.take();
  }
  return undefined;
}

/** Whether COMMIT or ROLLBACK begins a statement of a PL/pgSQL body. */
function endsTransaction(body: string): boolean {
  const lexer = new Lexer(body);
  let previous = "";
  while (lexer.next()) {
    if (lexer.kind === "comment") continue;
    const word = body.slice(lexer.start, lexer.end).toLowerCase();
    if ((word === "commit" || word === "rollback") && BODY_STATEMENT_BEGINS.has(previous)) return true;
    previous = word;
  }
  return false;
}

/** Procedures of TimescaleDB known to commit. Of others only a directive can tell. */
function ofCall(cursor: TokenCursor): Refusal | undefined {
  const name = cursor.name()?.name;
  return name === "refresh_continuous_aggregate" || name === "run_job"
    ? always(`CALL ${name}() of TimescaleDB`)
    : undefined;
}
