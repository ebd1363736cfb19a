import { expect } from "vitest";
import { readLedger, snapshotRecords } from "../support/catalog.ts";
import { onSomeServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { lastLineOf, runSlipway, type SlipwayResult } from "../support/slipway.ts";

const warningsOf = (result: SlipwayResult): readonly string[] =>
  result.lines.filter(({ level }) => level === "warn").map(({ msg }) => msg);

/** As a process leaves it that died in the second step. */
const leaveInFlight = (database: TestDatabase): Promise<unknown> =>
  database.query("update migrations.app set status = 'pending', statement_inflight = 2 where version = 1");

const STEPS = {
  "1_steps.up.sql": `-- slipway: no-transaction
create table public.t (id int);
insert into public.t values (1 / (select count(*) from public.t_ready));
insert into public.t values (2);`,
};

onSomeServer(
  "a step in flight whose outcome nobody can know is told with what to look at and both commands",
  async (server) => {
    await using database = await openTestDatabase(server);
    const options = { database, schema: "", migrations: writeFolder(STEPS) };
    await runSlipway(["run"], options);
    await leaveInFlight(database);

    const unknown = await runSlipway(["run"], options);
    const again = await runSlipway(["run"], options);

    expect(unknown).toExit(32);
    expect(lastLineOf(unknown).msg).toMatch(
      /1_steps\.up\.sql:3: .*Next: .*slipway migrate resolve 1 --as-applied.*slipway migrate retry 1/,
    );
    expect(again).toExit(32);
    expect(await database.query("select * from public.t")).toEqual([]);
  },
);

onSomeServer("resolved as applied, the step in flight is left out and the rest runs", async (server) => {
  await using database = await openTestDatabase(server);
  const options = { database, schema: "", migrations: writeFolder(STEPS) };
  await runSlipway(["run"], options);
  await leaveInFlight(database);

  const resolve = await runSlipway(["migrate", "resolve", "1", "--as-applied"], options);
  const twice = await runSlipway(["migrate", "resolve", "1", "--as-applied"], options);
  const run = await runSlipway(["run"], options);

  expect(resolve).toExit(0);
  expect(resolve.stdout).toMatch(/^Step 2 of 1_steps is recorded as done/);
  expect(twice).toExit(35);
  expect(run).toExit(0);
  expect(await database.query("select id from public.t")).toEqual([{ id: 2 }]);
  expect(await readLedger(database)).toEqual([
    expect.stringMatching(/^1 1_steps applied steps 3 of 3 inflight= /),
  ]);
});

onSomeServer("set to be retried, the step in flight runs again", async (server) => {
  await using database = await openTestDatabase(server);
  const options = { database, schema: "", migrations: writeFolder(STEPS) };
  await runSlipway(["run"], options);
  await leaveInFlight(database);
  await database.query("create table public.t_ready as select 1");

  const retry = await runSlipway(["migrate", "retry", "1"], options);
  const run = await runSlipway(["run"], options);

  expect(retry).toExit(0);
  expect(run).toExit(0);
  expect(await database.query("select id from public.t order by id")).toEqual([{ id: 1 }, { id: 2 }]);
});

onSomeServer("resolved as pending, a migration begins from its first statement", async (server) => {
  await using database = await openTestDatabase(server);
  const options = { database, schema: "", migrations: writeFolder(STEPS) };
  const failed = await runSlipway(["run"], options);
  await database.query("drop table public.t; create table public.t_ready as select 1");

  const resolve = await runSlipway(["migrate", "resolve", "1_steps", "--as-pending"], options);
  const run = await runSlipway(["run"], options);

  expect(failed).toExit(30);
  expect(resolve).toExit(0);
  expect(run).toExit(0);
  expect(await database.query("select id from public.t order by id")).toEqual([{ id: 1 }, { id: 2 }]);
  expect(
    await database.query("select event from migrations.app_log where event not in ('applied', 'failed')"),
  ).toEqual([{ event: "resolve" }]);
});

onSomeServer(
  "a failed migration that a person finished is recorded as applied and never run",
  async (server) => {
    await using database = await openTestDatabase(server);
    const options = {
      database,
      schema: "",
      migrations: writeFolder({ "1_bad.up.sql": "create table public.t (id no_such_type);" }),
    };
    await runSlipway(["run"], options);

    const resolve = await runSlipway(["migrate", "resolve", "1", "--as-applied"], options);
    const run = await runSlipway(["run"], options);
    const verify = await runSlipway(["migrate", "verify"], options);
    const status = await runSlipway(["migrate", "status"], options);

    expect(resolve).toExit(0);
    expect(run).toExit(0);
    expect(verify).toExit(0);
    expect(status.stdout).toMatch(/1_bad +applied +20\S+ .* +same\n/);
  },
);

onSomeServer("there is nothing to resolve where nothing failed, and nothing is recorded", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({ "1_a.up.sql": "select 1;", "2_b.up.sql": "select 2;" });
  const options = { database, schema: "", migrations };
  await runSlipway(["migrate", "up", "--steps", "1"], options);
  const before = await snapshotRecords(database);

  const results = [];
  for (const words of [
    "retry 1",
    "resolve 1 --as-applied",
    "resolve 1 --as-pending",
    "retry 2",
    "resolve 9 --as-applied",
  ])
    results.push(await runSlipway(["migrate", ...words.split(" ")], options));

  for (const each of results) expect(each).toExit(35);
  expect(results.map((each) => lastLineOf(each).msg)).toEqual([
    expect.stringMatching(/1_a is applied, with nothing to resolve.*migrate down/),
    expect.stringMatching(/1_a is applied/),
    expect.stringMatching(/1_a is applied/),
    expect.stringMatching(/no migration of version 2/),
    expect.stringMatching(/no migration of version 9/),
  ]);
  expect(await snapshotRecords(database)).toEqual(before);
});

