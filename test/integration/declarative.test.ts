import { join } from "node:path";
import { expect } from "vitest";
import { describeCatalog } from "../support/catalog.ts";
import { onEachServer, onMaintenance, openTestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { createCluster, urlOf } from "../support/server.ts";
import { lastLineOf, messagesOf, runSlipway, startSlipway } from "../support/slipway.ts";
import { waitFor } from "../support/wait.ts";

const V1 = `
create schema app;
create table app.orders (
  id int primary key,
  state varchar(10) not null default 'new'
);
`;

const V2 = `
create schema app;
create table app.orders (
  id int primary key,
  state varchar(20) not null default 'new',
  note text not null default ''
);
create table app.items (
  order_id int not null references app.orders,
  sku text not null,
  primary key (order_id, sku)
);
create index orders_open on app.orders (state) where state = 'new';
comment on table app.items is 'what was ordered';
`;

const folderOf = (sql: string): string => writeFolder({ "schemas/10_app.sql": sql });

onEachServer(
  "a changed schema is planned, applied, verified, and then nothing is left to plan",
  async (server) => {
    await using database = await openTestDatabase(server);
    await using untouched = await openTestDatabase(server);
    const [v1, v2] = [folderOf(V1), folderOf(V2)];
    await runSlipway(["run"], { database, schema: v1 });
    await database.query("insert into app.orders values (1, 'new')");

    const plan = await runSlipway(["plan", "--json"], { database, schema: v2 });
    const before = await describeCatalog(database);
    const run = await runSlipway(["run"], { database, schema: v2 });
    const again = await runSlipway(["plan"], { database, schema: v2 });
    await runSlipway(["run"], { database: untouched, schema: v2 });

    expect(plan).toExit(3);
    const planned = JSON.parse(plan.stdout);
    expect(planned.declarative.plan.changes.map((change: { class: string }) => change.class)).not.toContain(
      "destructive",
    );
    expect(before.join("\n")).not.toContain("app.items");
    expect(run).toExit(0);
    expect(messagesOf(run)).toContain("Schema applied successfully");
    expect(again).toExit(0);
    expect(await describeCatalog(database)).toEqual(await describeCatalog(untouched));
    expect(await database.query("select * from app.orders")).toEqual([{ id: 1, state: "new", note: "" }]);
    expect(
      await database.query("select source, plan_id from migrations.declarative_state order by id"),
    ).toEqual([
      { source: "install", plan_id: null },
      { source: "apply", plan_id: planned.declarative.plan.id },
    ]);
  },
);

onEachServer("plan and schema plan print the same script", async (server) => {
  await using database = await openTestDatabase(server);
  await runSlipway(["run"], { database, schema: folderOf(V1) });
  const v2 = folderOf(V2);

  const one = await runSlipway(["plan", "--sql"], { database, schema: v2 });
  const other = await runSlipway(["schema", "plan", "--sql"], { database, schema: v2 });

  expect(one).toExit(3);
  expect(other.stdout).toBe(one.stdout);
  expect(one.stdout).toMatch(/^-- plan [0-9a-f]{16}\n/);
});

onEachServer("files may refer to each other in any order, and in circles", async (server) => {
  await using database = await openTestDatabase(server);
  const files = {
    "schemas/10_views.sql":
      "create schema app; create view app.overview as select o.id, app.label(o.id) as label from app.orders o;",
    "schemas/20_functions.sql":
      "create function app.label(id int) returns text language sql return 'order ' || id;",
    "schemas/30_orders.sql":
      "create table app.orders (id int primary key, last_item int);\nalter table app.orders add foreign key (last_item) references app.items;",
    "schemas/40_items.sql":
      "create table app.items (id int primary key, order_id int references app.orders);",
  };
  const schema = writeFolder(files);

  const fresh = await runSlipway(["run"], { database, schema });
  writeFiles(schema, {
    "schemas/05_more.sql": "create view app.more as select * from app.overview join app.items using (id);",
  });
  const changed = await runSlipway(["run"], { database, schema });
  const plan = await runSlipway(["plan"], { database, schema });

  expect(fresh).toExit(0);
  expect(changed).toExit(0);
  expect(plan).toExit(0);
  expect(await database.query("select * from app.more")).toEqual([]);
});

onEachServer(
  "a broken file is shown with file, line, column and caret, on a fresh database and on a grown one",
  async (server) => {
    await using database = await openTestDatabase(server);
    const broken = writeFolder({
      "schemas/10_app.sql": V1,
      "schemas/20_more.sql": "create table app.more (\n  id int,\n  état app.stat\n);\n",
    });

    const fresh = await runSlipway(["run"], { database, schema: broken });
    const leftovers = await database.value("select count(*)::int from pg_namespace where nspname = 'app'");
    await runSlipway(["run"], { database, schema: folderOf(V1) });
    const grown = await runSlipway(["run"], { database, schema: broken });

    for (const result of [fresh, grown]) {
      expect(result).toExit(30);
      expect(lastLineOf(result)).toMatchObject({
        where: `${broken}/schemas/20_more.sql:3:8`,
        why: '42704 type "app.stat" does not exist',
        excerpt: "  3 |   état app.stat\n    |        ^",
      });
    }
    expect(leftovers).toBe(0);
    expect(await database.value("select to_regclass('app.more')")).toBeNull();
  },
);

onEachServer(
  "a change that the data refuses leaves nothing of the plan, and works once the data is right",
  async (server) => {
    await using database = await openTestDatabase(server);
    await runSlipway(["run"], { database, schema: folderOf(V1) });
    await database.query("insert into app.orders values (1, 'new'), (2, 'new')");
    const schema = folderOf(
      `${V1} create unique index orders_state on app.orders (state); create table app.more (id int);`,
    );

    const refused = await runSlipway(["run"], { database, schema });
    const isThere = await database.value("select to_regclass('app.more')::text");
    await database.query("update app.orders set state = 'old' where id = 1");
    const run = await runSlipway(["run"], { database, schema });

    expect(refused).toExit(30);
    expect(lastLineOf(refused).msg).toMatch(/orders_state.*23505.*\(state\)=\(new\)/);
    expect(isThere).toBeNull();
    expect(run).toExit(0);
    expect(await database.value("select to_regclass('app.more')::text")).toBe("app.more");
  },
);

onEachServer(
  "a unique index on a partitioned table is there on its partitions after an apply",
  async (server) => {
    await using database = await openTestDatabase(server);
    const table = `
    create schema app;
    create table app.events (at timestamptz not null, tenant int not null, n int) partition by range (at);
    create table app.events_2026 partition of app.events for values from ('2026-01-01') to ('2027-01-01');`;
    await runSlipway(["run"], { database, schema: folderOf(table) });
    await database.query(
      "create table app.events_2027 partition of app.events for values from ('2027-01-01') to ('2028-01-01')",
    );
    const schema = folderOf(`${table} create unique index events_once on app.events (at, tenant);`);

    const run = await runSlipway(["run"], { database, schema });
    const plan = await runSlipway(["plan"], { database, schema });

    expect(run).toExit(0);
    expect(plan).toExit(0);
    for (const year of [2026, 2027]) {
      await database.query(`insert into app.events values ('${year}-03-01', 1, 1)`);
      await expect(
        database.query(`insert into app.events values ('${year}-03-01', 1, 2)`),
      ).rejects.toMatchObject({ code: "23505" });
    }
    expect(
      await database.value(
        "select bool_and(indisvalid) from pg_index where indrelid::regclass::text like 'app.events%'",
      ),
    ).toBe(true);
  },
);

onEachServer("a new enum value and a default that is this value go in one plan", async (server) => {
  await using database = await openTestDatabase(server);
  const withValues = (values: string, fallback: string): string => `
    create schema app;
    create type app.state as enum (${values});
    create table app.orders (id int primary key, state app.state not null default '${fallback}');`;
  await runSlipway(["run"], { database, schema: folderOf(withValues("'new', 'done'", "new")) });
  const schema = folderOf(withValues("'draft', 'new', 'done'", "draft"));

  const run = await runSlipway(["run"], { database, schema });
  const plan = await runSlipway(["plan"], { database, schema });

  expect(run).toExit(0);
  expect(plan).toExit(0);
  await database.query("insert into app.orders (id) values (1)");
  expect(await database.query("select state from app.orders")).toEqual([{ state: "draft" }]);
});

onEachServer("objects that are there already are adopted without a change", async (server) => {
  await using database = await openTestDatabase(server);
  await database.query(V2);
  const before = await describeCatalog(database);
  const schema = folderOf(V2);

  const plan = await runSlipway(["plan"], { database, schema });
  const run = await runSlipway(["run"], { database, schema });
  const again = await runSlipway(["run"], { database, schema });

  expect(plan).toExit(0);
  expect(run).toExit(0);
  expect(await describeCatalog(database)).toEqual(before);
  expect(messagesOf(again)[0]).toBe("Everything is up to date");
});

onEachServer(
  "settings of the database and the role that change how values are written make no difference",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = folderOf(
      `${V1} create table app.t (at timestamptz default '2026-07-01 12:00+02', span interval default '1 day 2 hours');`,
    );
    await runSlipway(["run"], { database, schema });
    for (const setting of [
      "timezone = 'Asia/Tokyo'",
      "datestyle = 'German'",
      "intervalstyle = 'sql_standard'",
      "search_path = 'app'",
    ]) {
      await database.query(`alter database ${database.name} set ${setting}`);
    }

    const plan = await runSlipway(["plan"], { database, schema });
    writeFiles(schema, {
      "schemas/20_more.sql": "create table app.more (at timestamptz default '2026-07-01 12:00+02');",
    });
    const run = await runSlipway(["run"], { database, schema });
    const again = await runSlipway(["plan"], { database, schema });

    expect(plan).toExit(0);
    expect(run).toExit(0);
    expect(again).toExit(0);
  },
);

