import { fileURLToPath } from "node:url";
import { expect, inject, test } from "vitest";
import { openListener } from "../support/between.ts";
import { readLedger, snapshotRecords } from "../support/catalog.ts";
import { onEachServer, openTestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { lastLineOf, messagesOf, runSlipway } from "../support/slipway.ts";

const BUNDLED = fileURLToPath(new URL("../../schema", import.meta.url));
const SHOP = fileURLToPath(new URL("../../examples/shop/migrations", import.meta.url));

const CONTRACT_LINES = [
  "Running bootstrap SQL...",
  "Bootstrap completed successfully",
  "Applying declarative schema...",
  "Schema applied successfully",
  "Running user migrations...",
  "Migrations applied successfully",
  "Database schema management completed",
];

const UP_TO_DATE = ["Everything is up to date", "Database schema management completed"];

test("the suite runs on an older PostgreSQL as well", (context) => {
  const reason = inject("skippedServer");

  context.skip(reason !== "", reason);

  expect(inject("servers").length).toBeGreaterThan(1);
});

onEachServer(
  "a fresh install of the bundled schema and the example shop, then nothing to do",
  async (server) => {
    await using database = await openTestDatabase(server);
    await using listener = await openListener(database);
    const files = { schema: BUNDLED, migrations: SHOP };

    const first = await runSlipway(["run"], { database, ...files });
    const before = await snapshotRecords(database);
    const second = await runSlipway(["run"], { database: listener, ...files });
    const after = await snapshotRecords(database);
    const planned = await runSlipway(["plan"], { database, ...files });

    expect(first).toExit(0);
    expect(messagesOf(first).filter((message) => CONTRACT_LINES.includes(message))).toEqual(CONTRACT_LINES);
    expect(first.lines.find(({ msg }) => msg === "Running user migrations...")).toMatchObject({
      level: "info",
      path: SHOP,
    });
    expect(first.lines.find(({ msg }) => msg === "Migrations applied successfully")).toMatchObject({
      source: "user",
      version: 11,
    });
    expect(await database.value("select count(*)::int from auth.users")).toBe(0);
    expect(await database.value("select count(*)::int > 0 from shop.categories")).toBe(true);
    expect(await readLedger(database)).toHaveLength(11);
    expect(second).toExit(0);
    expect(messagesOf(second)).toEqual(UP_TO_DATE);
    expect(after).toEqual(before);
    expect(listener.connections).toHaveLength(1);
    const asked = listener.connections.flatMap(({ sql }) => sql);
    expect(asked.length).toBeLessThanOrEqual(2);
    expect(asked.join("\n")).not.toMatch(
      /pg_try_advisory|\b(insert into|delete from|begin|create (table|schema))\b/i,
    );
    expect(planned).toExit(0);
    expect(planned.stdout).toBe("Everything is up to date\n");
  },
);

onEachServer(
  "the bundled schema installs as an ordinary role, once an administrator made the roles it needs",
  async (server) => {
    await using database = await openTestDatabase(server);
    const owner = await database.createRole();
    await database.query(`grant create on database ${database.name} to ${owner.name}`);
    const attributes = { anon: "", authenticated: "", service_role: "bypassrls" };
    for (const [role, attribute] of Object.entries(attributes)) {
      // Another test's bundled schema may make it at the same moment.
      await database.query(
        `do $$ begin create role ${role} nologin noinherit ${attribute}; exception when duplicate_object or unique_violation then null; end $$`,
      );
      await database.query(`grant ${role} to ${owner.name}`);
    }

    const run = await runSlipway(["run"], { database: owner, schema: BUNDLED, migrations: SHOP });
    const again = await runSlipway(["run"], { database: owner, schema: BUNDLED, migrations: SHOP });

    expect(run).toExit(0);
    expect(messagesOf(again)).toEqual(UP_TO_DATE);
  },
);

onEachServer("the log of a first run reads for people as the contract has it", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder({
    "bootstrap.sql": "create schema if not exists app;",
    "schemas/10_app.sql": "create table app.things (id int primary key);",
  });
  const migrations = writeFolder({ "003_data.up.sql": "insert into app.things values (1);" });

  const run = await runSlipway(["run"], {
    database,
    schema,
    migrations,
    env: { SLIPWAY_LOG_FORMAT: "pretty" },
  });

  expect(run).toExit(0);
  expect(run.stdout).toBe("");
  expect(run.stderr.trimEnd().split("\n")).toEqual([
    "INFO Running bootstrap SQL...",
    "INFO Bootstrap completed successfully",
    "INFO Applying declarative schema...",
    "INFO Schema applied successfully",
    `INFO Running user migrations... path=${migrations}`,
    "INFO Migrations applied successfully source=user version=3",
    "INFO Database schema management completed",
  ]);
});

