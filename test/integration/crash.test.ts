import { expect } from "vitest";
import { readLedger } from "../support/catalog.ts";
import { onSomeServer } from "../support/database.ts";
import { type Files, writeFolder } from "../support/folder.ts";
import {
  expectLikeUndisturbed,
  findBackend,
  GATE,
  hasBackend,
  MIXED,
  openGate,
  openGated,
  SCHEMA,
} from "../support/gate.ts";
import { lastLineOf, messagesOf, runSlipway, startSlipway } from "../support/slipway.ts";
import { waitFor } from "../support/wait.ts";

onSomeServer(
  "killed during bootstrap: the next run waits until the server has noticed, then starts over",
  async (server) => {
    await using database = await openGated(server);
    const options = {
      database,
      schema: writeFolder({ ...SCHEMA, "bootstrap.sql": `create schema if not exists app; ${GATE}` }),
    };
    await using killed = startSlipway(["run"], options);
    const backend = await waitFor(() => findBackend(database, "gate.opened"));

    killed.kill("SIGKILL");
    await using next = startSlipway(["run"], options);
    await waitFor(() => next.stderr().includes("Waiting for another run"));
    await waitFor(async () => !(await hasBackend(database, backend)));
    await waitFor(() => findBackend(database, "gate.opened"));
    await openGate(database);
    const run = await next.result;

    expect((await killed.result).signal).toBe("SIGKILL");
    expect(run).toExit(0);
    expect(await database.query("select status from migrations.runs order by started_at")).toEqual([
      { status: "abandoned" },
      { status: "done" },
    ]);
    await expectLikeUndisturbed(database, options);
  },
);

onSomeServer(
  "killed during a fresh install of the schema: nothing of it is there, and the next run installs it",
  async (server) => {
    await using database = await openGated(server);
    const options = {
      database,
      schema: writeFolder({
        ...SCHEMA,
        "schemas/20_slow.sql":
          "create materialized view app.slow as select 1 as x, pg_sleep(0.7)::text as y;",
      }),
    };
    await using killed = startSlipway(["run"], options);
    const backend = await waitFor(() => findBackend(database, "app.slow"));

    killed.kill("SIGKILL");
    await waitFor(async () => !(await hasBackend(database, backend)));
    const between = await database.value(
      "select count(*)::int from pg_class where relnamespace = 'app'::regnamespace",
    );
    const run = await runSlipway(["run"], options);

    expect(between).toBe(0);
    expect(run).toExit(0);
    await expectLikeUndisturbed(database, options);
  },
);

onSomeServer(
  "killed while a change waits for a table lock: nothing of the plan is there, and the next run applies it",
  async (server) => {
    await using database = await openGated(server);
    const options = { database, schema: writeFolder(SCHEMA) };
    await runSlipway(["run"], options);
    const changed = {
      database,
      schema: writeFolder({
        ...SCHEMA,
        "schemas/10_app.sql":
          "create table app.items (id int); create table app.orders (id int primary key, state text, total int);",
      }),
    };
    await using other = await database.openSession();
    await other.query("begin; select * from app.orders");
    await using killed = startSlipway(["run"], { ...changed, env: { SLIPWAY_LOCK_TIMEOUT: "30s" } });
    const backend = await waitFor(() => findBackend(database, "ALTER TABLE"));

    killed.kill("SIGKILL");
    await other.query("commit");
    await waitFor(async () => !(await hasBackend(database, backend)));
    const between = await database.value("select to_regclass('app.items')");
    const run = await runSlipway(["run"], changed);

    expect(between).toBeNull();
    expect(run).toExit(0);
    await expectLikeUndisturbed(database, changed);
  },
);

onSomeServer(
  "killed while the desired schema is built: the next run of a change sweeps the shadow database",
  async (server) => {
    await using database = await openGated(server);
    await runSlipway(["run"], { database, schema: writeFolder(SCHEMA) });
    const options = {
      database,
      schema: writeFolder({
        ...SCHEMA,
        "schemas/20_slow.sql":
          "create materialized view app.slow as select 1 as x, pg_sleep(0.7)::text as y;",
      }),
    };
    const countShadows = (): Promise<number> =>
      database.value(
        "select count(*)::int from pg_database where datname like 'slipway\\_shadow\\_' || (select oid from pg_database where datname = current_database()) || '\\_%'",
      );
    await using killed = startSlipway(["run"], options);
    const backend = await waitFor(() => findBackend(database, "app.slow"));

    killed.kill("SIGKILL");
    await waitFor(async () => !(await hasBackend(database, backend)));
    const left = await countShadows();
    const run = await runSlipway(["run"], options);

    expect(left).toBe(1);
    expect(run).toExit(0);
    expect(await countShadows()).toBe(0);
    await expectLikeUndisturbed(database, options);
  },
);

