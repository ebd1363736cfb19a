import { expect } from "vitest";
import { readLedger } from "../support/catalog.ts";
import { onEachServer, openTestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { lastLineOf, runSlipway } from "../support/slipway.ts";

const FILES = {
  "1_one.up.sql": "create table public.one (id int);",
  "2_two.up.sql": "create table public.two (id int);",
  "3_three.up.sql": "create table public.three (id int);",
};

/** What golang-migrate leaves behind that ran the first two. */
const GOLANG_MIGRATE = `
  create table public.one (id int);
  create table public.two (id int);
  create table public.schema_migrations (version bigint primary key, dirty boolean not null);
  insert into public.schema_migrations values (2, false);`;

onEachServer(
  "another tool's history is not run over: exit 35 until it is adopted, then only what is new runs",
  async (server) => {
    await using database = await openTestDatabase(server);
    await database.query(GOLANG_MIGRATE);
    const options = { database, schema: "", migrations: writeFolder(FILES) };

    const refused = await runSlipway(["run"], options);
    const adopted = await runSlipway(["migrate", "adopt", "--yes"], options);
    const run = await runSlipway(["run"], options);
    const again = await runSlipway(["migrate", "adopt", "--yes"], options);

    expect(refused).toExit(35);
    expect(lastLineOf(refused).msg).toMatch(/golang-migrate.*migrate adopt/);
    expect(adopted).toExit(0);
    expect(adopted.stdout).toMatch(/1_one\n.*2_two/);
    expect(run).toExit(0);
    expect(again).toExit(0);
    expect(await readLedger(database)).toEqual([
      expect.stringMatching(/^1 1_one applied/),
      expect.stringMatching(/^2 2_two applied/),
      expect.stringMatching(/^3 3_three applied/),
    ]);
    expect(await database.query("select * from public.schema_migrations")).toEqual([
      { version: "2", dirty: false },
    ]);
  },
);

onEachServer("adopting without a yes records nothing", async (server) => {
  await using database = await openTestDatabase(server);
  await database.query(GOLANG_MIGRATE);
  const options = { database, schema: "", migrations: writeFolder(FILES) };

  const adopt = await runSlipway(["migrate", "adopt"], options);

  expect(adopt).toExit(2);
  expect(await readLedger(database)).toEqual([]);
});

onEachServer(
  "a version that the other tool calls dirty stops every run until a person resolved it, either way",
  async (server) => {
    const outcomes: Record<string, unknown> = {};
    for (const found of ["--as-pending", "--as-applied"]) {
      await using database = await openTestDatabase(server);
      await database.query(`${GOLANG_MIGRATE} update public.schema_migrations set dirty = true`);
      if (found === "--as-pending") await database.query("drop table public.two");
      const options = { database, schema: "", migrations: writeFolder(FILES) };

      const adopt = await runSlipway(["migrate", "adopt", "--yes"], options);
      const stopped = await runSlipway(["run"], options);
      const resolve = await runSlipway(["migrate", "resolve", "2", found], options);
      const run = await runSlipway(["run"], options);

      expect(adopt.stdout).toMatch(/Half done, and recorded as failed.*\n {2}2_two\n/);
      for (const each of [adopt, stopped]) {
        expect(each).toExit(35);
        expect(lastLineOf(each).msg).toMatch(
          /2_two is half done, says golang-migrate .*resolve 2 --as-pending;.*resolve 2 --as-applied/,
        );
      }
      outcomes[found] = [
        resolve.exitCode,
        run.exitCode,
        await database.value("select count(*)::int from migrations.app where status = 'applied'"),
        await database.value(
          "select count(*)::int from migrations.app_log where version = 2 and event = 'applied'",
        ),
      ];
    }

    expect(outcomes).toEqual({ "--as-pending": [0, 0, 3, 1], "--as-applied": [0, 0, 3, 0] });
  },
);

onEachServer("a dry run of adopt shows what would be recorded, and what no file here has", async (server) => {
  await using database = await openTestDatabase(server);
  await database.query(
    "create table schema_migrations (version varchar(128) primary key); insert into schema_migrations values ('1'), ('2'), ('77')",
  );
  const options = { database, schema: "", migrations: writeFolder(FILES) };

  const adopt = await runSlipway(["migrate", "adopt", "--dry-run"], options);

  expect(adopt).toExit(0);
  expect(adopt.stdout).toMatch(
    /^From dbmate \(table public\.schema_migrations, 3 migrations\).*:\n {2}1_one\n {2}2_two\nNot adopted.*:\n {2}77\n$/,
  );
  expect(await database.value("select to_regnamespace('migrations') is null")).toBe(true);
});

onEachServer(
  "of several histories the one that knows these files is adopted, or the one named",
  async (server) => {
    await using database = await openTestDatabase(server);
    await database.query(
      `${GOLANG_MIGRATE}
     create schema auth; create table auth.schema_migrations (version varchar(255) primary key);
     insert into auth.schema_migrations values ('20171026211738'), ('20171026211808');
     create schema other; create table other.goose_db_version (id serial, version_id bigint, is_applied boolean);`,
    );
    const options = { database, schema: "", migrations: writeFolder(FILES) };

    const first = await runSlipway(["migrate", "adopt", "--dry-run"], options);
    await database.query("insert into other.goose_db_version (version_id, is_applied) values (1, true)");
    const unclear = await runSlipway(["migrate", "adopt", "--yes"], options);
    const wrong = await runSlipway(["migrate", "adopt", "--yes", "--table", "public.history"], options);
    const named = await runSlipway(["migrate", "adopt", "--yes", "--table", "goose_db_version"], options);

    expect(first.stdout).toMatch(/^From golang-migrate \(table public\.schema_migrations/);
    expect(unclear).toExit(2);
    expect(lastLineOf(unclear).msg).toMatch(/several histories.*--table other\.goose_db_version/);
    expect(wrong).toExit(2);
    expect(named).toExit(0);
    expect(await readLedger(database)).toEqual([expect.stringMatching(/^1 1_one applied/)]);
  },
);

onEachServer("a table with a name of its own is told by its columns when it is named", async (server) => {
  await using database = await openTestDatabase(server);
  await database.query(
    `create table db_migrations (version bigint primary key, name varchar not null); insert into db_migrations values (1, 'one');
     create schema "App"; create table "App".moves (version bigint primary key, dirty boolean not null); insert into "App".moves values (2, false);
     create table history (installed_rank int primary key, version varchar(50), type varchar(20), success boolean);
     insert into history values (1, '1', 'SQL', true)`,
  );
  const options = { database, schema: "", migrations: writeFolder(FILES) };
  const adopt = async (...args: string[]): Promise<string> => {
    const { stdout } = await runSlipway(["migrate", "adopt", "--dry-run", ...args], options);
    return stdout.split(",")[0] ?? "";
  };

  expect(await adopt()).toMatch(/^No history/);
  expect(await adopt("--table", "db_migrations")).toBe("From dbmate (table public.db_migrations");
  expect(await adopt("--table", '"App".moves')).toBe('From golang-migrate (table "App".moves');
  expect(await adopt("--table", "public.history")).toBe("From Flyway (table public.history");
});

onEachServer("without another tool's history there is nothing to adopt", async (server) => {
  await using database = await openTestDatabase(server);

  const adopt = await runSlipway(["migrate", "adopt", "--yes"], { database, migrations: writeFolder(FILES) });

  expect(adopt).toExit(0);
  expect(adopt.stdout).toMatch(/^No history/);
});

const TOOLS: readonly (readonly [tool: string, history: string])[] = [
  [
    "dbmate",
    "create table schema_migrations (version varchar(128) primary key); insert into schema_migrations values ('1'), ('2')",
  ],
  [
    "goose",
    `create table goose_db_version (id serial primary key, version_id bigint not null, is_applied boolean not null, tstamp timestamp default now());
     insert into goose_db_version (version_id, is_applied) values (0, true), (1, true), (2, true), (3, true), (3, false)`,
  ],
  [
    "Flyway",
    `create table flyway_schema_history (installed_rank int primary key, version varchar(50), description varchar(200), type varchar(20),
       script varchar(1000), checksum int, installed_by varchar(100), installed_on timestamp default now(), execution_time int, success boolean);
     insert into flyway_schema_history (installed_rank, version, type, success) values (1, '1', 'BASELINE', true),
       (2, '2', 'SQL', true), (3, null, 'SQL', true), (4, '2.1', 'SQL', true), (5, '3', 'SQL', true), (6, '3', 'UNDO_SQL', true), (7, '3', 'SQL', false)`,
  ],
  [
    "node-pg-migrate",
    "create table pgmigrations (id serial, name varchar(255), run_on timestamp); insert into pgmigrations (name) values ('1_one'), ('2_two')",
  ],
  [
    "Prisma",
    `create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64), finished_at timestamptz, migration_name varchar(255),
       logs text, rolled_back_at timestamptz, started_at timestamptz default now(), applied_steps_count int default 0);
     insert into _prisma_migrations (id, migration_name, finished_at) values ('a', '1_one', now()), ('b', '2_two', now()), ('c', '3_three', null)`,
  ],
];

onEachServer("the histories of other tools are read as they meant them", async (server) => {
  const adopted: Record<string, unknown> = {};
  for (const [tool, history] of TOOLS) {
    await using database = await openTestDatabase(server);
    await database.query(history);

    const adopt = await runSlipway(["migrate", "adopt", "--yes"], {
      database,
      migrations: writeFolder(FILES),
    });

    const versions = await database.query<{ version: number }>(
      "select version::int from migrations.app order by app.version",
    );
    adopted[tool] = [adopt.exitCode, adopt.stdout.includes(tool), versions.map(({ version }) => version)];
  }

  expect(adopted).toEqual(Object.fromEntries(TOOLS.map(([tool]) => [tool, [0, true, [1, 2]]])));
});