onEachServer(
  "a role without CREATEDB installs a fresh database, and is told the three ways to a change",
  async (server) => {
    await using database = await openTestDatabase(server);
    const role = await database.createRole();
    await database.query(`grant create on database ${database.name} to ${role.name}`);

    const install = await runSlipway(["run"], { database: role, schema: folderOf(V1) });
    const again = await runSlipway(["run"], { database: role, schema: folderOf(V1) });
    const change = await runSlipway(["run"], { database: role, schema: folderOf(V2) });

    expect(install).toExit(0);
    expect(messagesOf(again)[0]).toBe("Everything is up to date");
    expect(change).toExit(36);
    expect(lastLineOf(change).msg).toMatch(
      new RegExp(
        `role "${role.name}" lacks the CREATEDB right.*slipway schema compile.*SLIPWAY_SHADOW_URL.*alter role ${role.name} createdb`,
      ),
    );
    expect(await database.value("select to_regclass('app.items')")).toBeNull();
  },
);

onEachServer(
  "with SLIPWAY_SHADOW_URL a role without CREATEDB changes a schema, and the shadow is empty again",
  async (server) => {
    await using database = await openTestDatabase(server);
    await using shadow = await openTestDatabase(server);
    const role = await database.createRole();
    for (const { name } of [database, shadow]) {
      await onMaintenance(server, [`grant create on database ${name} to ${role.name}`]);
    }
    const env = {
      SLIPWAY_SHADOW_URL: urlOf(server, shadow.name, { user: role.name, password: "the-role's-own" }),
    };
    await runSlipway(["run"], { database: role, schema: folderOf(V1) });

    const first = await runSlipway(["run"], { database: role, schema: folderOf(V2), env });
    const afterFirst = await shadow.query("select nspname from pg_namespace where nspname = 'app'");
    const second = await runSlipway(["run"], {
      database: role,
      schema: folderOf(`${V2} create table app.third (id int);`),
      env,
    });
    await onMaintenance(server, [`revoke all on database ${shadow.name} from ${role.name}`]);

    expect(first).toExit(0);
    expect(afterFirst).toEqual([]);
    expect(second).toExit(0);
    expect(await database.value("select to_regclass('app.third')::text")).toBe("app.third");
  },
);

