import { expect, inject, test } from "vitest";
import { findFreePort } from "../../src/commands/embedded-server.ts";
import { openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { findBackend, GATE, openGate, openGated } from "../support/gate.ts";
import type { TestServer } from "../support/server.ts";
import { lastLineOf, messagesOf, runSlipway, type SlipwayProcess, startSlipway } from "../support/slipway.ts";
import { waitFor } from "../support/wait.ts";

const ONE = writeFolder({ "1_one.up.sql": "create table public.one ();" });
const TWO = writeFolder({
  "1_one.up.sql": "create table public.one ();",
  "2_two.up.sql": "create table public.two ();",
});
const OLD = writeFolder({
  "schemas/10.sql": "create schema app; create table app.orders (id int primary key);",
});
const NEW = writeFolder({
  "schemas/10.sql": "create schema app; create table app.orders (id int primary key, total int);",
});
const SHORT = { SLIPWAY_WAIT_TIMEOUT: "1s" };

function anyServer(): TestServer {
  const [server] = inject("servers");
  if (server === undefined) throw new Error("there is no server");
  return server;
}

const isWaiting = (waiter: SlipwayProcess): Promise<boolean> =>
  waitFor(() => waiter.stderr().includes("Waiting for the database..."));

/** The rows of slipway's records, and when they were written. */
const readRecords = (database: TestDatabase): Promise<unknown[]> =>
  database.query(
    "select xmin::text, id::text from migrations.runs union all select xmin::text, version::text from migrations.app order by 2",
  );

test("a waiter that comes before everything ends with the run, and has written nothing and held no lock", async () => {
  await using database = await openTestDatabase(anyServer());
  await using waiter = startSlipway(["wait", "--json"], { database, schema: OLD, migrations: TWO });
  await isWaiting(waiter);

  const run = await runSlipway(["run"], { database, schema: OLD, migrations: TWO });
  const records = await readRecords(database);
  const result = await waiter.result;

  expect(run).toExit(0);
  expect(messagesOf(run)).not.toContain("Waiting for another run to finish...");
  expect(result).toExit(0);
  expect(result.lines[0]).toMatchObject({
    msg: "Waiting for the database...",
    for: "what these files ask for",
    missing: ["slipway has not run on this database yet"],
    atWork: "nobody",
  });
  expect(lastLineOf(result)).toMatchObject({ msg: "The database is ready" });
  expect(JSON.parse(result.stdout)).toMatchObject({ result: "ready", for: { kind: "files" } });
  expect(await readRecords(database)).toEqual(records);
});

test("a waiter of an older release is done: its schema was superseded, its migrations are all there", async () => {
  await using database = await openTestDatabase(anyServer());
  await runSlipway(["run"], { database, schema: OLD, migrations: ONE });
  await runSlipway(["run"], { database, schema: NEW, migrations: TWO });

  const older = await runSlipway(["wait"], { database, schema: OLD, migrations: ONE });
  const refusing = await runSlipway(["wait", "--on-older", "refuse"], {
    database,
    schema: OLD,
    migrations: "",
  });
  const going = await runSlipway(["wait", "--on-older", "apply"], {
    database,
    schema: OLD,
    migrations: "",
    env: SHORT,
  });

  expect(older).toExit(0);
  expect(messagesOf(older)).toEqual([
    expect.stringMatching(/^these schema files were applied at .* and superseded since/),
    expect.stringMatching(/^the database is ahead of these files: 2_two/),
    "The database is ready",
  ]);
  expect(refusing).toExit(35);
  expect(going).toExit(24);
});

test("what was changed by hand after the run holds nobody up; a role that bootstrap made and that is gone does", async () => {
  await using database = await openTestDatabase(anyServer());
  const role = database.nameRole();
  const schema = writeFolder({
    "bootstrap.sql": `create role ${role}; create schema if not exists app;`,
    "schemas/10.sql": "create table app.t (id int primary key);",
  });
  await runSlipway(["run"], { database, schema });

  await database.query("alter table app.t add column by_hand int");
  const changed = await runSlipway(["wait"], { database, schema, env: SHORT });
  await database.query(`drop role ${role}`);
  const lost = await runSlipway(["wait"], { database, schema, env: SHORT });

  expect(changed).toExit(0);
  expect(lost).toExit(24);
  expect(lastLineOf(lost).msg).toContain(`bootstrap.sql is to run again: this server lacks ${role}`);
});

test("a migration that failed ends the waiter at once, in the run's words; set to be tried again, it is waited for", async () => {
  await using database = await openTestDatabase(anyServer());
  const migrations = writeFolder({ "1_bad.up.sql": "create table public.a (b nonsense);" });
  const options = { database, schema: "", migrations };
  const run = await runSlipway(["run"], options);
  const again = await runSlipway(["run"], options);

  const waiter = await runSlipway(["wait"], { ...options, env: { SLIPWAY_APPROVE: "0d6c5b1f3a2e4987" } });
  await runSlipway(["migrate", "retry", "1"], options);
  const patient = await runSlipway(["wait"], { ...options, env: SHORT });

  expect(run).toExit(30);
  expect(waiter).toExit(30);
  expect(waiter.ms).toBeLessThan(10_000);
  expect(lastLineOf(waiter).msg).toBe(lastLineOf(again).msg);
  expect(lastLineOf(waiter).msg).toMatch(/1_bad\.up\.sql:1:\d+: 42704 type "nonsense" does not exist/);
  expect(patient).toExit(24);
  expect(lastLineOf(patient).msg).toContain("1 migration is to run: 1_bad");
});

test("a plan that waits for approval ends the waiter with the run's own last line; approved, it is waited for", async () => {
  await using database = await openTestDatabase(anyServer());
  await runSlipway(["run"], { database, schema: NEW });
  const schema = writeFolder({ "schemas/10.sql": "create schema app;" });
  const run = await runSlipway(["run"], { database, schema });

  const waiter = await runSlipway(["wait"], {
    database,
    schema,
    env: { SLIPWAY_STATUS_CONFIGMAP: "", SLIPWAY_LOCK_WAIT: "7m", SLIPWAY_LOG_LEVEL: "debug" },
  });
  const [, planId = ""] = /plan ([0-9a-f]+)/.exec(String(lastLineOf(run).msg)) ?? [];
  await runSlipway(["schema", "approve", planId], { database, schema });
  const patient = await runSlipway(["wait"], { database, schema, env: SHORT });

  expect(run).toExit(31);
  expect(waiter).toExit(31);
  expect(lastLineOf(waiter).msg).toBe(lastLineOf(run).msg);
  expect(patient).toExit(24);
});

test("a waiter says which run is at work and who it is, and gives up with exit 24", async () => {
  await using database = await openGated(anyServer());
  const options = { database, schema: "", migrations: writeFolder({ "1_slow.up.sql": GATE }) };
  await using run = startSlipway(["run"], { ...options, env: { POD_NAME: "shop-migrate-1" } });
  await waitFor(() => findBackend(database, "pg_sleep"));

  const waiter = await runSlipway(["wait", "--timeout", "1s"], options);
  const clean = await runSlipway(["wait", "--for", "clean", "--timeout", "0"], options);
  await openGate(database);

  expect(waiter).toExit(24);
  expect(waiter.lines[0]?.["atWork"]).toMatch(
    /^run [0-9a-f-]{36} of shop-migrate-1, slipway \S+, since \S+; pid \d+ \(slipway\/\S+ shop-migrate-1/,
  );
  expect(lastLineOf(waiter).msg).toMatch(
    /^WAIT_TIMEOUT \(exit 24\): after 1 s the database is not at what these files ask for: 1 migration is to run: 1_slow; at work: run /,
  );
  expect(clean).toExit(24);
  expect(await run.result).toExit(0);
  expect(await runSlipway(["wait"], options)).toExit(0);
});

test("a role that may only read the records can wait; without the rights, the last line has the statement that gives them", async () => {
  await using database = await openTestDatabase(anyServer());
  const reader = await database.createRole();
  const options = { database: { url: reader.url }, schema: OLD, migrations: TWO };
  await runSlipway(["run"], { ...options, database });

  const refused = await runSlipway(["wait"], options);
  const [, grants = ""] = /Next: as that owner: (.*)$/.exec(String(lastLineOf(refused).msg)) ?? [];
  await database.query(grants);
  const allowed = await runSlipway(["wait"], options);
  await database.query(`revoke all on all tables in schema migrations from ${reader.name}`);
  await database.query(`drop owned by ${reader.name}`);

  expect(refused).toExit(36);
  expect(lastLineOf(refused).msg).toContain(`role "${reader.name}" may not use the records`);
  expect(allowed).toExit(0);
});

test("a server that is not there, and a login that it refuses, are waited for", async () => {
  await using database = await openTestDatabase(anyServer());
  const url = new URL(database.url);
  url.username = database.nameRole();
  const port = await findFreePort();

  const [away, refused] = await Promise.all([
    runSlipway(["wait"], { database: { url: `postgres://x@127.0.0.1:${port}/x` }, env: SHORT }),
    runSlipway(["wait"], { database: { url: url.toString() }, env: SHORT }),
  ]);

  expect(away).toExit(24);
  expect(lastLineOf(away).msg).toContain("ECONNREFUSED");
  expect(refused).toExit(24);
  expect(lastLineOf(refused).msg).toContain("refused the login");
});

test("files that no run could take end the waiter at once: exit 11", async () => {
  await using database = await openTestDatabase(anyServer());
  const schema = writeFolder({ "bootstrap.sql": "create role app password {{APP_PASSWORD}};" });

  const waiter = await runSlipway(["wait"], { database, schema });

  expect(waiter).toExit(11);
  expect(lastLineOf(waiter).msg).toContain("APP_PASSWORD");
});

test("--for needs no files: a version, a fingerprint, the end of a complete run", async () => {
  await using database = await openTestDatabase(anyServer());
  const wait = (state: string) =>
    runSlipway(["wait", `--for=${state}`, "--timeout", "0"], { database, schema: "/nowhere" });
  expect(await wait("clean")).toExit(24);
  await runSlipway(["run"], { database, schema: OLD, migrations: TWO });
  const fingerprint = await database.value<string>(
    "select schema_fingerprint from migrations.declarative_state",
  );

  expect(await wait("version=1")).toExit(0);
  expect(await wait("version=2")).toExit(0);
  const three = await wait("version=3");
  expect(three).toExit(24);
  expect(lastLineOf(three).msg).toContain("the migrations are at version 2");
  expect(await wait(`fingerprint=${fingerprint.slice(0, 12)}`)).toExit(0);
  expect(await wait("fingerprint=00000000")).toExit(24);
  expect(await wait("clean")).toExit(0);
});

test("SIGTERM ends a waiter at once: exit 143", async () => {
  await using database = await openTestDatabase(anyServer());
  await using waiter = startSlipway(["wait"], { database });
  await isWaiting(waiter);

  waiter.kill("SIGTERM");

  expect(await waiter.result).toExit(143);
});