onEachServer(
  "a run leaves a row that tells outcome, phases with durations, pod and version",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder({ "7_seven.up.sql": "create table app.seven ();" });

    const run = await runSlipway(["run", "--json"], { database, migrations, env: { POD_NAME: "shop-7d9f" } });

    expect(run).toExit(0);
    const report = JSON.parse(run.stdout);
    const [row] = await database.query("select * from migrations.runs");
    expect(row).toMatchObject({
      id: report.runId,
      command: "run",
      status: "done",
      pod: "shop-7d9f",
      user_version: "7",
    });
    expect(row?.["release"]).toMatch(/^\d+\.\d+\.\d+/);
    expect(row?.["phases"]).toMatchObject([
      { phase: "bootstrap", outcome: "skipped", durationMs: expect.any(Number) },
      { phase: "declarative", outcome: "applied", durationMs: expect.any(Number) },
      { phase: "user", outcome: "applied", changes: 1, durationMs: expect.any(Number) },
    ]);
    expect(report).toMatchObject({ result: "applied", userVersion: "7" });
    expect(report.runId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  },
);

onEachServer("an empty schema path turns bootstrap and the declarative schema off", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({ "1_one.up.sql": "create table public.one ();" });

  const run = await runSlipway(["run"], { database, schema: "", migrations });
  const again = await runSlipway(["run"], { database, schema: "", migrations });

  expect(run).toExit(0);
  expect(messagesOf(run)).toEqual(CONTRACT_LINES.slice(4));
  expect(await database.value("select count(*)::int from migrations.declarative_state")).toBe(0);
  expect(messagesOf(again)).toEqual(UP_TO_DATE);
});

onEachServer("the records go to the schema that SLIPWAY_STATE_SCHEMA names", async (server) => {
  await using database = await openTestDatabase(server);
  const env = { SLIPWAY_STATE_SCHEMA: "slipway_state" };

  const run = await runSlipway(["run"], { database, env });
  const again = await runSlipway(["run"], { database, env });

  expect(run).toExit(0);
  expect(messagesOf(again)).toEqual(UP_TO_DATE);
  const schemas = await database.query(
    "select nspname from pg_namespace where nspname in ('migrations', 'slipway_state')",
  );
  expect(schemas).toEqual([{ nspname: "slipway_state" }]);
});

onEachServer("the records carry the stamp that says whose they are", async (server) => {
  await using database = await openTestDatabase(server);

  await runSlipway(["run"], { database });

  expect(await database.value("select obj_description('migrations'::regnamespace, 'pg_namespace')")).toMatch(
    /slipway.*layout \d+/,
  );
  const tables = await database.query<{ name: string }>(
    "select relname as name from pg_class where relnamespace = 'migrations'::regnamespace and relkind = 'r' order by 1",
  );
  expect(tables.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["app", "app_log", "declarative_state", "runs"]),
  );
});

onEachServer("the records are nobody's to read but their owner's", async (server) => {
  await using database = await openTestDatabase(server);
  const role = await database.createRole();

  await runSlipway(["run"], { database });

  const readable = await database.query(
    "select relname from pg_class where relnamespace = 'migrations'::regnamespace and relkind = 'r' and has_table_privilege($1, oid, 'select')",
    [role.name],
  );
  expect(readable).toEqual([]);
});