onEachServer("a shadow database that holds something is refused, untouched", async (server) => {
  await using database = await openTestDatabase(server);
  await using shadow = await openTestDatabase(server);
  await shadow.query("create table public.precious (id int)");
  await runSlipway(["run"], { database, schema: folderOf(V1) });

  const run = await runSlipway(["run"], {
    database,
    schema: folderOf(V2),
    env: { SLIPWAY_SHADOW_URL: shadow.url },
  });

  expect(run).toExit(36);
  expect(lastLineOf(run).msg).toMatch(/shadow database is not empty: public\.precious/);
  expect(await shadow.value("select to_regclass('public.precious') is not null")).toBe(true);
});

onEachServer(
  "a table that another session has locked is waited for in short attempts, and the blocker is named",
  async (server) => {
    await using database = await openTestDatabase(server);
    await runSlipway(["run"], { database, schema: folderOf(V1) });
    await using other = await database.openSession();
    await other.query("begin; lock table app.orders in access share mode");
    await using slipway = startSlipway(["run"], {
      database,
      schema: folderOf(V2),
      env: { SLIPWAY_LOCK_TIMEOUT: "400ms" },
    });
    await waitFor(() => slipway.stderr().includes("A table is locked by another session"), 50_000);
    await other.query("commit");

    const run = await slipway.result;
    expect(run).toExit(0);
    const waiting = run.lines.find(({ msg }) => msg.startsWith("A table is locked by another session"));
    expect(JSON.stringify(waiting?.["blockedBy"])).toContain(`pid ${other.pid}`);
  },
);

