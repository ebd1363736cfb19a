import { expect } from "vitest";
import { readLedger } from "../support/catalog.ts";
import { onEachServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { type Files, writeFiles, writeFolder } from "../support/folder.ts";
import { lastLineOf, messagesOf, runSlipway, type SlipwayResult } from "../support/slipway.ts";

/** Only user migrations: the other two phases have tests of their own. */
const run = (
  database: TestDatabase,
  migrations: string,
  env: Record<string, string> = {},
): Promise<SlipwayResult> => runSlipway(["run"], { database, schema: "", migrations, env });

const warningsOf = (result: SlipwayResult): readonly string[] =>
  result.lines.filter(({ level }) => level === "warn").map(({ msg }) => msg);

onEachServer("migrations run in the order of their numbers, nine before ten", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({
    "10_ten.up.sql": "insert into public.ran values ('10');",
    "9_nine.up.sql": "insert into public.ran values ('9');",
    "0002_two.up.sql": "insert into public.ran values ('2');",
    "1_one.up.sql": "create table public.ran (n text, id int generated always as identity);",
    "20260101120000_late.up.sql": "insert into public.ran values ('late');",
  });

  const result = await run(database, migrations);

  expect(result).toExit(0);
  expect(result.lines).toContainEqual(
    expect.objectContaining({ msg: "Migrations applied successfully", version: 20260101120000 }),
  );
  expect(await database.query("select n from public.ran order by id")).toEqual(
    ["2", "9", "10", "late"].map((n) => ({ n })),
  );
  expect(
    await database.query(
      "select version::text, name, status, transactional from migrations.app order by app.version",
    ),
  ).toEqual([
    { version: "1", name: "1_one", status: "applied", transactional: true },
    { version: "2", name: "0002_two", status: "applied", transactional: true },
    { version: "9", name: "9_nine", status: "applied", transactional: true },
    { version: "10", name: "10_ten", status: "applied", transactional: true },
    { version: "20260101120000", name: "20260101120000_late", status: "applied", transactional: true },
  ]);
});

onEachServer("a file's effect and its ledger row commit in one transaction", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({
    "1_one.up.sql": "create table public.t (id int);\ninsert into public.t values (1);",
    "2_own.up.sql": "begin;\ninsert into public.t values (2);\ncommit;",
  });

  const result = await run(database, migrations);

  expect(result).toExit(0);
  const same = await database.query(
    "select id, t.xmin = app.xmin as same from public.t join migrations.app on app.version = t.id order by id",
  );
  expect(same).toEqual([
    { id: 1, same: true },
    { id: 2, same: true },
  ]);
});

onEachServer(
  "a file with several transactions of its own keeps the ones that were complete",
  async (server) => {
    await using database = await openTestDatabase(server);
    const files = (second: string): Files => ({
      "1_parts.up.sql": `begin;\ncreate table public.t (id int);\ncommit;\nbegin;\n${second}\ncommit;\ninsert into public.t values (3);\n`,
    });
    const migrations = writeFolder(
      files("insert into public.t values (1);\ninsert into public.missing values (2);"),
    );

    const failed = await run(database, migrations);
    const ledgerThen = await readLedger(database);
    const rowsThen = await database.query("select id from public.t");
    writeFiles(migrations, files("insert into public.t values (2);"));
    const resumed = await run(database, migrations);

    expect(failed).toExit(30);
    expect(ledgerThen).toEqual([expect.stringMatching(/^1 1_parts failed steps 1 of 3 /)]);
    expect(rowsThen).toEqual([]);
    expect(resumed).toExit(0);
    expect(await database.query("select id from public.t order by id")).toEqual([{ id: 2 }, { id: 3 }]);
    expect(await readLedger(database)).toEqual([expect.stringMatching(/^1 1_parts applied steps 3 of 3 /)]);
  },
);