onSomeServer("a changed applied file is accepted by its command, and only that file", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({ "1_a.up.sql": "select 1;", "2_b.up.sql": "select 2;" });
  const options = { database, schema: "", migrations };
  await runSlipway(["run"], options);
  writeFiles(migrations, { "1_a.up.sql": "select 10;", "2_b.up.sql": "select 20;" });

  const both = await runSlipway(["run"], options);
  const verify = await runSlipway(["migrate", "verify"], options);
  const accept = await runSlipway(["migrate", "resolve", "1", "--accept-checksum"], options);
  const one = await runSlipway(["run"], options);
  await runSlipway(["migrate", "resolve", "2", "--accept-checksum"], options);
  const none = await runSlipway(["run"], options);

  for (const each of [both, verify]) {
    expect(each).toExit(35);
    expect(lastLineOf(each)["problems"]).toEqual([
      expect.stringMatching(
        /1_a\.up\.sql: was changed after it was applied at 20\S+: .*resolve 1 --accept-checksum/,
      ),
      expect.stringMatching(
        /2_b\.up\.sql: was changed after it was applied at 20\S+: .*resolve 2 --accept-checksum/,
      ),
    ]);
  }
  expect(verify.stdout).toMatch(/^error: .*1_a\.up\.sql: was changed/);
  expect(accept).toExit(0);
  expect(one).toExit(35);
  expect(lastLineOf(one).msg).toMatch(/2_b\.up\.sql: was changed/);
  expect(none).toExit(0);
  expect(
    await database.query(
      "select version::int, message from migrations.app_log where event = 'checksum' order by id",
    ),
  ).toEqual([
    { version: 1, message: expect.stringMatching(/^was sha256:/) },
    { version: 2, message: expect.stringMatching(/^was sha256:/) },
  ]);
});

onSomeServer("a change of comments alone is a warning, until it is accepted", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({ "1_a.up.sql": "create table public.a (id int);" });
  const options = { database, schema: "", migrations };
  await runSlipway(["run"], options);
  writeFiles(migrations, {
    "1_a.up.sql": "-- customers\ncreate table public.a (\n  id int -- of the customer\n);\n",
  });

  const run = await runSlipway(["run"], options);
  const again = await runSlipway(["run"], options);
  const status = await runSlipway(["migrate", "status"], options);
  const verify = await runSlipway(["migrate", "verify"], options);
  await runSlipway(["migrate", "resolve", "1", "--accept-checksum"], options);
  const accepted = await runSlipway(["run"], options);

  for (const each of [run, again]) {
    expect(each).toExit(0);
    expect(warningsOf(each).join()).toMatch(/1_a\.up\.sql: only comments or white space were changed/);
  }
  expect(status.stdout).toMatch(/1_a +applied .*comments changed\n/);
  expect(verify).toExit(3);
  expect(verify.stdout).toMatch(/^warning: .*only comments/);
  expect(accepted).toExit(0);
  expect(warningsOf(accepted)).toEqual([]);
});

onSomeServer(
  "an applied migration that was renamed is followed by the ledger, with a warning",
  async (server) => {
    await using database = await openTestDatabase(server);
    const text = "create table public.a (id int);";
    await runSlipway(["run"], { database, schema: "", migrations: writeFolder({ "1_a.up.sql": text }) });
    const options = { database, schema: "", migrations: writeFolder({ "001_accounts.up.sql": text }) };

    const run = await runSlipway(["run"], options);
    const again = await runSlipway(["run"], options);

    expect(run).toExit(0);
    expect(run.lines).toContainEqual(
      expect.objectContaining({ level: "warn", migration: "001_accounts", was: "1_a" }),
    );
    expect(again).toExit(0);
    expect(await readLedger(database)).toEqual([expect.stringMatching(/^1 001_accounts applied/)]);
  },
);

onSomeServer("a row that a person wrote as applied gets its checksum by the next run", async (server) => {
  await using database = await openTestDatabase(server);
  const options = { database, schema: "", migrations: writeFolder({ "1_a.up.sql": "select 1 / 0;" }) };
  await runSlipway(["run"], options);
  await database.query(
    "delete from migrations.app; insert into migrations.app (version, name, status, applied_at) values (1, '1_a', 'applied', now())",
  );

  const before = await runSlipway(["migrate", "status"], options);
  const run = await runSlipway(["run"], options);
  const after = await runSlipway(["migrate", "status"], options);

  expect(before.stdout).toMatch(/not recorded\n/);
  expect(run).toExit(0);
  expect(after.stdout).toMatch(/ same\n/);
});

