import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { openSessionPooler, openStrictPooler, openTransactionPooler } from "../support/between.ts";
import { onEachServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import {
  createCluster,
  makeServerFolder,
  runProgram,
  startServer,
  type TestServer,
  urlOf,
} from "../support/server.ts";
import { lastLineOf, messagesOf, runSlipway, startSlipway } from "../support/slipway.ts";
import { waitFor } from "../support/wait.ts";

const BOOTSTRAP = writeFolder({
  "bootstrap.sql": "create schema if not exists app;",
  "schemas/10.sql": "create table app.t (id int);",
});

const relationsOf = (database: TestDatabase): Promise<unknown[]> =>
  database.query(
    "select oid::regclass::text as name from pg_class where oid >= 16384 and relkind in ('r', 'v', 'S') and relnamespace::regnamespace::text !~ '^pg_' order by 1",
  );

/** A standby that follows the server where the tools for one are at hand, else one that waits for WAL alone. */
async function openStandby(server: TestServer): ReturnType<typeof createCluster> {
  const { bin, account, password } = server;
  const folder = join(server.folder, `standby-${Date.now()}`);
  const basebackup = join(bin, "pg_basebackup");
  if (!existsSync(basebackup)) return createCluster({ bin, folder, account, standby: true });
  makeServerFolder(folder, account);
  const primary = urlOf(server, "postgres");
  runProgram(
    basebackup,
    ["-d", primary, "-D", join(folder, "data"), "-R", "-X", "stream", "-c", "fast", "--no-sync"],
    account,
  );
  return startServer({ bin, folder, account, password });
}

onEachServer("a read-only standby: exit 36, nothing waited for", async (server) => {
  await using standby = await openStandby(server);

  const run = await runSlipway(["run"], { database: { url: urlOf(standby, "postgres") } });

  expect(run).toExit(36);
  expect(lastLineOf(run).msg).toMatch(/read-only standby.*DATABASE_URL to the primary/);
  expect(run.ms).toBeLessThan(10_000);
});

onEachServer("a database whose transactions are read-only by default: exit 36", async (server) => {
  await using database = await openTestDatabase(server);
  await database.query(`alter database ${database.name} set default_transaction_read_only = on`);

  const run = await runSlipway(["run"], { database, schema: BOOTSTRAP });

  expect(run).toExit(36);
  expect(lastLineOf(run).msg).toMatch(/default_transaction_read_only/);
  expect(await relationsOf(database)).toEqual([]);
});

onEachServer(
  "a schema migrations of somebody else's is not taken over: exit 36, and how to go on works",
  async (server) => {
    await using database = await openTestDatabase(server);
    await database.query(
      "create schema migrations; create table migrations.app (id int, note text); insert into migrations.app values (1, 'theirs')",
    );

    const run = await runSlipway(["run"], { database, schema: BOOTSTRAP });
    const plan = await runSlipway(["plan"], { database, schema: BOOTSTRAP });
    const before = await relationsOf(database);
    const elsewhere = await runSlipway(["run"], {
      database,
      schema: BOOTSTRAP,
      env: { SLIPWAY_STATE_SCHEMA: "slipway" },
    });

    for (const result of [run, plan]) {
      expect(result).toExit(36);
      expect(lastLineOf(result).msg).toMatch(
        /"migrations" holds tables that are not slipway's \(app\).*SLIPWAY_STATE_SCHEMA/,
      );
    }
    expect(before).toEqual([{ name: "migrations.app" }]);
    expect(elsewhere).toExit(0);
    expect(await database.query("select * from migrations.app")).toEqual([{ id: 1, note: "theirs" }]);
  },
);

onEachServer("the history of another tool in schema migrations: exit 35", async (server) => {
  await using database = await openTestDatabase(server);
  await database.query(
    "create schema migrations; create table migrations.app (id int, name text, up_sql text, down_sql text)",
  );

  const run = await runSlipway(["run"], { database, schema: BOOTSTRAP });

  expect(run).toExit(35);
  expect(lastLineOf(run).msg).toMatch(/another tool/);
  expect(await relationsOf(database)).toEqual([{ name: "migrations.app" }]);
});

onEachServer("an empty schema migrations that a person made is used", async (server) => {
  await using database = await openTestDatabase(server);
  await database.query("create schema migrations");

  const run = await runSlipway(["run"], { database, schema: BOOTSTRAP });

  expect(run).toExit(0);
});

onEachServer(
  "records of a newer slipway: exit 34 from every command, and nothing is written",
  async (server) => {
    await using database = await openTestDatabase(server);
    await runSlipway(["run"], { database, schema: BOOTSTRAP });
    await database.query(
      "comment on schema migrations is 'slipway records, layout 999; written by slipway, do not edit'",
    );
    const runs = await database.query("select id, xmin::text from migrations.runs");

    const results = await Promise.all(
      ["run", "plan", "status"].map((command) => runSlipway([command], { database, schema: BOOTSTRAP })),
    );

    for (const result of results) {
      expect(result).toExit(34);
      expect(lastLineOf(result).msg).toMatch(/layout 999/);
    }
    expect(await database.query("select id, xmin::text from migrations.runs")).toEqual(runs);
  },
);

onEachServer(
  "a role without CREATE on the database is told which privilege it lacks, and what grants it",
  async (server) => {
    await using database = await openTestDatabase(server);
    const role = await database.createRole();

    const run = await runSlipway(["run"], { database: role, schema: BOOTSTRAP });
    await database.query(`grant create on database ${database.name} to ${role.name}`);
    const granted = await runSlipway(["run"], { database: role, schema: BOOTSTRAP });

    expect(run).toExit(36);
    expect(lastLineOf(run).msg).toMatch(
      new RegExp(
        `role "${role.name}" lacks the CREATE privilege on database "${database.name}".*grant create on database "${database.name}" to "${role.name}"`,
      ),
    );
    expect(granted).toExit(0);
  },
);

onEachServer(
  "a bootstrap.sql that needs more rights than the role has says so, and leaves nothing",
  async (server) => {
    await using database = await openTestDatabase(server);
    const role = await database.createRole();
    await database.query(`grant create on database ${database.name} to ${role.name}`);
    const wanted = database.nameRole();
    const schema = writeFolder({ "bootstrap.sql": `create schema app;\ncreate role ${wanted};` });

    const run = await runSlipway(["run"], { database: role, schema });

    expect(run).toExit(30);
    expect(lastLineOf(run)).toMatchObject({
      why: expect.stringMatching(/^42501 permission denied/),
      where: expect.stringMatching(/bootstrap\.sql:2:1/),
    });
    expect(await database.value("select count(*)::int from pg_namespace where nspname = 'app'")).toBe(0);
  },
);

onEachServer("a transaction pooler: exit 36, and no advisory lock is left in its session", async (server) => {
  await using database = await openTestDatabase(server);
  await using pooler = await openTransactionPooler(database);

  const run = await runSlipway(["run"], { database: pooler, schema: BOOTSTRAP });

  expect(run).toExit(36);
  expect(lastLineOf(run).msg).toMatch(/transaction pooler.*directly to the server/);
  expect(
    await database.value(
      "select count(*)::int from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
    ),
  ).toBe(0);
  expect(await relationsOf(database)).toEqual([]);
});

onEachServer("a pooler that refuses startup settings: exit 36, named as a pooler", async (server) => {
  await using database = await openTestDatabase(server);
  await using pooler = await openStrictPooler(database);

  const run = await runSlipway(["run"], { database: pooler, schema: BOOTSTRAP });

  expect(run).toExit(36);
  expect(lastLineOf(run).msg).toMatch(/connection pooler/);
});

onEachServer("a session pooler works, with a warning", async (server) => {
  await using database = await openTestDatabase(server);
  await using pooler = await openSessionPooler(database);

  const run = await runSlipway(["run"], { database: pooler, schema: BOOTSTRAP });
  const again = await runSlipway(["run"], { database: pooler, schema: BOOTSTRAP });

  expect(run).toExit(0);
  expect(run.lines).toContainEqual(
    expect.objectContaining({ level: "warn", msg: expect.stringMatching(/pooler/) }),
  );
  expect(messagesOf(again)).toContain("Everything is up to date");
});

onEachServer("a server that comes up later is waited for, by its startup's words too", async (server) => {
  const { bin, account } = server;
  const folder = join(server.folder, `late-${Date.now()}`);
  const { port, password, ...created } = await createCluster({ bin, folder, account });
  await created[Symbol.asyncDispose]();
  await using slipway = startSlipway(["run"], {
    database: { url: urlOf({ port, password }, "postgres") },
    schema: BOOTSTRAP,
  });
  await waitFor(() => slipway.stderr().includes("Waiting for the database"));

  await using _late = await startServer({ bin, folder, account, password, port });
  const run = await slipway.result;

  expect(run).toExit(0);
});