onEachServer(
  "create index concurrently runs outside of a transaction, alone or among other statements",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder({
      "1_table.up.sql": "create table public.t (a int, b int);",
      "2_alone.up.sql": "create index concurrently t_a on public.t (a);",
      "3_mixed.up.sql":
        "insert into public.t values (1, 1);\ncreate unique index concurrently t_b on public.t (b);\ninsert into public.t values (2, 2);\ndrop index concurrently public.t_a;",
      "4_vacuum.up.sql": "vacuum public.t;",
    });

    const result = await run(database, migrations);

    expect(result).toExit(0);
    expect(
      await database.query(
        "select indexrelid::regclass::text as index, indisvalid from pg_index where indrelid = 'public.t'::regclass",
      ),
    ).toEqual([{ index: "t_b", indisvalid: true }]);
    expect(
      await database.query(
        "select version::int, transactional, statements_done, statements_total from migrations.app order by app.version",
      ),
    ).toEqual([
      { version: 1, transactional: true, statements_done: 1, statements_total: 1 },
      { version: 2, transactional: false, statements_done: 1, statements_total: 1 },
      { version: 3, transactional: false, statements_done: 4, statements_total: 4 },
      { version: 4, transactional: false, statements_done: 1, statements_total: 1 },
    ]);
  },
);

onEachServer(
  "a concurrent build that failed is dropped and built again by the next run, and what came before it is not repeated",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder({
      "1_mixed.up.sql":
        "create table public.t (b int);\ninsert into public.t values (1), (1);\ncreate unique index concurrently if not exists t_b on public.t (b);\ninsert into public.t values (2);",
    });
    const failed = await run(database, migrations);
    const invalid = await database.value("select count(*)::int from pg_index where not indisvalid");
    await database.query("delete from public.t where ctid = (select min(ctid) from public.t)");

    const retried = await runSlipway(["migrate", "retry", "1"], { database, schema: "", migrations });
    const resumed = await run(database, migrations);

    expect(failed).toExit(30);
    expect(lastLineOf(failed)).toMatchObject({
      why: expect.stringMatching(/^23505/),
      where: expect.stringMatching(/1_mixed\.up\.sql:3:/),
    });
    expect(invalid).toBeLessThanOrEqual(1);
    expect(retried).toExit(0);
    expect(resumed).toExit(0);
    expect(
      await database.query(
        "select indisvalid, indisunique from pg_index where indrelid = 'public.t'::regclass",
      ),
    ).toEqual([{ indisvalid: true, indisunique: true }]);
    expect(await database.query("select b from public.t order by b")).toEqual([{ b: 1 }, { b: 2 }]);
  },
);

const FAILING: Files = {
  "1_one.up.sql": "create table public.one (id int);",
  "2_two.up.sql": "insert into public.one values (1);\n\ninsert into public.won values (2);\n",
  "3_three.up.sql": "create table public.three (id int);",
};

onEachServer(
  "a failed migration is rolled back and recorded with the server's words; later ones don't run",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder(FAILING);

    const result = await run(database, migrations);

    expect(result).toExit(30);
    expect(lastLineOf(result)).toMatchObject({
      code: "STATEMENT_FAILED",
      where: `${migrations}/2_two.up.sql:3:13`,
      why: '42P01 relation "public.won" does not exist',
      excerpt: expect.stringMatching(/^ {2}3 \| insert into public\.won values \(2\);\n {4}\| {13}\^$/),
    });
    expect(lastLineOf(result).msg).toMatch(
      /^STATEMENT_FAILED \(exit 30\): .*2_two\.up\.sql:3:13.*Next: .*migrate retry 2/,
    );
    expect(await database.query("select * from public.one")).toEqual([]);
    expect(await database.value("select to_regclass('public.three')")).toBeNull();
    const [row] = await database.query("select * from migrations.app where version = 2");
    expect(row).toMatchObject({ name: "2_two", status: "failed", attempts: 1, applied_at: null });
    expect(row?.["error_message"]).toMatch(/relation "public\.won" does not exist/);
    expect(
      await database.query("select version::int, event, sqlstate from migrations.app_log order by id"),
    ).toEqual([
      { version: 1, event: "applied", sqlstate: null },
      { version: 2, event: "failed", sqlstate: "42P01" },
    ]);
  },
);

onEachServer("a failure is repeated at once and without running anything", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder(FAILING);
  const first = await run(database, migrations);
  await database.query("create table public.won (id int)");

  const second = await run(database, migrations);
  const third = await run(database, migrations);

  for (const result of [second, third]) {
    expect(result).toExit(30);
    const { code, where, why, excerpt } = lastLineOf(first);
    expect(lastLineOf(result)).toMatchObject({ code, where, why, excerpt });
    expect(lastLineOf(result).msg).toMatch(/was not tried again/);
  }
  expect(await database.value("select attempts from migrations.app where version = 2")).toBe(1);
  expect(await database.value("select count(*)::int from migrations.app_log where version = 2")).toBe(1);
  expect(await database.query("select * from public.one")).toEqual([]);
});

