import { expect, test } from "vitest";
import { onEachServer, openTestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { lastLineOf, messagesOf, runSlipway, type SlipwayResult } from "../support/slipway.ts";

const SCHEMA = `
create schema app;
create table app.orders (id int primary key, note text);
create table app.people (id int primary key);
`;

const IGNORED = `
# what others make
table app.tmp_*
!table app.tmp_mine
index app.*_old
column app.orders.legacy
trigger app.orders.others_*
policy app.orders.others_*
grant app.orders to *
function app.others
constraint app.orders.others_*
schema audit
`;

const FOREIGN = (reader: string): string => `
create table app.tmp_1 (id serial primary key, n text);
create index tmp_n on app.tmp_1 (n);
comment on table app.tmp_1 is 'not yours';
create index orders_note_old on app.orders (note);
alter table app.orders add legacy int, add constraint others_check check (id > 0);
create trigger others_trigger before update on app.orders for each row execute function suppress_redundant_updates_trigger();
create policy others_policy on app.orders using (true);
grant select on app.orders to ${reader};
create function app.others(a int) returns int language sql return a;
create schema audit;
create table audit.log (id int);
`;

const planOf = (result: SlipwayResult): { changes: { object: string }[]; extras: string[] } | undefined =>
  JSON.parse(result.stdout).declarative.plan;

onEachServer(
  "what is ignored is no extra, not dropped even where extras are, and no drift",
  async (server) => {
    await using database = await openTestDatabase(server);
    const reader = database.nameRole();
    await database.query(`create role ${reader}`);
    const schema = writeFolder({ "schemas/10_app.sql": SCHEMA, ".slipwayignore": IGNORED });
    await runSlipway(["run"], { database, schema });
    await database.query(FOREIGN(reader));

    const plan = await runSlipway(["plan", "--json", "--extras", "drop"], { database, schema });
    const refuse = await runSlipway(["run", "--drift", "refuse"], { database, schema });
    await database.query("create table app.tmp_mine (id int); alter table app.tmp_1 add more int");
    writeFiles(schema, { "schemas/20_more.sql": "create table app.more (id int);" });
    const change = await runSlipway(["run", "--drift", "refuse", "--json"], { database, schema });
    const extras = await runSlipway(["plan", "--json", "--extras", "drop"], { database, schema });

    expect(plan).toExit(0);
    expect(planOf(plan)).toMatchObject({ changes: [], extras: [] });
    expect(refuse).toExit(0);
    expect(change).toExit(0);
    expect(messagesOf(change)).toContain("Schema applied successfully");
    expect(planOf(extras)?.changes.map(({ object }) => object)).toEqual(["table app.tmp_mine"]);
    expect(await database.value("select to_regclass('app.tmp_1')::text")).toBe("app.tmp_1");
  },
);

onEachServer("a declared object that is ignored is neither made, changed nor dropped", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder({
    "schemas/10_app.sql": `${SCHEMA} create table app.tmp_1 (id int); create table app.p (id int) partition by list (id);
      create table app.p_1 partition of app.p for values in (1);`,
    ".slipwayignore": "table app.tmp_*\ntable app.p\n",
  });

  const fresh = await runSlipway(["run"], { database, schema });
  const made = await database.query(
    "select relname from pg_class where relnamespace = 'app'::regnamespace and relkind in ('r', 'p') order by 1",
  );
  await database.query("create table app.tmp_1 (other text)");
  const plan = await runSlipway(["plan"], { database, schema });
  writeFiles(schema, { "schemas/10_app.sql": SCHEMA });
  const removed = await runSlipway(["run"], { database, schema });

  expect(fresh).toExit(0);
  expect(made).toEqual([{ relname: "orders" }, { relname: "people" }]);
  expect(plan).toExit(0);
  expect(removed).toExit(0);
  expect(await database.value("select to_regclass('app.tmp_1')::text")).toBe("app.tmp_1");
});

onEachServer(
  "to begin ignoring a declared object is no drift, and to stop it plans it again",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = writeFolder({ "schemas/10_app.sql": SCHEMA });
    await runSlipway(["run"], { database, schema });
    await database.query("alter table app.people add own text");
    const drift = await runSlipway(["plan", "--drift", "refuse", "--extras", "drop"], { database, schema });
    writeFiles(schema, {
      "schemas/10_app.sql": SCHEMA.replace("create table app.people (id int primary key);", ""),
      ".slipwayignore": "table app.people\n",
    });

    const begun = await runSlipway(["run", "--drift", "refuse", "--extras", "drop"], { database, schema });
    const columns = await database.value(
      "select count(*)::int from pg_attribute where attrelid = 'app.people'::regclass and attnum > 0",
    );
    writeFiles(schema, {
      "schemas/10_app.sql": SCHEMA.replace("app.people (id int", "app.people (id bigint"),
      ".slipwayignore": "# nothing\n",
    });
    const stopped = await runSlipway(["plan", "--json"], { database, schema });

    expect(drift).toExit(3);
    expect(begun).toExit(0);
    expect(columns).toBe(2);
    expect(planOf(stopped)?.changes.map(({ object }) => object)).toContain("column app.people.id");
  },
);

onEachServer("a snapshot is of its .slipwayignore too, and holds nothing that is ignored", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder({
    "schemas/10_app.sql": `${SCHEMA} create table app.tmp_1 (id int);`,
    ".slipwayignore": "table app.tmp_*\n",
  });
  await runSlipway(["run"], { database, schema });
  writeFiles(schema, { "schemas/20_more.sql": "create table app.more (id int);" });
  await runSlipway(["schema", "compile"], { database, schema });

  const run = await runSlipway(["run"], { database, schema });
  writeFiles(schema, { ".slipwayignore": "" });
  const check = await runSlipway(["schema", "compile", "--check"], { schema });

  expect(run).toExit(0);
  expect(messagesOf(run)).toContain("Taking the desired schema from its snapshot");
  expect(await database.value("select to_regclass('app.tmp_1')")).toBeNull();
  expect(check).toExit(3);
});

test("rules that are wrong are all shown with their place before anything is contacted", async () => {
  const schema = writeFolder({
    "schemas/10_app.sql": SCHEMA,
    ".slipwayignore": "# rules\ntabel app.x\nindex foo\n",
  });

  const run = await runSlipway(["run"], {
    database: { url: "postgres://nobody@127.0.0.1:1/nothing" },
    schema,
    env: { SLIPWAY_CONNECT_WAIT: "1s" },
  });

  expect(run).toExit(11);
  expect(run.stderr).toContain(`.slipwayignore:2:1`);
  expect(run.stderr).toContain(`.slipwayignore:3:7`);
  expect(lastLineOf(run)["code"]).toBe("SOURCE_INVALID");
});
