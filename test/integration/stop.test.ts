import { join } from "node:path";
import { expect } from "vitest";
import { readLedger } from "../support/catalog.ts";
import { onSomeServer } from "../support/database.ts";
import { type Files, writeFolder } from "../support/folder.ts";
import {
  countLocks,
  expectLikeUndisturbed,
  findBackend,
  GATE,
  hasBackend,
  MIXED,
  openGate,
  openGated,
  SCHEMA,
} from "../support/gate.ts";
import { createCluster, startServer, urlOf } from "../support/server.ts";
import { lastLineOf, runSlipway, startSlipway } from "../support/slipway.ts";
import { waitFor } from "../support/wait.ts";

onSomeServer(
  "told to stop during a migration: exit 143, rolled back, not failed, lock gone; the next run goes on",
  async (server) => {
    await using database = await openGated(server);
    const options = {
      database,
      schema: writeFolder(SCHEMA),
      migrations: writeFolder({
        "1_one.up.sql": "create table app.one ();",
        "2_slow.up.sql": `create table app.two ();${GATE}`,
      }),
    };
    await using slipway = startSlipway(["run"], options);
    await waitFor(() => findBackend(database, "gate.opened"));

    slipway.kill("SIGTERM");
    const stopped = await slipway.result;
    const locks = await countLocks(database);
    const between = await readLedger(database);
    const isThere = await database.value("select to_regclass('app.two') is not null");
    const status = await database.value("select status from migrations.runs");
    await openGate(database);
    const run = await runSlipway(["run"], options);

    expect(stopped).toExit(143);
    expect(lastLineOf(stopped).msg).toMatch(/^INTERRUPTED \(exit 143\)/);
    expect(stopped.ms).toBeLessThan(10_000);
    expect(locks).toBe(0);
    expect(between).toEqual([expect.stringMatching(/^1 1_one applied/)]);
    expect(isThere).toBe(false);
    expect(status).toBe("interrupted");
    expect(run).toExit(0);
    await expectLikeUndisturbed(database, options);
  },
);

const slowly = (seconds: number): Files => ({
  ...SCHEMA,
  "schemas/20_slow.sql": `create materialized view app.slow as select pg_sleep(${seconds})::text as x;`,
});

interface Stage {
  readonly what: string;
  /** Files of an earlier release that is there already. */
  readonly earlier?: Files;
  readonly schema: Files;
  readonly migrations?: Files;
}

const STAGES: readonly Stage[] = [
  {
    what: "bootstrap",
    schema: { ...SCHEMA, "bootstrap.sql": "create schema if not exists app; select pg_sleep(12);" },
  },
  { what: "a fresh install of the schema", schema: slowly(12) },
  { what: "the building of the desired schema", earlier: SCHEMA, schema: slowly(12) },
  {
    what: "a migration's step outside of a transaction",
    schema: SCHEMA,
    migrations: {
      "1_slow.up.sql": "-- slipway: no-transaction\ncreate table app.one ();\nselect pg_sleep(12);",
    },
  },
];

for (const { what, earlier, schema, migrations } of STAGES) {
  onSomeServer(`told to stop during ${what}: exit 143 at once, and the lock is free`, async (server) => {
    await using database = await openGated(server);
    if (earlier !== undefined) await runSlipway(["run"], { database, schema: writeFolder(earlier) });
    const options = {
      database,
      schema: writeFolder(schema),
      ...(migrations === undefined ? {} : { migrations: writeFolder(migrations) }),
    };
    await using slipway = startSlipway(["run"], options);
    await waitFor(() => findBackend(database, "pg_sleep(12)"));

    const toldAt = performance.now();
    slipway.kill("SIGTERM");
    const stopped = await slipway.result;

    expect(stopped).toExit(143);
    expect(performance.now() - toldAt).toBeLessThan(6_000);
    expect(await countLocks(database)).toBe(0);
    expect(await database.value("select to_regclass('app.slow')")).toBeNull();
    expect(await database.value("select status from migrations.runs order by started_at desc limit 1")).toBe(
      "interrupted",
    );
  });
}

onSomeServer(
  "told to stop while a concurrent build waits: exit 143, and the next run builds it",
  async (server) => {
    await using database = await openGated(server);
    const options = { database, schema: writeFolder(SCHEMA), migrations: writeFolder(MIXED) };
    await using other = await database.openSession();
    await other.query("begin isolation level repeatable read; select 1");
    await using slipway = startSlipway(["run"], options);
    await waitFor(() => findBackend(database, "concurrently if not exists big_n"));

    slipway.kill("SIGTERM");
    const stopped = await slipway.result;
    await other.query("commit");
    const run = await runSlipway(["run"], options);

    expect(stopped).toExit(143);
    expect(run).toExit(0);
    await expectLikeUndisturbed(database, options);
  },
);

onSomeServer(
  "told to stop while it waits for the lock or for the server: exit 143 at once",
  async (server) => {
    await using database = await openGated(server);
    const options = {
      database,
      schema: writeFolder({ "bootstrap.sql": `create schema if not exists app; ${GATE}` }),
    };
    await using holder = startSlipway(["run"], options);
    await waitFor(() => findBackend(database, "gate.opened"));
    await using waiting = startSlipway(["run"], options);
    await waitFor(() => waiting.stderr().includes("Waiting for another run"));
    await using unconnected = startSlipway(["run"], {
      database: { url: urlOf({ port: 1, password: "x" }, "shop") },
      schema: options.schema,
    });
    await waitFor(() => unconnected.stderr().includes("Waiting for the database"));

    waiting.kill("SIGTERM");
    unconnected.kill("SIGINT");
    const results = await Promise.all([waiting.result, unconnected.result]);
    await openGate(database);

    for (const result of results) expect(result).toExit(143);
    expect(await holder.result).toExit(0);
  },
);

