import type { RunContext } from "../context.ts";
import { retryLocked, sayRetry } from "../postgres/retry.ts";
import type { Catalog, SchemaEngine } from "./engine/engine.ts";

/**
 * Reads the database as it is. PostgreSQL takes a lock on the tables behind a view to print it, so a session
 * with an ACCESS EXCLUSIVE lock keeps the reading waiting: for as long as DDL would wait, in as many
 * attempts, and with a word on who is in the way. Each attempt calls `meanwhile`, as the engine's reading does.
 */
export async function readCurrent(
  context: RunContext,
  engine: SchemaEngine,
  meanwhile?: () => void,
): Promise<Catalog> {
  const { session, config, signal, log, records } = context;
  const { lockTimeoutMs } = config;
  return retryLocked(
    session,
    { what: "reading the catalog", lockTimeoutMs, signal, onRetry: sayRetry(log) },
    () =>
      session.transaction(
        async () => {
          await session.execute(`set local lock_timeout = ${lockTimeoutMs}`);
          return engine.read(session, records.schemaName, meanwhile);
        },
        { begin: "begin isolation level repeatable read read only" },
      ),
  );
}
