import { expect } from "vitest";
import { snapshotRecords } from "../support/catalog.ts";
import { onEachServer, openTestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { lastLineOf, runSlipway } from "../support/slipway.ts";

const SCHEMA = `
create schema app;
create table app.orders (id int primary key, state text not null default 'new', total integer);
create index orders_state on app.orders (state);
create function app.one() returns int language sql as 'select 1';
`;

const folderOf = (sql: string): string => writeFolder({ "schemas/10_app.sql": sql });

interface Told {
  readonly clean: boolean;
  readonly outside: readonly Record<string, unknown>[];
  readonly files: readonly Record<string, unknown>[];
  readonly extras: readonly string[];
  readonly outsideUnknown?: string;
}

onEachServer("a database that is as the files say validates, and nothing is written", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = folderOf(SCHEMA);
  await runSlipway(["run"], { database, schema });
  await database.query("create table app.extra (id int)");
  const before = await snapshotRecords(database);

  const result = await runSlipway(["schema", "validate", "--json"], { database, schema });

  expect(result).toExit(0);
  expect(JSON.parse(result.stdout)).toMatchObject({
    clean: true,
    outside: [],
    files: [],
    extras: ["table app.extra"],
  });
  expect(await snapshotRecords(database)).toEqual(before);
});

onEachServer("what changed outside slipway is told apart from what the files changed", async (server) => {
  await using database = await openTestDatabase(server);
  await runSlipway(["run"], { database, schema: folderOf(SCHEMA) });
  await database.query(`
    alter table app.orders alter column state set default 'odd';
    alter table app.orders alter column total type bigint;
    drop index app.orders_state;
    create or replace function app.one() returns int language sql as 'select 2'`);
  const newer = folderOf(
    `${SCHEMA.replace("total integer", "total numeric")}create table app.more (id int not null);\n`,
  );

  const same = await runSlipway(["schema", "validate"], { database, schema: folderOf(SCHEMA) });
  const both = await runSlipway(["schema", "validate", "--json"], { database, schema: newer });

  expect(same).toExit(3);
  expect(same.stdout.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, "TIME")).toMatchInlineSnapshot(`
    "Changed outside slipway since the last apply (TIME)
      ~ column app.orders.total
          type: integer → bigint
          applied:   alter table app.orders
                       add column total integer;
          database:  alter table app.orders
                       add column total bigint;
      ~ default app.orders.state
          expression: 'new'::text → 'odd'::text
          applied:   alter table app.orders
                       alter column state set default 'new'::text;
          database:  alter table app.orders
                       alter column state set default 'odd'::text;
      ~ function app.one()
          applied:   create or replace function app.one()
                       returns integer
                       language sql
                       as $function$select 1$function$;
          database:  create or replace function app.one()
                       returns integer
                       language sql
                       as $function$select 2$function$;
      - index app.orders_state
          applied:   create index orders_state on app.orders using btree (state);
          database:  none

    4 changes outside slipway, no other difference from the files
    "
  `);
  expect(both).toExit(3);
  const told = JSON.parse(both.stdout) as Told;
  expect(told.outside.map(({ object, kind }) => `${String(kind)} ${String(object)}`)).toEqual([
    "changed column app.orders.total",
    "changed default app.orders.state",
    "changed function app.one()",
    "removed index app.orders_state",
  ]);
  // What only puts back what was changed outside is told above, with both its sides.
  expect(told.files).toEqual([
    expect.objectContaining({
      object: "column app.orders.total",
      before: expect.stringContaining("total bigint"),
      after: expect.stringContaining("total numeric"),
      edits: [expect.objectContaining({ property: "type", from: "bigint", to: "numeric" })],
    }),
    expect.objectContaining({
      object: "table app.more",
      kind: "added",
      after: "create table app.more (\n  id integer not null\n);",
    }),
  ]);
});

onEachServer("a database that slipway never saw is compared with the files alone", async (server) => {
  await using database = await openTestDatabase(server);
  await database.query(`${SCHEMA} drop index app.orders_state`);

  const result = await runSlipway(["schema", "validate", "--json"], { database, schema: folderOf(SCHEMA) });

  expect(result).toExit(3);
  const told = JSON.parse(result.stdout) as Told;
  expect(told.outsideUnknown).toBe("nothing was applied yet");
  expect(told.files).toEqual([expect.objectContaining({ object: "index app.orders_state", kind: "added" })]);
});

onEachServer("drift that is refused says what of each object differs", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = folderOf(SCHEMA);
  await runSlipway(["run"], { database, schema });
  await database.query("alter table app.orders alter column total type bigint");

  const run = await runSlipway(["run"], { database, schema, env: { SLIPWAY_DRIFT: "refuse" } });

  expect(run).toExit(33);
  expect(lastLineOf(run).msg).toContain("column app.orders.total (type: integer → bigint)");
});

onEachServer("status tells what was applied, what waits and whether it drifted", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = folderOf(SCHEMA);

  const before = await runSlipway(["schema", "status"], { database, schema });
  await runSlipway(["run"], { database, schema });
  const clean = await runSlipway(["schema", "status", "--json"], { database, schema });
  await database.query("drop index app.orders_state");
  const refused = await runSlipway(["run"], {
    database,
    schema: folderOf(SCHEMA.replace(", total integer", "")),
  });
  const drifted = await runSlipway(["schema", "status", "--json"], { database, schema });
  const table = await runSlipway(["schema", "status"], { database, schema });

  expect(before.stdout).toBe("No declarative schema was applied yet\n");
  const told = JSON.parse(clean.stdout) as Record<string, unknown>;
  expect(told).toMatchObject({
    applied: { how: "install", managedSchemas: ["app"], superseded: 0, serverMajor: server.major },
    drift: { state: "none" },
    plans: [],
  });
  expect(refused).toExit(31);
  expect(JSON.parse(drifted.stdout)).toMatchObject({
    drift: { state: "found", objects: ["index app.orders_state"] },
    plans: [{ destructive: 1, summary: expect.stringContaining("1 to drop") }],
  });
  expect(table.stdout).toMatch(/^drift +index app\.orders_state /m);
  expect(table.stdout).toMatch(/^\w{16} .* waits$/m);
});