onSomeServer(
  "a second signal ends the process at once, even when the statement doesn't let itself be cancelled",
  async (server) => {
    await using database = await openGated(server);
    const stubborn = `
    do $$ begin
      while not exists (select from gate.opened) loop
        begin perform pg_sleep(0.02); exception when query_canceled then null; end;
      end loop;
    end $$;`;
    const options = {
      database,
      schema: writeFolder(SCHEMA),
      migrations: writeFolder({ "1_stubborn.up.sql": stubborn }),
    };
    await using slipway = startSlipway(["run"], options);
    const backend = await waitFor(() => findBackend(database, "query_canceled"));

    slipway.kill("SIGTERM");
    const isOverAfterOne = await Promise.race([
      slipway.result.then(() => true),
      new Promise((resolve) => setTimeout(() => resolve(false), 500)),
    ]);
    const secondAt = performance.now();
    slipway.kill("SIGTERM");
    const ended = await slipway.result;
    const afterSecond = performance.now() - secondAt;
    await openGate(database);
    await waitFor(async () => !(await hasBackend(database, backend)));
    const run = await runSlipway(["run"], options);

    expect(isOverAfterOne).toBe(false);
    expect(ended.exitCode).toBe(143);
    expect(afterSecond).toBeLessThan(2_000);
    expect(run).toExit(0);
    await expectLikeUndisturbed(database, options);
  },
);

onSomeServer(
  "a backend that somebody terminated: exit 22, not failed, and the next run goes on",
  async (server) => {
    await using database = await openGated(server);
    const options = {
      database,
      schema: writeFolder(SCHEMA),
      migrations: writeFolder({ "1_slow.up.sql": `create table app.one ();${GATE}` }),
    };
    await using slipway = startSlipway(["run"], options);
    const backend = await waitFor(() => findBackend(database, "gate.opened"));

    await database.query("select pg_terminate_backend($1)", [backend]);
    const lost = await slipway.result;
    const between = await readLedger(database);
    await openGate(database);
    const run = await runSlipway(["run"], options);

    expect(lost).toExit(22);
    expect(lastLineOf(lost).msg).toMatch(/^SESSION_LOST \(exit 22\): .*safe to run again/);
    expect(lost.stray).toEqual([]);
    expect(between).toEqual([]);
    expect(run).toExit(0);
    expect(await database.query("select status from migrations.runs order by started_at")).toEqual([
      { status: "abandoned" },
      { status: "done" },
    ]);
    await expectLikeUndisturbed(database, options);
  },
);

onSomeServer(
  "a backend that somebody terminated while it was idle between two steps: exit 22",
  async (server) => {
    await using database = await openGated(server);
    await using other = await database.openSession();
    const options = {
      database,
      schema: writeFolder({ "bootstrap.sql": `create schema if not exists app; ${GATE}` }),
    };
    await using holder = startSlipway(["run"], options);
    await waitFor(() => findBackend(database, "gate.opened"));
    await using waiting = startSlipway(["run"], options);
    await waitFor(() => waiting.stderr().includes("Waiting for another run"));

    await other.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'slipway/%' and state = 'idle' and datname = current_database()",
    );
    const lost = await waiting.result;
    await openGate(database);

    expect(lost).toExit(22);
    expect(lost.stray).toEqual([]);
    expect(await holder.result).toExit(0);
  },
);

onSomeServer(
  "a statement that somebody cancelled has failed, and is not tried again by itself",
  async (server) => {
    await using database = await openGated(server);
    const options = {
      database,
      schema: writeFolder(SCHEMA),
      migrations: writeFolder({ "1_slow.up.sql": GATE }),
    };
    await using slipway = startSlipway(["run"], options);
    const backend = await waitFor(() => findBackend(database, "gate.opened"));

    await database.query("select pg_cancel_backend($1)", [backend]);
    const cancelled = await slipway.result;
    const again = await runSlipway(["run"], options);

    expect(cancelled).toExit(30);
    expect(lastLineOf(cancelled).msg).toMatch(/57014.*cancelled/);
    expect(again).toExit(30);
    expect(again.ms).toBeLessThan(10_000);
  },
);

onSomeServer(
  "a server that crashes under a run: exit 22, and the next run goes on when it is back",
  async (server) => {
    const { bin, account } = server;
    const folder = join(server.folder, `crash-${Date.now()}`);
    await using servers = new AsyncDisposableStack();
    const first = servers.use(await createCluster({ bin, folder, account }));
    await using database = await openGated(first);
    const options = {
      database,
      schema: writeFolder(SCHEMA),
      migrations: writeFolder({ "1_slow.up.sql": `create table app.one ();${GATE}` }),
    };
    await using slipway = startSlipway(["run"], options);
    await waitFor(() => findBackend(database, "gate.opened"));

    process.kill(first.pid, "SIGQUIT");
    const lost = await slipway.result;
    await first[Symbol.asyncDispose]();
    await using next = startSlipway(["run"], options);
    await waitFor(() => next.stderr().includes("Waiting for the database"));
    servers.use(await startServer({ bin, folder, account, password: first.password, port: first.port }));
    await openGate(database);
    const run = await next.result;

    expect(lost).toExit(22);
    expect(run).toExit(0);
  },
);