onEachServer("status tells version, runs and failures, as text and as JSON", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({
    "1_one.up.sql": "create table app.one ();",
    "2_two.up.sql": "create table app.one ();",
  });
  await runSlipway(["run"], { database, migrations });

  const text = await runSlipway(["status"], { database, migrations });
  const json = await runSlipway(["status", "--json"], { database, migrations });
  const check = await runSlipway(["status", "--check"], { database, migrations });

  expect(text).toExit(0);
  expect(text.stdout).toMatch(/migrations +version 1: 1 applied, 1 failed, 0 pending/);
  expect(text.stdout).toMatch(/2_two: 42P07 relation "one" already exists/);
  expect(JSON.parse(json.stdout)).toMatchObject({
    migrations: { version: "1", applied: 1, failed: [{ name: "2_two" }] },
    runs: [{ status: "failed", errorCode: "STATEMENT_FAILED" }],
  });
  expect(check).toExit(3);
});

onEachServer("status, plan and status --check before the first run write nothing", async (server) => {
  await using database = await openTestDatabase(server);

  const status = await runSlipway(["status"], { database });
  const check = await runSlipway(["status", "--check"], { database });
  const plan = await runSlipway(["plan"], { database });

  expect(status).toExit(0);
  expect(status.stdout).toMatch(/nothing applied yet/);
  expect(check).toExit(3);
  expect(plan).toExit(3);
  expect(
    await database.value("select count(*)::int from pg_namespace where nspname in ('migrations', 'app')"),
  ).toBe(0);
});

onEachServer("a password reaches neither log nor records nor the session's name", async (server) => {
  await using database = await openTestDatabase(server);
  const role = await database.createRole("superuser");
  const secret = "kept-to-ourselves";
  await database.query(`alter role ${role.name} password '${secret}'`);
  const url = role.url.replace("the-role's-own", secret);
  const migrations = writeFolder({
    "1_login.up.sql": `select pg_sleep(0.2);\ncreate role ${role.name} login password '${secret}';`,
  });

  const run = await runSlipway(["run"], {
    database: { url },
    migrations,
    env: { SLIPWAY_LOG_LEVEL: "trace" },
  });
  const config = await runSlipway(["config"], { database: { url } });

  expect(run).toExit(30);
  expect(`${run.stderr}${run.stdout}${config.stdout}`).not.toContain(secret);
  const kept = await database.query(
    "select r::text from migrations.runs r union all select a::text from migrations.app a",
  );
  expect(JSON.stringify(kept)).not.toContain(secret);
  expect(lastLineOf(run).msg).toMatch(/^STATEMENT_FAILED \(exit 30\): .*42710/);
});

onEachServer(
  "a log level above info says nothing of a run that went well, and a failure all the same",
  async (server) => {
    await using database = await openTestDatabase(server);
    const env = { SLIPWAY_LOG_LEVEL: "warn" };

    const run = await runSlipway(["run"], { database, env });
    const failed = await runSlipway(["run"], {
      database,
      env,
      migrations: writeFolder({ "1_a.up.sql": "select 1 / 0;" }),
    });

    expect(run).toExit(0);
    expect(`${run.stdout}${run.stderr}`).toBe("");
    expect(failed).toExit(30);
    expect(failed.lines).toHaveLength(1);
  },
);

onEachServer(
  "a statement that takes longer than SLIPWAY_STATEMENT_TIMEOUT has failed, with a word on why",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder({ "1_slow.up.sql": "select pg_sleep(5);" });

    const run = await runSlipway(["run"], {
      database,
      migrations,
      env: { SLIPWAY_STATEMENT_TIMEOUT: "300ms" },
    });

    expect(run).toExit(30);
    expect(lastLineOf(run).msg).toMatch(
      /57014 canceling statement due to statement timeout.*SLIPWAY_STATEMENT_TIMEOUT/,
    );
  },
);