onSomeServer(
  "killed during a migration in one transaction: no trace of it, and the next run applies it once",
  async (server) => {
    await using database = await openGated(server);
    const options = {
      database,
      schema: writeFolder(SCHEMA),
      migrations: writeFolder({
        "1_one.up.sql": "create table app.one ();",
        "2_slow.up.sql": `create table app.two ();${GATE}create table app.more ();`,
        "3_three.up.sql": "create table app.three ();",
      }),
    };
    await using killed = startSlipway(["run"], options);
    const backend = await waitFor(() => findBackend(database, "gate.opened"));

    killed.kill("SIGKILL");
    await openGate(database);
    await waitFor(async () => !(await hasBackend(database, backend)));
    const between = await readLedger(database);
    const isThere = await database.value("select to_regclass('app.two') is not null");
    const run = await runSlipway(["run"], options);

    expect(between).toEqual([expect.stringMatching(/^1 1_one applied/)]);
    expect(isThere).toBe(false);
    expect(run).toExit(0);
    await expectLikeUndisturbed(database, options);
  },
);

onSomeServer(
  "killed during create index concurrently: the invalid index is built again, and nothing before it is repeated",
  async (server) => {
    await using database = await openGated(server);
    const options = { database, schema: writeFolder(SCHEMA), migrations: writeFolder(MIXED) };
    await using other = await database.openSession();
    await other.query("begin isolation level repeatable read; select 1");
    await using killed = startSlipway(["run"], options);
    const backend = await waitFor(() => findBackend(database, "concurrently if not exists big_n"));
    await waitFor(
      async () =>
        (await database.value("select wait_event_type from pg_stat_activity where pid = $1", [backend])) ===
        "Lock",
    );

    killed.kill("SIGKILL");
    await waitFor(async () => !(await hasBackend(database, backend)));
    await other.query("commit");
    const between = await readLedger(database);
    const isValid = await database.value(
      "select indisvalid from pg_index where indexrelid = 'app.big_n'::regclass",
    );
    const run = await runSlipway(["run"], options);

    expect(between).toEqual([expect.stringMatching(/^1 1_mixed pending steps 1 of 3 inflight=2/)]);
    expect(isValid).toBe(false);
    expect(run).toExit(0);
    expect(run.lines).toContainEqual(
      expect.objectContaining({ level: "warn", msg: expect.stringMatching(/left invalid/) }),
    );
    await expectLikeUndisturbed(database, options);
  },
);

onSomeServer(
  "killed during create index concurrently, which the server ends all the same: the next run finds it done",
  async (server) => {
    await using database = await openGated(server);
    const options = { database, schema: writeFolder(SCHEMA), migrations: writeFolder(MIXED) };
    await using other = await database.openSession();
    await other.query("begin isolation level repeatable read; select 1");
    await using killed = startSlipway(["run"], options);
    const backend = await waitFor(() => findBackend(database, "concurrently if not exists big_n"));
    await waitFor(
      async () =>
        (await database.value("select wait_event_type from pg_stat_activity where pid = $1", [backend])) ===
        "Lock",
    );

    killed.kill("SIGKILL");
    await other.query("commit");
    await waitFor(async () => !(await hasBackend(database, backend)));
    const filenode = await database.value("select pg_relation_filenode('app.big_n')");
    const run = await runSlipway(["run"], options);

    expect(run).toExit(0);
    expect(await database.value("select pg_relation_filenode('app.big_n')")).toBe(filenode);
    await expectLikeUndisturbed(database, options);
  },
);

