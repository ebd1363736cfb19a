import { expect } from "vitest";
import { onEachServer, openTestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { lastLineOf, runSlipway } from "../support/slipway.ts";

/** Every kind of reference, each to a file that comes later. */
const BACKWARDS = {
  "schemas/10_grants.sql":
    "grant select on app.orders to public;\ncomment on view app.overview is 'all of them';",
  "schemas/20_views.sql": "create view app.overview as select o.id, app.label(o.id) from app.orders o;",
  "schemas/30_functions.sql": `
create function app.label(id int) returns text language sql begin atomic select note from app.orders o where o.id = label.id; end;
create function app.count_all() returns bigint language sql as 'select count(*) from app.orders';
create function app.of(o app.orders) returns app.mood language sql as 'select o.mood';`,
  "schemas/40_orders.sql": `
create table app.orders (id int primary key, mood app.mood, note text, item int);
alter table app.orders add foreign key (item) references app.items;
create trigger touch before update on app.orders for each row execute function app.touch();`,
  "schemas/50_items.sql": "create table app.items (id int primary key, order_id int references app.orders);",
  "schemas/60_types.sql": "create type app.mood as enum ('sad', 'ok');",
  "schemas/70_triggers.sql":
    "create function app.touch() returns trigger language plpgsql as 'begin return new; end';",
  "schemas/90_schema.sql": "create schema app;",
};

onEachServer(
  "files may refer to each other backwards and in circles, for a run as for a snapshot",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = writeFolder(BACKWARDS);

    const run = await runSlipway(["run"], { database, schema });
    const compiled = await runSlipway(["schema", "compile"], { database, schema });
    writeFiles(schema, { "schemas/05_more.sql": "create view app.more as select * from app.overview;" });
    const change = await runSlipway(["run"], { database, schema });

    expect(run).toExit(0);
    expect(compiled).toExit(0);
    expect(change).toExit(0);
    expect(await database.query("select * from app.more")).toEqual([]);
  },
);

onEachServer(
  "the statement that is shown is the broken one, not those that miss what it makes",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = writeFolder({
      ...BACKWARDS,
      "schemas/40_orders.sql": "create table app.orders (\n  id int primary key,\n  mood app.mode\n);",
    });

    const run = await runSlipway(["run"], { database, schema });

    expect(run).toExit(30);
    expect(lastLineOf(run)["where"]).toBe(`${schema}/schemas/40_orders.sql:3:8`);
    expect(lastLineOf(run)["what"]).toMatch(
      /^the desired schema cannot be built \(and \d+ statements more\)$/,
    );
  },
);

onEachServer("tables that wait for each other are named, with the way out", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder({
    "schemas/10_a.sql":
      "create schema app;\ncreate table app.a (id int primary key, b int references app.b);",
    "schemas/20_b.sql": "create table app.b (id int primary key, a int references app.a);",
  });

  const run = await runSlipway(["run"], { database, schema });

  expect(run).toExit(30);
  const { what, next } = lastLineOf(run);
  expect(what).toBe(
    `the desired schema cannot be built, these wait for each other: create table app.a (${schema}/schemas/10_a.sql:2:1), create table app.b (${schema}/schemas/20_b.sql:1:1)`,
  );
  expect(next).toContain("alter table … add foreign key");
});
