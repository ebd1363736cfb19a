import { expect } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { openSession } from "../../src/postgres/connect.ts";
import { acquireRunLock, type RunLock } from "../../src/postgres/lock.ts";
import type { Session } from "../../src/postgres/session.ts";
import { snapshotRecords } from "../support/catalog.ts";
import { onSomeServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { lastLineOf, messagesOf, runSlipway, startSlipway } from "../support/slipway.ts";
import { waitFor } from "../support/wait.ts";

const SCHEMA = writeFolder({
  "bootstrap.sql": "create schema if not exists app;",
  "schemas/10_app.sql": "create table app.things (id int primary key);",
});

/** A migration that takes as long as a test wants it to: until the row is there. */
const SLOW = `
  do $$ begin
    while not exists (select from public.go) loop perform pg_sleep(0.02); perform pg_stat_clear_snapshot(); end loop;
  end $$;`;

interface Lock {
  readonly pid: number;
  readonly classid: number;
  readonly objid: number;
}

const findRunLock = async (database: TestDatabase): Promise<Lock | undefined> => {
  const [row] = await database.query<Lock>(
    `select pid, classid::bigint::int8 as classid, objid::bigint as objid from pg_locks
      where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())`,
  );
  return row;
};

onSomeServer("five runs at once on an empty database: one applies, all exit 0", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({
    "1_one.up.sql": "create table app.one (id int); insert into app.one values (1);",
    "2_two.up.sql": "create index concurrently one_id on app.one (id);",
    "3_three.up.sql": "select pg_sleep(0.3);",
  });

  const results = await Promise.all(
    Array.from({ length: 5 }, () => runSlipway(["run", "--json"], { database, schema: SCHEMA, migrations })),
  );

  for (const result of results) {
    expect(result).toExit(0);
    expect(messagesOf(result).at(-1)).toBe("Database schema management completed");
  }
  expect(results.map(({ stdout }) => JSON.parse(stdout).result).sort()).toEqual([
    "applied",
    "unchanged",
    "unchanged",
    "unchanged",
    "unchanged",
  ]);
  expect(await database.query("select * from app.one")).toEqual([{ id: 1 }]);
  expect(await database.value("select count(*)::int from migrations.app_log")).toBe(3);
  expect(await database.value("select count(*)::int from migrations.bootstrap_state")).toBe(1);
  expect(await database.value("select count(*)::int from migrations.runs where status = 'done'")).toBe(1);
});

onSomeServer(
  "a second run waits while the first holds the lock, gives up with the holder's pid, and is told of the first one's success",
  async (server) => {
    await using database = await openTestDatabase(server);
    await database.query("create table public.go ()");
    const migrations = writeFolder({ "1_slow.up.sql": SLOW });
    const options = { database, schema: SCHEMA, migrations };
    await using first = startSlipway(["run"], { ...options, env: { POD_NAME: "the-first-pod" } });
    const lock = await waitFor(() => findRunLock(database));
    await waitFor(
      async () =>
        (await database.value(
          "select count(*)::int from pg_stat_activity where query like '%public.go%' and pid = $1",
          [lock.pid],
        )) === 1,
    );

    const impatient = await runSlipway(["run"], { ...options, env: { SLIPWAY_LOCK_WAIT: "1s" } });
    await using patient = startSlipway(["run"], options);
    await waitFor(() => patient.stderr().includes("Waiting for another run"));
    // Asking now and then, and idle in between: one that waited inside the server would never be seen so.
    await waitFor(
      async () =>
        (await database.value(
          "select state from pg_stat_activity where application_name like 'slipway/%' and pid <> $1",
          [lock.pid],
        )) === "idle",
    );
    await database.query("insert into public.go default values");
    const [firstResult, patientResult] = await Promise.all([first.result, patient.result]);

    expect(impatient).toExit(21);
    expect(lastLineOf(impatient)).toMatchObject({ code: "LOCK_BUSY" });
    expect(lastLineOf(impatient).msg).toMatch(
      new RegExp(
        `held by pid ${lock.pid} \\(slipway/\\S+ the-first-pod .*pg_terminate_backend\\(${lock.pid}\\)`,
      ),
    );
    expect(impatient.ms).toBeLessThan(10_000);
    expect(firstResult).toExit(0);
    expect(patientResult).toExit(0);
    expect(messagesOf(patientResult)).toContain("Everything is up to date");
  },
);

onSomeServer(
  "a run that waits does not keep the holder's create index concurrently from ending",
  async (server) => {
    await using database = await openTestDatabase(server);
    await database.query(
      "create table public.go (); create table public.big as select generate_series(1, 1000) as id",
    );
    const migrations = writeFolder({
      "1_slow.up.sql": SLOW,
      "2_index.up.sql": "create index concurrently big_id on public.big (id);",
    });
    const options = { database, schema: SCHEMA, migrations };
    await using first = startSlipway(["run"], options);
    await waitFor(() => findRunLock(database));
    await using second = startSlipway(["run"], options);
    await waitFor(() => second.stderr().includes("Waiting for another run"));

    await database.query("insert into public.go default values");
    const results = await Promise.all([first.result, second.result]);

    for (const result of results) expect(result).toExit(0);
    expect(
      await database.value("select indisvalid from pg_index where indexrelid = 'public.big_id'::regclass"),
    ).toBe(true);
  },
);