onEachServer(
  "setting a failed migration to pending by SQL, as the guide has it, has it tried again",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder(FAILING);
    await run(database, migrations);
    await database.query("create table public.won (id int)");

    await database.query(
      "UPDATE migrations.app SET status = 'pending', error_message = '' WHERE name = '2_two'",
    );
    const result = await run(database, migrations);

    expect(result).toExit(0);
    expect(await database.query("select * from public.won")).toEqual([{ id: 2 }]);
    expect(
      await database.query(
        "select status, coalesce(error_message, '') as error_message, applied_at is not null as is_applied, attempts from migrations.app where version = 2",
      ),
    ).toEqual([{ status: "applied", error_message: "", is_applied: true, attempts: 2 }]);
    expect(await database.value("select to_regclass('public.three') is not null")).toBe(true);
  },
);

onEachServer("the guide's queries on the ledger answer what they are asked", async (server) => {
  await using database = await openTestDatabase(server);
  await run(database, writeFolder(FAILING));

  const ledger = await database.query(
    "SELECT version, name, status, error_message, applied_at FROM migrations.app ORDER BY version",
  );
  const failed = await database.query(
    "SELECT name, error_message FROM migrations.app WHERE status = 'failed'",
  );

  expect(ledger).toMatchObject([
    { version: "1", name: "1_one", status: "applied", applied_at: expect.any(Date) },
    { version: "2", status: "failed" },
  ]);
  expect(failed).toMatchObject([{ name: "2_two" }]);
});

onEachServer("a failed migration whose file was corrected is tried again", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder(FAILING);
  await run(database, migrations);

  writeFiles(migrations, { "2_two.up.sql": "insert into public.one values (1);" });
  const result = await run(database, migrations);

  expect(result).toExit(0);
  expect(await readLedger(database)).toEqual([
    "1 1_one applied steps 1 of 1 inflight= error=",
    "2 2_two applied steps 1 of 1 inflight= error=",
    "3 3_three applied steps 1 of 1 inflight= error=",
  ]);
});

onEachServer(
  "a deferred constraint that speaks up at COMMIT fails the migration, and nothing of it stays",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder({
      "1_tables.up.sql":
        "create table public.p (id int primary key); create table public.c (p int references public.p deferrable initially deferred);",
      "2_orphan.up.sql": "insert into public.c values (1);",
    });

    const result = await run(database, migrations);

    expect(result).toExit(30);
    expect(lastLineOf(result).msg).toMatch(/2_orphan.*23503/);
    expect(await database.value("select status from migrations.app where version = 2")).toBe("failed");
    expect(await database.query("select * from public.c")).toEqual([]);
  },
);

onEachServer("an applied file that was changed is refused, before anything runs", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({ "1_one.up.sql": "create table public.one (id int);" });
  await run(database, migrations);
  writeFiles(migrations, {
    "1_one.up.sql": "create table public.one (id bigint);",
    "2_two.up.sql": "create table public.two ();",
  });

  const result = await run(database, migrations);

  expect(result).toExit(35);
  expect(lastLineOf(result).msg).toMatch(/1_one\.up\.sql: was changed after it was applied.*migrate create/);
  expect(await database.value("select to_regclass('public.two')")).toBeNull();
});

onEachServer("line ends and blank space at the end are no change of a file", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({ "1_one.up.sql": "create table public.one (\n  id int\n);\n" });
  await run(database, migrations);
  writeFiles(migrations, { "1_one.up.sql": "create table public.one (\r\n  id int\r\n);\r\n\r\n" });

  const result = await run(database, migrations);

  expect(result).toExit(0);
});

onEachServer("a ledger ahead of the files is a warning and exit 0", async (server) => {
  await using database = await openTestDatabase(server);
  const newer = writeFolder({
    "1_one.up.sql": "create table public.one ();",
    "2_two.up.sql": "create table public.two ();",
  });
  const older = writeFolder({ "1_one.up.sql": "create table public.one ();" });
  await run(database, newer);

  const result = await run(database, older);
  const again = await run(database, older);

  for (const each of [result, again]) {
    expect(each).toExit(0);
    expect(warningsOf(each).join()).toMatch(/ahead of these files: 2_two/);
  }
  expect(await readLedger(database)).toHaveLength(2);
});

