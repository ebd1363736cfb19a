import { join } from "node:path";
import { expect } from "vitest";
import { describeCatalog } from "../support/catalog.ts";
import { onEachServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { createCluster, urlOf } from "../support/server.ts";
import { lastLineOf, runSlipway, type SlipwayResult } from "../support/slipway.ts";

const V1 = `
create schema app;
create type app.mood as enum ('sad', 'ok');
create domain app.sku as text check (value ~ '^[a-z]');
create sequence app.numbers;
create table app.orders (
  id bigint generated always as identity primary key,
  mood app.mood not null default 'ok',
  sku app.sku,
  total numeric(10,2) not null default 0 check (total >= 0),
  doubled numeric generated always as (total * 2) stored,
  note text
);
create index orders_note on app.orders (lower(note));
create table app.events (at date not null, what text) partition by range (at);
create table app.events_old partition of app.events for values from ('2020-01-01') to ('2021-01-01');
create view app.sad as select id, note from app.orders where mood = 'sad';
create materialized view app.totals as select mood, sum(total) as total from app.orders group by mood;
create function app.touch() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger touch before update on app.orders for each row execute function app.touch();
alter table app.orders enable row level security;
create policy all_of_it on app.orders using (true);
comment on table app.orders is 'what was ordered';
`;

const V2 = V1.replace("('sad', 'ok')", "('sad', 'ok', 'glad')")
  .replace("default 'ok'", "default 'glad'")
  .replace("note text\n", "note text, more int references app.items\n")
  .replace(
    "create index",
    "create table app.items (id int primary key);\ncreate unique index orders_sku on app.orders (sku);\ncreate index",
  );

/** What others have made of the database since. */
const LIFE = (role: string): string => `
insert into app.orders (note) values ('one');
create table app.events_2026 partition of app.events for values from ('2026-01-01') to ('2027-01-01');
create table app.extra (id serial primary key, o bigint references app.orders);
create schema elsewhere;
create view elsewhere.v as select o.id, e.id as extra from app.orders o join app.extra e on e.o = o.id;
create role ${role};
grant select on app.orders to ${role};
alter table app.extra owner to ${role};
alter database :db set search_path = app, public;
`;

async function grown(database: TestDatabase): Promise<string> {
  const schema = writeFolder({ "schemas/10_app.sql": V1 });
  await runSlipway(["run"], { database, schema });
  await database.query(LIFE(database.nameRole()).replace(":db", database.name));
  return schema;
}

const warningsOf = (result: SlipwayResult): readonly unknown[] =>
  result.lines.filter(({ level }) => level === "warn");

onEachServer(
  "a plan is proven on a copy of all that is there, and the database stays as it was",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = await grown(database);
    writeFiles(schema, { "schemas/10_app.sql": V2 });
    const before = await describeCatalog(database);

    const plan = await runSlipway(["plan", "--try"], { database, schema });
    const json = await runSlipway(["schema", "plan", "--try", "--json"], { database, schema });
    const script = await runSlipway(["plan", "--try", "--sql"], { database, schema });
    const after = await describeCatalog(database);
    const run = await runSlipway(["run"], { database, schema });
    const nothing = await runSlipway(["plan", "--try"], { database, schema });

    expect(plan).toExit(3);
    expect(plan.stdout).toMatch(
      /Tried on a copy of the schema, which became the desired one \(\d+ changes, \d+ ms\)/,
    );
    expect(warningsOf(plan)).toEqual([]);
    expect(json).toExit(3);
    expect(JSON.parse(json.stdout).tried).toMatchObject({ ok: true, unlike: [] });
    expect(script).toExit(3);
    expect(script.stdout).not.toContain("Tried");
    expect(after).toEqual(before);
    expect(run).toExit(0);
    expect(nothing).toExit(0);
    expect(nothing.stdout).not.toContain("Tried");
  },
  180_000,
);

onEachServer(
  "a plan that an object of others stands in the way of fails on the copy, with the statement",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = await grown(database);
    await database.query("create view elsewhere.notes as select note from app.orders");
    writeFiles(schema, {
      "schemas/10_app.sql": V1.replace("\n  note text\n", "\n  memo text\n")
        .replace("lower(note)", "lower(memo)")
        .replace("id, note", "id"),
      ".slipwayignore": "view elsewhere.*\n",
    });

    const tried = await runSlipway(["plan", "--try", "--json"], { database, schema });

    expect(tried).toExit(30);
    expect(JSON.parse(tried.stdout).tried).toEqual({ ok: false, code: "STATEMENT_FAILED" });
    const { what, why, excerpt } = lastLineOf(tried);
    expect(what).toMatch(
      /tried on a copy of the schema, change \d+ of \d+ \(drop column app\.orders\.note\) failed/,
    );
    expect(why).toContain("2BP01");
    expect(excerpt).toContain("DROP COLUMN");
    expect(await database.value("select note from app.orders")).toBe("one");
  },
);

onEachServer("an install is tried by building it", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder({ "schemas/10_app.sql": V1 });

  const sound = await runSlipway(["plan", "--try"], { database, schema });
  writeFiles(schema, { "schemas/20_more.sql": "create view app.more as\n  select nope from app.orders;" });
  const broken = await runSlipway(["plan", "--try"], { database, schema });

  expect(sound).toExit(3);
  expect(sound.stdout).toContain("Tried on a copy");
  expect(broken).toExit(30);
  expect(lastLineOf(broken)["where"]).toBe(`${schema}/schemas/20_more.sql:2:10`);
  expect(await database.value("select count(*)::int from pg_namespace where nspname = 'app'")).toBe(0);
});

onEachServer(
  "the copy can be made on the server of SLIPWAY_SHADOW_URL, and a role without CREATEDB is told so",
  async (server) => {
    await using database = await openTestDatabase(server);
    await using other = await createCluster({
      bin: server.bin,
      account: server.account,
      folder: join(server.folder, `other-${database.name}`),
    });
    const role = await database.createRole();
    await database.query(`alter database ${database.name} owner to ${role.name}`);
    const schema = writeFolder({ "schemas/10_app.sql": V1 });
    const asRole = { database: { url: role.url }, schema };
    await runSlipway(["run"], asRole);
    writeFiles(schema, { "schemas/10_app.sql": V2 });
    await runSlipway(["schema", "compile", "--server", urlOf(other, "postgres")], { schema });

    const refused = await runSlipway(["plan", "--try"], asRole);
    const elsewhere = await runSlipway(["plan", "--try", "--shadow-url", urlOf(other, "postgres")], asRole);

    expect(refused).toExit(36);
    expect(lastLineOf(refused)["next"]).toContain("SLIPWAY_SHADOW_URL");
    expect(elsewhere).toExit(3);
    expect(elsewhere.stdout).toContain("Tried on a copy");
    expect(warningsOf(elsewhere)).toEqual([]);
  },
  180_000,
);