async function openOwnSession({ url }: TestDatabase): Promise<Session> {
  const { database } = parseConfig({
    flags: {},
    env: { DATABASE_URL: url },
    needsDatabase: true,
    bundledSchemaPath: "",
  });
  const signal = new AbortController().signal;
  return openSession(database, {
    applicationName: "slipway/test",
    statementTimeoutMs: 0,
    waitMs: 10_000,
    signal,
  });
}

onSomeServer("whoever waits is woken by the end of the run, and listens no longer", async (server) => {
  await using database = await openTestDatabase(server);
  await using holder = await openOwnSession(database);
  await using waiter = await openOwnSession(database);
  const acquire = (session: Session, onWait = (): void => undefined): Promise<RunLock | undefined> =>
    acquireRunLock(session, {
      stateSchema: "migrations",
      // Longer than the test may take: only being woken ends it.
      waitMs: 600_000,
      pauseMs: 600_000,
      signal: session.closed,
      noLongerNeeded: async () => false,
      onWait,
    });
  const held = await acquire(holder);
  const said = Promise.withResolvers<void>();
  const waiting = acquire(waiter, said.resolve);
  await said.promise;

  await held?.[Symbol.asyncDispose]();
  await using lock = await waiting;

  await lock?.assertHeld();
  expect(await waiter.query("select pg_listening_channels()")).toEqual([]);
});

onSomeServer("an up-to-date database needs no lock, whoever holds it; anything else does", async (server) => {
  await using database = await openTestDatabase(server);
  await database.query("create table public.go ()");
  const migrations = writeFolder({ "1_slow.up.sql": SLOW });
  await using first = startSlipway(["run"], { database, schema: SCHEMA, migrations });
  const lock = await waitFor(() => findRunLock(database));
  await database.query("insert into public.go default values");
  expect(await first.result).toExit(0);
  await using holder = await database.openSession();
  await holder.query("select pg_advisory_lock(($1::bigint << 32) | $2::bigint)", [lock.classid, lock.objid]);
  const before = await snapshotRecords(database);

  const upToDate = await runSlipway(["run"], { database, schema: SCHEMA, migrations });
  writeFiles(migrations, { "2_more.up.sql": "create table public.more ();" });
  const pending = await runSlipway(["run"], {
    database,
    schema: SCHEMA,
    migrations,
    env: { SLIPWAY_LOCK_WAIT: "0s" },
  });
  const plan = await runSlipway(["plan"], { database, schema: SCHEMA, migrations });
  const status = await runSlipway(["status"], { database, schema: SCHEMA, migrations });
  await holder.query("select pg_advisory_unlock_all()");

  expect(upToDate).toExit(0);
  expect(messagesOf(upToDate)[0]).toBe("Everything is up to date");
  expect(pending).toExit(21);
  expect(lastLineOf(pending).msg).toContain(`pid ${holder.pid}`);
  expect(plan).toExit(3);
  expect(status).toExit(0);
  expect(await snapshotRecords(database)).toEqual(before);
});

onSomeServer(
  "two databases of one server, and two state schemas of one database, don't wait for each other",
  async (server) => {
    await using database = await openTestDatabase(server);
    await using other = await openTestDatabase(server);
    await database.query("create table public.go ()");
    const migrations = writeFolder({ "1_slow.up.sql": SLOW });
    await using first = startSlipway(["run"], { database, schema: SCHEMA, migrations });
    await waitFor(() => findRunLock(database));

    const elsewhere = await runSlipway(["run"], {
      database: other,
      schema: SCHEMA,
      env: { SLIPWAY_LOCK_WAIT: "0s" },
    });
    const otherState = await runSlipway(["run"], {
      database,
      schema: "",
      migrations: writeFolder({ "1_quick.up.sql": "create table public.quick ();" }),
      env: { SLIPWAY_LOCK_WAIT: "0s", SLIPWAY_STATE_SCHEMA: "slipway_other" },
    });
    await database.query("insert into public.go default values");

    expect(elsewhere).toExit(0);
    expect(otherState).toExit(0);
    expect(await first.result).toExit(0);
  },
);

onSomeServer("after a failure neither lock nor session stays", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({ "1_fails.up.sql": "select 1 / 0;" });

  const result = await runSlipway(["run"], { database, schema: SCHEMA, migrations });

  expect(result).toExit(30);
  await waitFor(
    async () =>
      (await database.value(
        "select count(*)::int from pg_stat_activity where datname = current_database() and application_name like 'slipway%'",
      )) === 0,
    2_000,
  );
  expect(await findRunLock(database)).toBeUndefined();
});