onSomeServer(
  "records of the first layout are read as they are, and brought up to date by a run",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder({ "1_a.up.sql": "select 1;" });
    const options = { database, schema: "", migrations };
    await runSlipway(["run"], options);
    await database.query(
      `alter table migrations.app drop column sql_checksum;
     alter table migrations.runs drop column status_configmap;
     comment on schema migrations is 'slipway records, layout 1; written by slipway, do not edit'`,
    );

    const status = await runSlipway(["migrate", "status"], options);
    const plan = await runSlipway(["plan"], options);
    const run = await runSlipway(["run"], options);
    const filled = await database.value("select sql_checksum like 'sha256:%' from migrations.app");
    const again = await runSlipway(["run"], options);

    expect(status).toExit(0);
    expect(status.stdout).toMatch(/1_a +applied .* same\n/);
    expect(plan).toExit(0);
    expect(run).toExit(0);
    expect(filled).toBe(true);
    expect(await database.value("select obj_description('migrations'::regnamespace)")).toMatch(/layout 3;/);
    expect(again).toExit(0);
  },
);

onSomeServer(
  "baseline records what is there already, after a yes, and only the rest runs",
  async (server) => {
    await using database = await openTestDatabase(server);
    await database.query("create table public.one ()");
    const migrations = writeFolder({
      "1_one.up.sql": "create table public.one ();",
      "2_two.up.sql": "select 1 / 0;",
      "3_three.up.sql": "create table public.three ();",
    });
    const options = { database, schema: "", migrations };

    const dry = await runSlipway(["migrate", "baseline", "2", "--dry-run"], options);
    const isUntouched = await database.value("select to_regnamespace('migrations') is null");
    const unconfirmed = await runSlipway(["migrate", "baseline", "2"], options);
    const none = await database.value("select count(*)::int from migrations.app");
    const unknown = await runSlipway(["migrate", "baseline", "20", "--yes"], options);
    const baseline = await runSlipway(["migrate", "baseline", "2", "--yes"], options);
    const twice = await runSlipway(["migrate", "baseline", "2", "--yes"], options);
    const run = await runSlipway(["run"], options);

    expect(dry).toExit(0);
    expect(dry.stdout).toMatch(/ {2}1_one\n {2}2_two\n$/);
    expect(isUntouched).toBe(true);
    expect(unconfirmed).toExit(2);
    expect(none).toBe(0);
    expect(unknown).toExit(2);
    expect(lastLineOf(unknown).msg).toMatch(/no migration has version 20; the highest is 3/);
    expect(baseline).toExit(0);
    expect(twice.stdout).toBe("Everything up to 2 is recorded as applied\n");
    expect(run).toExit(0);
    expect(await database.query("select version::int, event from migrations.app_log order by id")).toEqual([
      { version: 1, event: "baseline" },
      { version: 2, event: "baseline" },
      { version: 3, event: "applied" },
    ]);
  },
);

onSomeServer(
  "verify tells gaps, missing files and what failed, as the policies judge them",
  async (server) => {
    await using database = await openTestDatabase(server);
    const files = { "1_a.up.sql": "select 1;", "2_b.up.sql": "select 2;", "5_c.up.sql": "select 5;" };
    const migrations = writeFolder({ ...files, "6_d.up.sql": "select 1 / 0;" });
    await runSlipway(["run"], { database, schema: "", migrations });
    const options = {
      database,
      migrations: writeFolder({
        "1_a.up.sql": "select 1;",
        "5_c.up.sql": "select 5;",
        "old/3_x.up.sql": "",
        "6_d.up.sql": "select 1 / 0;",
      }),
    };

    const warned = await runSlipway(["migrate", "verify", "--json"], options);
    const refused = await runSlipway(["migrate", "verify", "--missing", "error", "--gap", "allow"], options);
    const before = await snapshotRecords(database);
    const broken = await runSlipway(["migrate", "verify"], {
      database,
      migrations: writeFolder({ ...files, "5_c.down.sql": "\\c other" }),
    });

    expect(warned).toExit(3);
    expect(JSON.parse(warned.stdout)).toEqual([
      expect.objectContaining({ severity: "warning", message: "applied, but the files are gone: 2_b" }),
      expect.objectContaining({ message: "a gap: there is no migration 3 to 4" }),
      expect.objectContaining({ message: "is a folder, and 3_x.up.sql in it is not read" }),
      expect.objectContaining({ message: expect.stringMatching(/^6_d failed: 22012/) }),
    ]);
    expect(refused).toExit(35);
    expect(refused.stdout).toMatch(/^error: the ledger: applied, but the files are gone: 2_b/);
    expect(refused.stdout).not.toMatch(/a gap/);
    expect(broken).toExit(11);
    expect(await snapshotRecords(database)).toEqual(before);
  },
);