onEachServer("an empty folder where migrations are applied is a mount that went wrong", async (server) => {
  await using database = await openTestDatabase(server);
  await run(database, writeFolder({ "1_one.up.sql": "create table public.one ();" }));

  const result = await run(database, writeFolder());

  expect(result).toExit(35);
  expect(lastLineOf(result).msg).toMatch(/folder is empty.*DB_USER_MIGRATIONS_PATH/);
});

onEachServer("a hole in the history is a warning, or refused where asked", async (server) => {
  await using database = await openTestDatabase(server);
  const files = { "1_a.up.sql": "select 1;", "2_b.up.sql": "select 2;", "3_c.up.sql": "select 3;" };
  await run(database, writeFolder(files));
  const { "2_b.up.sql": _, ...rest } = files;
  const migrations = writeFolder(rest);

  const warned = await run(database, migrations);
  const refused = await run(database, migrations, { SLIPWAY_MISSING: "error" });

  expect(warned).toExit(0);
  expect(warningsOf(warned).join()).toMatch(/files are gone: 2_b/);
  expect(refused).toExit(35);
});

onEachServer(
  "a migration below an applied one runs with a warning, silently, or not at all, as asked",
  async (server) => {
    const outcomes: Record<string, readonly unknown[]> = {};
    for (const policy of ["warn", "allow", "error"]) {
      await using database = await openTestDatabase(server);
      const migrations = writeFolder({ "5_five.up.sql": "select 5;" });
      await run(database, migrations);
      writeFiles(migrations, { "3_three.up.sql": "create table public.three ();" });

      const result = await run(database, migrations, { SLIPWAY_OUT_OF_ORDER: policy });

      const isThere = await database.value("select to_regclass('public.three') is not null");
      outcomes[policy] = [
        result.exitCode,
        warningsOf(result).some((words) => words.includes("out of order: 3_three")),
        isThere,
      ];
    }

    expect(outcomes).toEqual({ warn: [0, true, true], allow: [0, false, true], error: [35, false, false] });
  },
);

onEachServer("nothing of a migration's session reaches the next one", async (server) => {
  await using database = await openTestDatabase(server);
  const role = database.nameRole();
  const migrations = writeFolder({
    "1_leave.up.sql": `
      create role ${role};
      create schema hidden;
      create temporary table leftover (id int);
      prepare leftover_statement as select 1;
      listen leftover_channel;
      set search_path = hidden;
      set timezone = 'Asia/Tokyo';
      set statement_timeout = '1h';
      set work_mem = '99MB';
      set session_replication_role = 'replica';
      select set_config('app.tenant', 'leftover', false);
      set role ${role};`,
    "2_look.up.sql": `
      create table seen as
      select current_user::text as who, current_schemas(false)::text[] as path, current_setting('timezone') as zone,
             current_setting('statement_timeout') as timeout, current_setting('work_mem') as work_mem,
             current_setting('session_replication_role') as replication, coalesce(current_setting('app.tenant', true), '') as tenant,
             to_regclass('pg_temp.leftover') as temporary, (select count(*)::int from pg_prepared_statements where name like 'leftover%') as prepared,
             (select count(*)::int from pg_listening_channels()) as channels;`,
    "3_no_transaction.up.sql": `-- slipway: no-transaction
      set search_path = hidden;
      set lock_timeout = '7s';
      vacuum;`,
    "4_look.up.sql": "create table seen_then as select current_schemas(false)::text[] as path;",
  });

  const result = await run(database, migrations);

  expect(result).toExit(0);
  expect(await database.query("select * from public.seen")).toEqual([
    {
      who: "postgres",
      path: ["public"],
      zone: "UTC",
      timeout: "0",
      work_mem: "4MB",
      replication: "origin",
      tenant: "",
      temporary: null,
      prepared: 0,
      channels: 0,
    },
  ]);
  expect(await database.query("select * from public.seen_then")).toEqual([{ path: ["public"] }]);
});

