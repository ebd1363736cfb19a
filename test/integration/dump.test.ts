import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, type TestContext, test } from "vitest";
import type { Output } from "../../src/commands/environment.ts";
import { planCommand } from "../../src/commands/plan.ts";
import { run } from "../../src/commands/run.ts";
import { schemaDumpCommand } from "../../src/commands/schema-dump.ts";
import type { DatabaseEnvironment } from "../../src/commands/session.ts";
import { parseConfig } from "../../src/config/config.ts";
import { createLog } from "../../src/log/log.ts";
import { describeCatalog } from "../support/catalog.ts";
import { type Pair, readPairs } from "../support/corpus.ts";
import { onEachServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import type { TestServer } from "../support/server.ts";
import { runSlipway } from "../support/slipway.ts";

/** `SLIPWAY_CORPUS=all` takes every schema of the corpus, not one in twelve. */
const pairs = readPairs().filter((_, index) => process.env["SLIPWAY_CORPUS"] === "all" || index % 12 === 0);

for (const server of inject("servers")) {
  for (const pair of pairs) {
    test(`the dump of ${pair.name} makes the same schema again [PostgreSQL ${server.major}]`, (context) =>
      roundTrips(server, pair, context));
  }
}

async function roundTrips(server: TestServer, pair: Pair, context: TestContext): Promise<void> {
  await using original = await openTestDatabase(server);
  await using copy = await openTestDatabase(server);
  try {
    if (pair.setup !== "") await original.query(pair.setup);
    if (pair.wanted.trim() !== "") await original.query(pair.wanted);
  } catch (error) {
    context.skip(`PostgreSQL ${server.major} itself refuses the schema: ${String(error)}`);
  }
  // A pair may end with nothing at all, which is no database to compare files with.
  await original.query("create schema beside_the_pair; create table beside_the_pair.t ()");

  await requireRoundTrip(original, copy);
}

/** Dump, the same dump again, nothing to do on the original, and the same schema and dump from the files alone. */
async function requireRoundTrip(original: TestDatabase, copy: TestDatabase): Promise<void> {
  const folder = writeFolder();
  await schemaDumpCommand(environmentOf(original, folder), { schemas: undefined, out: folder, force: false });
  const dump = readFolder(folder);
  await schemaDumpCommand(environmentOf(original, folder), { schemas: undefined, out: folder, force: false });
  expect(readFolder(folder)).toEqual(dump);

  const text: string[] = [];
  const left = await planCommand(environmentOf(original, folder, text), { sql: true, schemaOnly: true });
  expect(text.join("")).toBe("");
  expect(left).toBe(0);

  await run(environmentOf(copy, folder));
  const again = writeFolder();
  await schemaDumpCommand(environmentOf(copy, again), { schemas: undefined, out: again, force: false });
  expect(readFolder(again)).toEqual(dump);
  expect(await linesOf(copy)).toEqual(await linesOf(original));
}

/** The names of NOT NULL constraints (18) are beyond the engine, and so new ones in the copy. */
async function linesOf(database: TestDatabase): Promise<readonly string[]> {
  const lines = await describeCatalog(database);
  return lines.filter((line) => !/^constraint .* NOT NULL \S+ valid=t$/.test(line));
}

function readFolder(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(
    names
      .filter((name) => name.endsWith(".sql"))
      .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
}

function environmentOf(database: TestDatabase, folder: string, text: string[] = []): DatabaseEnvironment {
  const config = parseConfig({
    flags: {},
    env: { DATABASE_URL: database.url, SLIPWAY_SCHEMA_PATH: folder },
    needsDatabase: true,
    bundledSchemaPath: "",
  });
  const out: Output = { write: (line) => void text.push(line), isTerminal: false, colour: false };
  const log = createLog({ level: "silent", format: "json", fd: 2, isTerminal: false, colour: false });
  return {
    config,
    log,
    out,
    json: false,
    signal: new AbortController().signal,
    pod: "dump",
    env: {},
    ask: undefined,
  };
}

const SHOP = `
create schema shop;
create type shop.state as enum ('new', 'paid');
create table shop."Orders" (id bigint generated always as identity primary key, b int, a text not null default 'x',
  total numeric generated always as (b * 2) stored, c shop.state, constraint span check (b between 1 and 9 and a <> ''));
create table shop.orders (id serial primary key, other bigint references shop."Orders", doc text);
create statistics shop.orders_id_other on id, other from shop.orders;
alter table shop.orders alter column doc set storage external, alter column other set statistics 500;
alter table shop.orders set (toast.autovacuum_enabled = off);
alter table shop.orders cluster on orders_pkey;
create function shop.same(a text, b text) returns boolean language sql immutable as 'select a = b';
create operator shop.=== (function = shop.same, leftarg = text, rightarg = text, commutator = operator(shop.===));
create cast (shop.state as bigint) with inout;
create text search dictionary shop.words (template = pg_catalog.simple, stopwords = english);
create text search configuration shop.plain (parser = pg_catalog."default");
alter text search configuration shop.plain add mapping for asciiword with shop.words;
create table shop.days (day date not null, n int) partition by range (day);
create table shop.days_1 partition of shop.days for values from ('2026-01-01') to ('2026-02-01');
create index days_n on shop.days (n);
create view shop.late as select * from shop.days where (n between 1 and 5) and day < '2026-01-10';
`;

const NOT_DUMPED = `
create operator family shop.lonely using btree;
create table shop.parent_1 (a int);
create table shop.parent_2 (b int);
create table shop.child (c int) inherits (shop.parent_1, shop.parent_2);
`;

onEachServer("what no comparison sees is in the dump, and columns keep their order", async (server) => {
  await using original = await openTestDatabase(server);
  await using copy = await openTestDatabase(server);
  await original.query(SHOP);

  await requireRoundTrip(original, copy);

  const folder = writeFolder();
  await schemaDumpCommand(environmentOf(copy, folder), { schemas: undefined, out: folder, force: false });
  const files = readFolder(folder);
  // Two names that differ in case alone are two files to any file system.
  expect(Object.keys(files).filter((name) => /tables.orders/i.test(name))).toEqual([
    expect.stringMatching(/^schemas.shop.tables.Orders~[0-9a-f]+\.sql$/),
    expect.stringMatching(/^schemas.shop.tables.orders\.sql$/),
  ]);
  expect(files["schemas/shop/tables/orders.sql"]).toMatchInlineSnapshot(`
    "create sequence shop.orders_id_seq as integer increment by 1 minvalue 1 maxvalue 2147483647 start with 1 cache 1 no cycle;

    create table shop.orders (
      id integer not null default nextval('shop.orders_id_seq'::regclass),
      other bigint,
      doc text,
      constraint orders_pkey primary key (id)
    );

    alter sequence shop.orders_id_seq owned by shop.orders.id;

    alter table shop.orders
      add constraint orders_other_fkey foreign key (other) references shop."Orders"(id);

    alter table shop.orders
      set (toast.autovacuum_enabled=off);

    alter table shop.orders
      cluster on orders_pkey;

    alter table shop.orders
      alter column doc set storage external;

    alter table shop.orders
      alter column other set statistics 500;

    create statistics shop.orders_id_other on id, other from shop.orders;
    "
  `);
  const order = await copy.value(
    "select string_agg(attname, ',' order by attnum) from pg_attribute where attrelid = 'shop.\"Orders\"'::regclass and attnum > 0",
  );
  expect(order).toBe("id,b,a,total,c");
  const unseen = await copy.query(
    "select 'a'::text operator(shop.===) 'a'::text as same, 'new'::shop.state::text as state",
  );
  expect(unseen).toEqual([{ same: true, state: "new" }]);
});

onEachServer("what a dump can't say is named, and roles are said to be needed", async (server) => {
  await using database = await openTestDatabase(server);
  const role = await database.createRole();
  await database.query(
    `${SHOP}${NOT_DUMPED} grant select on shop.orders to ${role.name};
    create server hidden foreign data wrapper nothing`.replace(
      "create server",
      "create foreign data wrapper nothing; create server",
    ),
  );
  await database.query(`create user mapping for ${role.name} server hidden options (password 'swordfish')`);

  const result = await runSlipway(["schema", "dump", "--stdout"], { database });

  expect(result).toExit(0);
  expect(result.stdout + result.stderr).not.toContain("swordfish");
  const leftOut = result.lines.find(({ level }) => level === "warn")?.["objects"];
  expect(leftOut).toEqual([
    "operator family shop.lonely",
    "table shop.child as one of several parents",
    `user mapping of ${role.name} on server hidden`,
  ]);
  expect(result.lines).toContainEqual(expect.objectContaining({ roles: [role.name] }));
  expect(result.stdout).toMatch(/-- schemas\/shop\/types\/state\.sql\n\ncreate type shop\.state as enum/);
});

onEachServer(
  "a folder that holds something else is left alone, and an earlier dump is replaced",
  async (server) => {
    await using database = await openTestDatabase(server);
    await database.query(
      "create schema a; create table a.one (id int); create schema b; create table b.two (id int)",
    );
    const folder = writeFolder({ "notes.txt": "mine" });

    const refused = await runSlipway(["schema", "dump", "--out", folder], { database });
    const forced = await runSlipway(["schema", "dump", "--out", folder, "--force", "--json"], { database });
    await database.query("drop table a.one; create table a.three (id int)");
    const again = await runSlipway(["schema", "dump", "--out", folder, "--schema", "a", "--schema", "b"], {
      database,
    });
    const only = await runSlipway(["schema", "dump", "--out", folder, "--schema", "b", "--json"], {
      database,
    });
    const unknown = await runSlipway(["schema", "dump", "--stdout", "--schema", "c"], { database });

    expect(refused).toExit(2);
    expect(JSON.parse(forced.stdout)).toMatchObject({
      files: [
        "schemas/a/schema.sql",
        "schemas/a/tables/one.sql",
        "schemas/b/schema.sql",
        "schemas/b/tables/two.sql",
      ],
      schemas: ["a", "b", "public"],
      removed: [],
    });
    expect(again.stdout).toContain("removed: schemas/a/tables/one.sql\n");
    expect(JSON.parse(only.stdout)).toMatchObject({
      removed: ["schemas/a/schema.sql", "schemas/a/tables/three.sql"],
    });
    expect(Object.keys(readFolder(folder))).toEqual(["schemas/b/schema.sql", "schemas/b/tables/two.sql"]);
    expect(existsSync(join(folder, "notes.txt"))).toBe(true);
    expect(unknown).toExit(2);
  },
);

onEachServer(
  "partitions that the files declare are dumped, those that the application made are data",
  async (server) => {
    await using database = await openTestDatabase(server);
    const folder = writeFolder({ "schemas/shop.sql": SHOP });
    await run(environmentOf(database, folder));
    await database.query(
      "create table shop.days_2 partition of shop.days for values from ('2026-02-01') to ('2026-03-01')",
    );
    const out = writeFolder();

    const dump = await runSlipway(["schema", "dump", "--out", out, "--json"], { database });

    expect(JSON.parse(dump.stdout)).toMatchObject({ schemas: ["shop"], runTimePartitions: ["shop.days_2"] });
    expect(Object.keys(readFolder(out)).filter((name) => name.includes("days_"))).toEqual([
      "schemas/shop/tables/days_1.sql",
    ]);
  },
);

// The largest schema there is, twice installed and three times dumped.
onEachServer(
  "the platform schema that comes along is dumped and made again",
  async (server) => {
    await using original = await openTestDatabase(server);
    await using copy = await openTestDatabase(server);
    const bundled = new URL("../../schema", import.meta.url).pathname;
    await run(environmentOf(original, bundled));

    await requireRoundTrip(original, copy);
  },
  120_000,
);
