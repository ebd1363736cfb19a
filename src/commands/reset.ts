import { SlipwayError } from "../errors.ts";
import { isDevelopment } from "../postgres/development.ts";
import { acquireRunLock } from "../postgres/lock.ts";
import type { Session } from "../postgres/session.ts";
import { quoteIdent } from "../sql/quote.ts";
import { requireYes } from "./confirm.ts";
import { sayWaiting } from "./context.ts";
import { createRunId } from "./run-id.ts";
import { type DatabaseEnvironment, openCommandSession } from "./session.ts";

export interface ResetOptions {
  /** Also empties schema public. */
  readonly full: boolean;
  readonly yes: boolean;
}

const FIND_SCHEMAS = `
select n.nspname::text as name
  from pg_catalog.pg_namespace n
 where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and ($1 or n.nspname <> 'public')
 order by 1`;

/**
 * `slipway reset`: drops every schema but `public` (`--full`: and what is in it), slipway's records among
 * them. Only in a database that a person marked as a development one.
 */
export async function resetCommand(environment: DatabaseEnvironment, options: ResetOptions): Promise<number> {
  const { config, log, signal } = environment;
  const { describe, database } = config.database;
  await using session = await openCommandSession(environment, createRunId());
  if (!(await isDevelopment(session))) throw notDevelopment(database);
  const schemas = await session.query<{ name: string }>(FIND_SCHEMAS, [options.full]);
  const names = schemas.map(({ name }) => name);
  await requireYes(
    environment,
    options.yes,
    `This drops ${names.length === 0 ? "nothing" : `the schemas ${names.join(", ")} with everything in them`} at ${describe}`,
    database,
  );
  await using lock = await acquireRunLock(session, {
    stateSchema: config.stateSchema,
    waitMs: config.lockWaitMs,
    signal,
    onWait: sayWaiting(environment),
    noLongerNeeded: async () => false,
  });
  void lock;
  await dropSchemas(session, names);
  log.info({ schemas: names }, "Database reset, `slipway run` starts over");
  return 0;
}

async function dropSchemas(session: Session, names: readonly string[]): Promise<void> {
  await session.transaction(async () => {
    for (const name of names) await session.execute(`drop schema ${quoteIdent(name)} cascade`);
    if (!names.includes("public")) return;
    await session.execute("create schema public; grant usage on schema public to public");
  });
}

function notDevelopment(database: string): SlipwayError {
  return new SlipwayError(
    "UNSAFE_DATABASE",
    `database "${database}" is not marked as a development database; nothing was dropped`,
    {
      next: `if it is one: alter database ${quoteIdent(database)} set slipway.environment = 'development'`,
    },
  );
}
