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

onEachServer("a version that the other tool calls dirty is left to a person", async (server) => {
  await using database = await openTestDatabase(server);
  await database.query(
    `${GOLANG_MIGRATE} update public.schema_migrations set dirty = true; drop table public.two;`,
  );
  const options = { database, schema: "", migrations: writeFolder(FILES) };

  const adopt = await runSlipway(["migrate", "adopt", "--yes"], options);
  const run = await runSlipway(["run"], options);

  expect(adopt).toExit(35);
  expect(lastLineOf(adopt).msg).toMatch(/version 2 is half done/);
  expect(run).toExit(0);
  expect(await database.value("select to_regclass('public.two') is not null")).toBe(true);
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
     insert into flyway_schema_history (installed_rank, version, success) values (1, '1', true), (2, '2', true), (3, null, true), (4, '3', false)`,
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
