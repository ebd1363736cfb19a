import { expect } from "vitest";
import { readLedger } from "../support/catalog.ts";
import { onSomeServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { lastLineOf, runSlipway, type SlipwayResult } from "../support/slipway.ts";

const run = (database: TestDatabase, migrations: string): Promise<SlipwayResult> =>
  runSlipway(["run"], { database, schema: "", migrations });

onSomeServer(
  "every kind of statement that wants no transaction runs, among others that are in one",
  async (server) => {
    await using database = await openTestDatabase(server);
    const beside = `${database.name}_beside`;
    const migrations = writeFolder({
      "01_tables.up.sql": `
      create table public.t (a int, b int);
      create table public.p (a int) partition by list (a);
      create table public.p1 partition of public.p for values in (1);
      create type public.mood as enum ('sad');`,
      "02_index.up.sql":
        "insert into public.t values (1, 1);\ncreate index concurrently t_a on public.t (a);",
      "03_reindex.up.sql": "reindex index concurrently public.t_a;\nreindex table concurrently public.t;",
      "04_enum.up.sql":
        "alter type public.mood add value 'happy';\ncreate table public.moods as select 'happy'::public.mood as m;",
      "05_detach.up.sql": "alter table public.p detach partition public.p1 concurrently;",
      "06_system.up.sql":
        "alter system set log_min_duration_statement = -1;\nalter system reset log_min_duration_statement;",
      "07_database.up.sql": `create database ${beside};\ndrop database ${beside};`,
      "08_vacuum.up.sql": "vacuum (analyze) public.t;\ncluster public.t using t_a;",
      "09_directive.up.sql":
        "-- slipway: no-transaction\ninsert into public.t values (2, 2);\ninsert into public.t values (3, 3);",
      "10_own.up.sql": "begin isolation level serializable;\ninsert into public.t values (4, 4);\ncommit;",
      "11_several.up.sql":
        "begin;\ninsert into public.t values (5, 5);\ncommit;\nselect 1;\nstart transaction;\ninsert into public.t values (6, 6);\nend;",
      "12_procedure.up.sql": `
      create procedure public.fill() language plpgsql as $$ begin insert into public.t values (7, 7); commit; end $$;
      -- slipway: no-transaction
      call public.fill();
      do $$ begin insert into public.t values (8, 8); commit; end $$;
      drop index concurrently public.t_a;`,
    });

    const result = await run(database, migrations);

    expect(result).toExit(0);
    expect(await database.value("select array_agg(a order by a) from public.t")).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    expect(await database.value("select string_agg(m::text, '') from public.moods")).toBe("happy");
    expect(
      await database.value("select count(*)::int from pg_inherits where inhparent = 'public.p'::regclass"),
    ).toBe(0);
    expect(
      await database.query(
        "select version::int, transactional as in_one, statements_total as steps from migrations.app order by app.version",
      ),
    ).toEqual([
      { version: 1, in_one: true, steps: 1 },
      { version: 2, in_one: false, steps: 2 },
      { version: 3, in_one: false, steps: 2 },
      { version: 4, in_one: false, steps: 2 },
      { version: 5, in_one: false, steps: 1 },
      { version: 6, in_one: false, steps: 2 },
      { version: 7, in_one: false, steps: 2 },
      { version: 8, in_one: false, steps: 2 },
      { version: 9, in_one: false, steps: 2 },
      { version: 10, in_one: true, steps: 1 },
      { version: 11, in_one: false, steps: 3 },
      { version: 12, in_one: false, steps: 4 },
    ]);
  },
);

onSomeServer(
  "a procedure that commits among other statements is told apart by the server alone, which says what to write",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder({
      "1_procedure.up.sql": "create procedure public.fill() language plpgsql as $$ begin commit; end $$;",
      "2_call.up.sql": "select 1; call public.fill();",
    });

    const refused = await run(database, migrations);
    writeFiles(migrations, { "2_call.up.sql": "-- slipway: no-transaction\nselect 1; call public.fill();" });
    const result = await run(database, migrations);

    expect(refused).toExit(30);
    expect(String(lastLineOf(refused)["detail"] ?? "") + lastLineOf(refused).msg).toMatch(/2D000/);
    expect(JSON.stringify(lastLineOf(refused))).toMatch(/write `-- slipway: no-transaction`/);
    expect(result).toExit(0);
  },
);

onSomeServer(
  "what a file sets for itself lasts through its steps, and is set again where it goes on",
  async (server) => {
    await using database = await openTestDatabase(server);
    const role = database.nameRole();
    await database.query(
      `create role ${role}; create schema own authorization ${role}; create table public.stop ()`,
    );
    const migrations = writeFolder({
      "1_steps.up.sql": `
      set search_path = own;
      select set_config('app.tenant', 'seven', false);
      set role ${role};
      create table t (id int, tenant text);
      create index concurrently t_id on t (id);
      insert into t values (1, current_setting('app.tenant'));
      create table public.stop ();
      vacuum t;
      create table later as select current_user::text as who;`,
      "2_next.up.sql":
        "create table public.seen as select current_user::text as who, current_setting('search_path') as path;",
    });

    const failed = await run(database, migrations);
    const ledger = await readLedger(database);
    await database.query(`drop table public.stop; grant create on schema public to ${role}`);
    await runSlipway(["migrate", "retry", "1"], { database });
    const resumed = await run(database, migrations);

    expect(failed).toExit(30);
    expect(ledger).toEqual([expect.stringMatching(/^1 1_steps failed steps 2 of 5 /)]);
    expect(resumed).toExit(0);
    expect(await database.query("select * from own.t")).toEqual([{ id: 1, tenant: "seven" }]);
    expect(await database.query("select who from own.later")).toEqual([{ who: role }]);
    expect(
      await database.query(
        "select distinct tableowner::text as owner from pg_tables where schemaname = 'own'",
      ),
    ).toEqual([{ owner: role }]);
    expect(await database.query("select * from public.seen")).toEqual([
      { who: "postgres", path: '"$user", public' },
    ]);
  },
);