onEachServer(
  "a migration that takes a role without rights on the records is recorded all the same",
  async (server) => {
    await using database = await openTestDatabase(server);
    const role = database.nameRole();
    const migrations = writeFolder({
      "1_role.up.sql": `create role ${role}; create schema own authorization ${role};`,
      "2_as_role.up.sql": `set role ${role}; create table own.t (id int);`,
      "3_fails_as_role.up.sql": `set role ${role}; create table public.t (id no_such_type);`,
    });

    const result = await run(database, migrations);

    expect(result).toExit(30);
    expect(
      await database.query("select version::int, status from migrations.app order by app.version"),
    ).toEqual([
      { version: 1, status: "applied" },
      { version: 2, status: "applied" },
      { version: 3, status: "failed" },
    ]);
    expect(await database.value("select tableowner::text from pg_tables where tablename = 't'")).toBe(role);
  },
);

onEachServer("a migration that lets go of the run lock is not followed by another", async (server) => {
  for (const head of ["", "-- slipway: no-transaction\n"]) {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder({
      "1_unlock.up.sql": `${head}select pg_advisory_unlock_all();`,
      "2_two.up.sql": "create table public.two ();",
    });

    const result = await run(database, migrations);

    expect(result).toExit(22);
    expect(lastLineOf(result).msg).toMatch(/pg_advisory_unlock_all/);
    expect(await database.value("select to_regclass('public.two')")).toBeNull();
  }
});

onEachServer("statements that only look like something else run as they stand", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({
    "1_quotes.up.sql": `
      create table public."semi;colon" (x text default ';', /* ; create index concurrently */ y text default $tag$ it's; $$ $tag$);
      create function public.f() returns text language sql begin atomic select 'a;b'; select 'c'; end;
      do $do$ begin execute 'create table public.from_do (id int)'; end $do$;
      insert into public."semi;colon" default values;
      -- commit;
      select E'\\';commit;' as x;`,
    "2_no_statement.up.sql": "-- nothing here\n",
    "3_procedure.up.sql": `create procedure public.fill() language plpgsql as $$
      begin create table public.filled as select 1 as n; commit; insert into public.filled values (2); end $$;`,
    "4_fill.up.sql": "-- ends a transaction within\ncall public.fill()",
  });

  const result = await run(database, migrations);

  expect(result).toExit(0);
  expect(await database.query(`select * from public."semi;colon"`)).toEqual([{ x: ";", y: " it's; $$ " }]);
  expect(await database.value("select public.f()")).toBe("c");
  expect(await database.value("select array_agg(n order by n) from public.filled")).toEqual([1, 2]);
  expect(await readLedger(database)).toHaveLength(4);
});

onEachServer("placeholders stay as they are in migrations unless asked for", async (server) => {
  await using database = await openTestDatabase(server);
  const text = "create table public.templates as select '{{NAME}}'::text as body;";
  const migrations = writeFolder({ "1_templates.up.sql": text });

  const plain = await run(database, migrations, { SLIPWAY_VAR_NAME: "filled" });
  await using other = await openTestDatabase(server);
  const filled = await run(other, migrations, {
    SLIPWAY_VAR_NAME: "it's filled",
    SLIPWAY_MIGRATIONS_PLACEHOLDERS: "true",
  });

  expect(plain).toExit(0);
  expect(await database.query("select * from public.templates")).toEqual([{ body: "{{NAME}}" }]);
  expect(filled).toExit(0);
  expect(await other.query("select * from public.templates")).toEqual([{ body: "it's filled" }]);
});

onEachServer("a new migration is found although everything else is up to date", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({ "1_one.up.sql": "create table public.one ();" });
  await run(database, migrations);
  const upToDate = await run(database, migrations);
  writeFiles(migrations, { "2_two.up.sql": "create table public.two ();" });

  const plan = await runSlipway(["plan"], { database, schema: "", migrations });
  const result = await run(database, migrations);

  expect(messagesOf(upToDate)[0]).toBe("Everything is up to date");
  expect(plan).toExit(3);
  expect(plan.stdout).toMatch(/migration 2_two is to run/);
  expect(result).toExit(0);
});

onEachServer("a ledger row that a person deleted has its migration run again", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({ "1_one.up.sql": "create table if not exists public.one ();" });
  await run(database, migrations);
  await database.query("delete from migrations.app; drop table public.one");

  const result = await run(database, migrations);

  expect(result).toExit(0);
  expect(await database.value("select to_regclass('public.one') is not null")).toBe(true);
});
