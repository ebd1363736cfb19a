import { expect, inject, type TestContext, test } from "vitest";
import type { Between } from "../support/between.ts";
import { onEachServer, openTestDatabase, type TestDatabase, type TestRole } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { findPgBouncer, openPgBouncer } from "../support/pgbouncer.ts";
import type { TestServer } from "../support/server.ts";
import { lastLineOf, messagesOf, runSlipway } from "../support/slipway.ts";

/** What PgBouncer does, does not depend on the server behind it. */
function onNewestServer(
  name: string,
  body: (server: TestServer, context: TestContext) => Promise<void>,
): void {
  const [newest] = inject("servers");
  test(name, (context) => body(newest as TestServer, context));
}

const MIGRATIONS = writeFolder({ "1_a.up.sql": "create table a (id int);" });
// PgBouncer refuses a client's settings unless it is told to drop them.
const DROPS_SETTINGS = "ignore_startup_parameters = options, extra_float_digits";

async function throughPgBouncer(
  server: TestServer,
  context: TestContext,
  settings: readonly string[],
  body: (pooler: Between, database: TestDatabase, role: TestRole) => Promise<void>,
  timeZone = "UTC",
): Promise<void> {
  const program = findPgBouncer();
  if (program === undefined) return context.skip("PgBouncer is not installed (apt-get install pgbouncer)");
  await using database = await openTestDatabase(server);
  const role = await database.createRole();
  await database.query(`grant create on database ${database.name} to ${role.name}`);
  await database.query(`grant create on schema public to ${role.name}`);
  await database.query(`alter role ${role.name} set timezone = '${timeZone}'`);
  await using pooler = await openPgBouncer(program, database, role, settings);
  await body(pooler, database, role);
}

const run = (database: { readonly url: string }) =>
  runSlipway(["run"], { database, migrations: MIGRATIONS, env: { SLIPWAY_SCHEMA_PATH: "" } });

const changedIn = (database: TestDatabase): Promise<unknown> =>
  database.value(`
    select (select count(*) from pg_class where oid >= 16384 and relnamespace::regnamespace::text !~ '^pg_')
         + (select count(*) from pg_namespace where nspname = 'migrations')
         + (select count(*) from pg_locks where locktype = 'advisory'
             and database = (select oid from pg_database where datname = current_database()))`);

const TRANSACTION = {
  "last used first": ["pool_mode = transaction", DROPS_SETTINGS],
  "in turn": ["pool_mode = transaction", DROPS_SETTINGS, "server_round_robin = 1", "min_pool_size = 3"],
  "by the statement": ["pool_mode = statement", DROPS_SETTINGS],
  "a pool of one": ["pool_mode = transaction", DROPS_SETTINGS, "default_pool_size = 1"],
};

for (const [name, settings] of Object.entries(TRANSACTION)) {
  onNewestServer(
    `PgBouncer that hands out sessions by the transaction, ${name}: exit 36`,
    (server, context) =>
      throughPgBouncer(server, context, settings, async (pooler, database) => {
        const refused = await run(pooler);

        expect(refused).toExit(36);
        expect(lastLineOf(refused).msg).toMatch(/transaction pooler.*directly to the server \(not PgBouncer/);
        expect(await changedIn(database)).toBe("0");
      }),
  );
}

onNewestServer(
  "PgBouncer as it comes refuses the session's settings: exit 36, named as a pooler",
  (server, context) =>
    throughPgBouncer(server, context, ["pool_mode = session"], async (pooler, database) => {
      const refused = await run(pooler);

      expect(refused).toExit(36);
      expect(lastLineOf(refused).msg).toMatch(/connection pooler.*startup parameter.*directly to the server/);
      expect(await changedIn(database)).toBe("0");
    }),
);

onNewestServer(
  "PgBouncer in session mode works, and the settings that it drops are named",
  (server, context) =>
    throughPgBouncer(
      server,
      context,
      ["pool_mode = session", DROPS_SETTINGS],
      async (pooler, _database, role) => {
        const first = await run(pooler);
        const again = await run(pooler);
        const directly = await run(role);

        expect(first).toExit(0);
        expect(first.lines).toContainEqual(
          expect.objectContaining({
            level: "warn",
            msg: expect.stringMatching(/pooler/),
            dropped: expect.stringMatching(/idle_in_transaction_session_timeout.*statement_timeout/),
          }),
        );
        for (const result of [again, directly])
          expect(messagesOf(result)).toContain("Everything is up to date");
      },
    ),
);

onNewestServer(
  "PgBouncer that drops the settings which constants are written by: exit 36, with what gives them to the role",
  (server, context) =>
    throughPgBouncer(
      server,
      context,
      ["pool_mode = session", DROPS_SETTINGS],
      async (pooler, database, role) => {
        const refused = await run(pooler);

        expect(refused).toExit(36);
        expect(lastLineOf(refused).msg).toMatch(
          new RegExp(`TimeZone is Asia/Tokyo.*alter role ${role.name} set TimeZone = 'UTC'`),
        );
        expect(await changedIn(database)).toBe("0");
      },
      "Asia/Tokyo",
    ),
);

onEachServer(
  "a role that may not use the records of another role's runs: exit 36, with the grants",
  async (server) => {
    await using database = await openTestDatabase(server);
    const role = await database.createRole();
    await run(database);

    const refused = await run(role);
    const [, grants] = /as that owner: (.*)/.exec(String(lastLineOf(refused)["next"])) ?? [];
    await database.query(grants ?? "");
    const granted = await run(role);

    expect(refused).toExit(36);
    expect(lastLineOf(refused).msg).toMatch(/may not use the records in schema "migrations"/);
    expect(granted).toExit(0);
  },
);