onSomeServer(
  "a file that makes its session read-only behind its last write is recorded all the same",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder({
      "1_read_only.up.sql":
        "create table t (id int);\nset session characteristics as transaction read only;\nvacuum t;",
      "2_next.up.sql": "insert into t values (1);",
    });

    const done = await run(database, migrations);

    expect(done).toExit(0);
    expect(await readLedger(database)).toHaveLength(2);
  },
);

onSomeServer(
  "a concurrent build without a name that failed leaves nothing, and is built once",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder({
      "1_t.up.sql": "create table public.t (b int); insert into public.t values (1), (1);",
      "2_index.up.sql": "create unique index concurrently on public.t (b);",
    });
    const failed = await run(database, migrations);
    const left = await database.value(
      "select count(*)::int from pg_index where indrelid = 'public.t'::regclass",
    );
    await database.query("delete from public.t where ctid = (select min(ctid) from public.t)");
    await runSlipway(["migrate", "retry", "2"], { database });

    const resumed = await run(database, migrations);

    expect(failed).toExit(30);
    expect(left).toBe(0);
    expect(resumed).toExit(0);
    expect(
      await database.query(
        "select indexrelid::regclass::text as index, indisvalid from pg_index where indrelid = 'public.t'::regclass",
      ),
    ).toEqual([{ index: "t_b_idx", indisvalid: true }]);
  },
);

/** What is found of a statement, in the database as it was before it and as it is after it. */
const LOOKED_UP: ReadonlyArray<
  readonly [statement: string, before: "runs" | "unknown", after: "is left out" | "runs" | "unknown"]
> = [
  ["create index concurrently found_i on public.t (a)", "runs", "is left out"],
  ["drop index concurrently public.t_a", "runs", "is left out"],
  ["alter table public.p detach partition public.p1 concurrently", "runs", "is left out"],
  ["create database DATABASE", "runs", "is left out"],
  ["alter type public.mood add value 'glad'", "runs", "is left out"],
  ["vacuum public.t", "runs", "runs"],
  ["comment on table public.t is 'x'", "runs", "runs"],
  ["create table if not exists public.maybe (a int)", "runs", "runs"],
  ["create or replace view public.v as select 1 as x", "runs", "runs"],
  ["drop view if exists public.nothing", "runs", "runs"],
  ["create index concurrently on public.t (b)", "unknown", "unknown"],
  ["insert into public.t select 1, 2 where not exists (select from public.t)", "unknown", "unknown"],
  [
    "do $$ begin if exists (select) then insert into public.t values (1, 1); end if; end $$",
    "unknown",
    "unknown",
  ],
  ["alter table if exists public.t add column c int", "unknown", "unknown"],
];

onSomeServer(
  "of a statement that nobody saw the end of, what became of it is looked up where the catalog tells",
  async (server) => {
    await using database = await openTestDatabase(server);
    const beside = `${database.name}_beside`;
    await database.query(
      `create table public.t (a int, b int); create index t_a on public.t (a); create type public.mood as enum ('sad');
       create table public.p (a int) partition by list (a); create table public.p1 partition of public.p for values in (1);`,
    );
    const found: unknown[] = [];
    for (const [index, [words]] of LOOKED_UP.entries()) {
      const statement = words.replace("DATABASE", beside);
      const version = index + 1;
      const migrations = writeFolder({
        [`${version}_m.up.sql`]: `-- slipway: no-transaction\nselect 'first';\n${statement};\n`,
      });
      const leave = (): Promise<unknown> =>
        database.query(
          `insert into migrations.app (version, name, status, statements_total, statements_done, statement_inflight)
           values (${version}, '${version}_m', 'pending', 2, 1, 2)
           on conflict (version) do update set status = 'pending', statements_done = 1, statement_inflight = 2`,
        );
      const outcome = async (): Promise<string> => {
        const result = await runSlipway(["migrate", "up", "--missing", "allow"], { database, migrations });
        if (result.exitCode === 32) return "unknown";
        if (result.exitCode !== 0) return String(lastLineOf(result).msg);
        const isLeftOut = result.lines.some(({ msg }) => msg === "An earlier run had completed this step");
        return isLeftOut ? "is left out" : "runs";
      };
      if (index === 0) await runSlipway(["migrate", "up"], { database, migrations: writeFolder() });
      await leave();
      const before = await outcome();
      if (before === "unknown") await database.query(statement.replace("concurrently", ""));
      await leave();
      found.push([words, before, await outcome()]);
      await database.query(`delete from migrations.app`);
    }
    await database.query(`drop database ${beside}`);

    expect(found).toEqual(LOOKED_UP);
  },
  180_000,
);

onSomeServer(
  "steps that are done and were changed since are refused, with the way to start over",
  async (server) => {
    await using database = await openTestDatabase(server);
    const text = (first: string): Record<string, string> => ({
      "1_steps.up.sql": `${first};\nvacuum public.t;\nselect 1 / 0;`,
    });
    const migrations = writeFolder(text("create table public.t (a int)"));
    await run(database, migrations);
    writeFiles(migrations, text("create table public.t (a bigint)"));

    const refused = await run(database, migrations);

    expect(refused).toExit(35);
    expect(lastLineOf(refused).msg).toMatch(
      /the first 2 of its steps are done, and were changed.*resolve 1 --as-pending/,
    );
  },
);