onEachServer(
  "a schema that outgrows the locks of one transaction is installed all the same, in parts as small as it takes",
  async (server) => {
    const { bin, account } = server;
    const folder = join(server.folder, `few-locks-${Date.now()}`);
    const settings = {
      max_locks_per_transaction: "10",
      max_connections: "20",
      max_prepared_transactions: "0",
    };
    await using small = await createCluster({ bin, folder, account, settings });
    await using database = await openTestDatabase(small);
    const tables = Array.from(
      { length: 450 },
      (_, n) => `create table app.t${n} (id int primary key, a text);`,
    );
    const schema = folderOf(`create schema app;\n${tables.join("\n")}`);

    const install = await runSlipway(["run"], { database, schema });
    const plan = await runSlipway(["plan"], { database, schema });

    expect(install).toExit(0);
    expect(messagesOf(install).join()).toMatch(/outgrows one transaction/);
    expect(plan).toExit(0);
    expect(await database.value("select count(*)::int from pg_tables where schemaname = 'app'")).toBe(450);
  },
  120_000,
);

onEachServer(
  "a schema in public keeps to its own objects, beside those of extensions and of others",
  async (server) => {
    await using database = await openTestDatabase(server);
    await database.query("create extension pgcrypto; create table public.theirs (id int)");
    const schema = writeFolder({
      "schemas/10.sql":
        "create table orders (id int primary key); create view open_orders as select * from orders;",
    });
    const first = await runSlipway(["run"], { database, schema });
    writeFiles(schema, {
      "schemas/10.sql":
        "create table orders (id int primary key, total int); create view open_orders as select * from orders;",
    });

    const run = await runSlipway(["run"], { database, schema });
    const plan = await runSlipway(["plan"], { database, schema });

    expect(first).toExit(0);
    expect(run).toExit(0);
    expect(plan).toExit(0);
    expect(await database.query("select total from public.open_orders")).toEqual([]);
    expect(await database.value("select to_regclass('public.theirs') is not null")).toBe(true);
    expect(await database.value("select length(gen_salt('bf')) > 0")).toBe(true);
  },
);