onSomeServer(
  "killed inside a statement whose outcome nobody can see: exit 32, and either way out that it names works",
  async (server) => {
    const ends: string[] = [];
    for (const way of ["took effect", "did not"] as const) {
      await using database = await openGated(server);
      await database.query(
        `create procedure gate.pass() language plpgsql as $gate$ begin ${GATE} commit; end $gate$`,
      );
      const options = {
        database,
        schema: writeFolder(SCHEMA),
        migrations: writeFolder({
          "1_alone.up.sql":
            "-- slipway: no-transaction\ncreate table app.t (n int);\ncall gate.pass();\ninsert into app.t values (1);",
        }),
      };
      await using killed = startSlipway(["run"], options);
      const backend = await waitFor(() => findBackend(database, "gate.pass"));
      killed.kill("SIGKILL");
      if (way === "did not") await database.query("select pg_terminate_backend($1)", [backend]);
      await openGate(database);
      await waitFor(async () => !(await hasBackend(database, backend)));

      const unknown = await runSlipway(["run"], options);
      const again = await runSlipway(["run"], options);
      const next = String(lastLineOf(unknown)["next"]);
      const [ifSo = "", ifNot = ""] = [...next.matchAll(/slipway (migrate [^;]+)/g)].map(
        ([, words]) => words,
      );
      await runSlipway((way === "took effect" ? ifSo : ifNot).split(" "), options);
      const resumed = await runSlipway(["run"], options);

      for (const result of [unknown, again]) expect(result).toExit(32);
      expect(lastLineOf(unknown).msg).toMatch(/1_alone\.up\.sql:\d+/);
      expect(resumed).toExit(0);
      ends.push(
        `${way}: passed ${await database.value("select count(*) from gate.passed")}, rows ${await database.value("select count(*) from app.t")}`,
      );
    }

    expect(ends).toEqual(["took effect: passed 1, rows 1", "did not: passed 1, rows 1"]);
  },
);

// The test that sells the product: whenever the process dies, the next one picks up, to the same end.
onSomeServer(
  "killed again and again at ever later moments, it ends as if nothing had happened",
  async (server) => {
    await using database = await openGated(server);
    await openGate(database);
    const version = (changed: boolean): Files => ({
      "bootstrap.sql": `create schema if not exists app;${changed ? " create schema if not exists more;" : ""}`,
      "schemas/10_app.sql": changed
        ? "create type app.state as enum ('a', 'b', 'c'); create table app.orders (id int primary key, state app.state default 'c', total int); create index on app.orders (total); create view app.v as select id from app.orders;"
        : "create type app.state as enum ('a', 'b'); create table app.orders (id int primary key, state app.state default 'a');",
    });
    await runSlipway(["run"], { database, schema: writeFolder(version(false)) });
    const options = {
      database,
      schema: writeFolder(version(true)),
      migrations: writeFolder({
        "1_one.up.sql": "create table app.one (n int); insert into gate.passed default values;",
        "2_index.up.sql": "create index concurrently one_n on app.one (n);",
        "3_mixed.up.sql":
          "insert into gate.passed default values;\ncreate index concurrently one_n2 on app.one (n, n);\ninsert into gate.passed default values;\ndrop index concurrently app.one_n;\ninsert into app.one values (3);",
        "4_parts.up.sql":
          "begin; insert into gate.passed default values; commit; begin; insert into app.one values (4); commit;",
      }),
    };
    let result: Awaited<ReturnType<typeof runSlipway>> | undefined;
    let kills = 0;

    for (let afterMs = 120; result === undefined; afterMs += 60) {
      await using slipway = startSlipway(["run"], options);
      const timer = setTimeout(() => slipway.kill("SIGKILL"), afterMs);
      const ended = await slipway.result;
      clearTimeout(timer);
      if (ended.signal === null) result = ended;
      else kills += 1;
    }

    expect(result).toExit(0);
    expect(kills).toBeGreaterThan(2);
    expect(messagesOf(await runSlipway(["run"], options))[0]).toBe("Everything is up to date");
    await expectLikeUndisturbed(database, options);
    expect(await database.query("select n from app.one order by n")).toEqual([{ n: 3 }, { n: 4 }]);
  },
  90_000,
);

onSomeServer(
  "killed during a way back that has steps: the next down ends it, and takes nothing else back",
  async (server) => {
    await using database = await openGated(server);
    const migrations = writeFolder({
      "1_one.up.sql": "create table app.one (n int);",
      "1_one.down.sql": "drop table app.one;",
      "2_index.up.sql": "create index concurrently one_n on app.one (n);",
      "2_index.down.sql":
        "drop index concurrently if exists app.one_n;\ninsert into gate.passed default values;",
    });
    const options = { database, schema: writeFolder(SCHEMA), migrations };
    await runSlipway(["run"], options);
    await using other = await database.openSession();
    await other.query("begin; select * from app.one");
    await using killed = startSlipway(["migrate", "down", "--yes"], options);
    const backend = await waitFor(() => findBackend(database, "drop index concurrently"));

    killed.kill("SIGKILL");
    await other.query("commit");
    await waitFor(async () => !(await hasBackend(database, backend)));
    const down = await runSlipway(["migrate", "down", "--yes"], options);

    expect(down).toExit(0);
    expect(await readLedger(database)).toEqual([expect.stringMatching(/^1 1_one applied/)]);
    expect(await database.value("select to_regclass('app.one') is not null")).toBe(true);
    expect(await database.value("select to_regclass('app.one_n')")).toBeNull();
  },
);
