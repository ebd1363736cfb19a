import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { describeCatalog } from "../support/catalog.ts";
import { onEachServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { runProgram } from "../support/server.ts";
import { lastLineOf, messagesOf, runSlipway } from "../support/slipway.ts";

const SCHEMA = `
create schema app;
create table app.orders (id int primary key, state text not null default 'new');
create index orders_state on app.orders (state);
create view app.open_orders as select id from app.orders where state = 'new';
create materialized view app.totals as select state, count(*) from app.orders group by state;
create sequence app.numbers;
create table app.events (at timestamptz not null, n int, primary key (at, n)) partition by range (at);
create table app.events_2026 partition of app.events for values from ('2026-01-01') to ('2027-01-01');
create index events_n on app.events (n);
create function app.touch() returns trigger language plpgsql as 'begin return new; end';
create trigger touched before update on app.events for each row execute function app.touch();
`;

const folderOf = (sql: string): string => writeFolder({ "schemas/10_app.sql": sql });

const defaultOf = (database: TestDatabase): Promise<string> =>
  database.value(
    "select column_default from information_schema.columns where table_schema = 'app' and table_name = 'orders' and column_name = 'state'",
  );

onEachServer("drift is put back unless asked otherwise, with a warning that names it", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = folderOf(SCHEMA);
  await runSlipway(["run"], { database, schema });
  const before = await describeCatalog(database);
  await database.query(
    "alter table app.orders alter column state set default 'odd'; drop index app.orders_state",
  );

  const plan = await runSlipway(["plan"], { database, schema });
  const run = await runSlipway(["run"], { database, schema });
  const again = await runSlipway(["run"], { database, schema });

  expect(plan).toExit(3);
  expect(run).toExit(0);
  const warning = run.lines.find(({ level }) => level === "warn");
  expect(warning?.msg).toMatch(/changed outside slipway/);
  expect(JSON.stringify(warning?.["objects"])).toMatch(
    /app\.orders\.state.*app\.orders_state|app\.orders_state.*app\.orders\.state/,
  );
  expect(await describeCatalog(database)).toEqual(before);
  expect(messagesOf(again)[0]).toBe("Everything is up to date");
});

onEachServer("drift is refused where drift: refuse", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = folderOf(SCHEMA);
  await runSlipway(["run"], { database, schema });
  await database.query("alter table app.orders alter column state set default 'odd'");

  const run = await runSlipway(["run"], { database, schema, env: { SLIPWAY_DRIFT: "refuse" } });

  expect(run).toExit(33);
  expect(lastLineOf(run).msg).toMatch(/app\.orders\.state/);
  expect(await defaultOf(database)).toBe("'odd'::text");
});

onEachServer("drift is only warned of where drift: warn", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = folderOf(SCHEMA);
  await runSlipway(["run"], { database, schema });
  await database.query("alter table app.orders alter column state set default 'odd'");

  const run = await runSlipway(["run"], { database, schema, env: { SLIPWAY_DRIFT: "warn" } });

  expect(run).toExit(0);
  expect(run.lines).toContainEqual(
    expect.objectContaining({ level: "warn", msg: expect.stringMatching(/changed outside slipway/) }),
  );
  expect(await defaultOf(database)).toBe("'odd'::text");
});

onEachServer(
  "drift that was only warned of is put back or refused as soon as that is asked for",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = folderOf(SCHEMA);
    await runSlipway(["run"], { database, schema });
    await database.query("alter table app.orders alter column state set default 'odd'");
    await runSlipway(["run"], { database, schema, env: { SLIPWAY_DRIFT: "warn" } });

    const refused = await runSlipway(["run"], { database, schema, env: { SLIPWAY_DRIFT: "refuse" } });
    const run = await runSlipway(["run"], { database, schema });

    expect(refused).toExit(33);
    expect(run).toExit(0);
    expect(await defaultOf(database)).toBe("'new'::text");
  },
);

onEachServer("drift that is left as it is, is warned of by every run", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = folderOf(SCHEMA);
  await runSlipway(["run"], { database, schema });
  await database.query("alter table app.orders alter column state set default 'odd'");
  const env = { SLIPWAY_DRIFT: "warn" };

  const results = [
    await runSlipway(["run"], { database, schema, env }),
    await runSlipway(["run"], { database, schema, env }),
  ];

  for (const result of results) {
    expect(result).toExit(0);
    expect(result.lines).toContainEqual(
      expect.objectContaining({ level: "warn", msg: expect.stringMatching(/changed outside slipway/) }),
    );
  }
});

onEachServer("a dropped object comes back, for its loss was nobody's wish", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = folderOf(SCHEMA);
  await runSlipway(["run"], { database, schema });
  await database.query("drop view app.open_orders; drop trigger touched on app.events");

  const run = await runSlipway(["run"], { database, schema });

  expect(run).toExit(0);
  expect(await database.query("select * from app.open_orders")).toEqual([]);
  expect(
    await database.value("select count(*)::int from pg_trigger where tgname = 'touched' and tgparentid = 0"),
  ).toBe(1);
});

const ORDINARY_LIFE: readonly (readonly [what: string, statements: readonly string[]])[] = [
  [
    "rows",
    [
      "insert into app.orders values (1), (2)",
      "update app.orders set state = 'done' where id = 1",
      "delete from app.orders where id = 2",
    ],
  ],
  ["ANALYZE", ["analyze"]],
  ["VACUUM FULL", ["vacuum full app.orders", "vacuum full app.events_2026"]],
  ["TRUNCATE", ["truncate app.orders"]],
  ["CLUSTER", ["cluster app.orders using orders_pkey", "alter table app.orders set without cluster"]],
  ["REINDEX", ["reindex table app.orders"]],
  ["REFRESH MATERIALIZED VIEW", ["refresh materialized view app.totals"]],
  ["nextval", ["select nextval('app.numbers')", "select setval('app.numbers', 1000)"]],
  [
    "a run-time partition",
    [
      "create table app.events_2027 partition of app.events for values from ('2027-01-01') to ('2028-01-01')",
      "insert into app.events values ('2027-02-02', 1)",
    ],
  ],
  ["a dropped run-time partition", ["drop table app.events_2027"]],
  [
    "objects of another schema",
    ["create schema other", "create table other.t (id int)", "create table public.t (id int)"],
  ],
  ["a temporary table", ["create temporary table passing (id int)"]],
];

onEachServer("ordinary life is no drift and doesn't make the next run slow", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = folderOf(SCHEMA);
  await runSlipway(["run"], { database, schema });
  const slow: string[] = [];

  for (const [what, statements] of ORDINARY_LIFE) {
    for (const statement of statements) await database.query(statement);
    const run = await runSlipway(["run"], { database, schema });
    const isFast = (await database.value<number>("select count(*)::int from migrations.runs")) === 1;
    if (run.exitCode !== 0 || !isFast)
      slow.push(`${what}: exit ${run.exitCode}, ${messagesOf(run).join(" / ")}`);
    if (!isFast)
      await database.query(
        "delete from migrations.runs where id <> (select id from migrations.runs order by started_at desc limit 1)",
      );
  }

  expect(slow).toEqual([]);
});

onEachServer(
  "an index that was rebuilt concurrently is no drift, and fast from the second run on",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = folderOf(SCHEMA);
    await runSlipway(["run"], { database, schema });
    await database.query("reindex index concurrently app.orders_state");

    const plan = await runSlipway(["plan"], { database, schema });
    const run = await runSlipway(["run"], { database, schema });
    const runs = await database.value("select count(*)::int from migrations.runs");
    const again = await runSlipway(["run"], { database, schema });

    expect(plan).toExit(0);
    expect(messagesOf(run)[0]).toBe("Everything is up to date");
    expect(messagesOf(again)[0]).toBe("Everything is up to date");
    expect(await database.value("select count(*)::int from migrations.runs")).toBe(runs);
  },
);

onEachServer("a restored backup is no drift, and fast from the second run on", async (server, context) => {
  const dump = join(server.bin, "pg_dump");
  context.skip(!existsSync(dump), `there is no pg_dump of PostgreSQL ${server.major}`);
  await using database = await openTestDatabase(server);
  await using restored = await openTestDatabase(server);
  const [schema, migrations] = [
    folderOf(SCHEMA),
    writeFolder({ "1_more.up.sql": "create table app.more (id int);" }),
  ];
  await runSlipway(["run"], { database, schema, migrations });
  const file = join(server.folder, `${database.name}.sql`);
  runProgram(dump, [`--file=${file}`, database.url], server.account);
  runProgram(join(server.bin, "psql"), ["-qXv", "ON_ERROR_STOP=1", "-f", file, restored.url], server.account);
  const before = await describeCatalog(restored);

  const plan = await runSlipway(["plan"], { database: restored, schema, migrations });
  const run = await runSlipway(["run"], { database: restored, schema, migrations });
  const again = await runSlipway(["run"], { database: restored, schema, migrations });

  expect(plan).toExit(0);
  expect(run).toExit(0);
  expect(messagesOf(again)[0]).toBe("Everything is up to date");
  expect(await describeCatalog(restored)).toEqual(before);
  expect(await restored.value("select count(*)::int from migrations.app_log where event = 'applied'")).toBe(
    1,
  );
  const runs = await restored.value("select count(*)::int from migrations.runs");
  await runSlipway(["run"], { database: restored, schema, migrations });
  expect(await restored.value("select count(*)::int from migrations.runs")).toBe(runs);
});

const EXTRAS = `
  create table app.extra (id int primary key, order_id int references app.orders);
  alter table app.orders add column extra_note text not null default 'kept';
  create index extra_index on app.orders (extra_note);
  alter table app.orders add constraint extra_check check (id > -100);
  create function app.extra_function() returns trigger language plpgsql as 'begin return new; end';
  create trigger extra_trigger before insert on app.orders for each row execute function app.extra_function();
  create policy extra_policy on app.orders using (true);
  create view app.extra_view as select extra_note from app.orders;
  grant select on app.orders to public;
`;

onEachServer(
  "what a user migration adds to the managed schema is kept, no drift, and no obstacle to a change",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = folderOf(SCHEMA);
    const migrations = writeFolder({ "1_extras.up.sql": EXTRAS });
    await runSlipway(["run"], { database, schema, migrations });
    await database.query("insert into app.orders (id) values (1); insert into app.extra values (1, 1)");

    const again = await runSlipway(["run"], { database, schema, migrations });
    writeFiles(schema, {
      "schemas/10_app.sql": SCHEMA.replace(
        "state text not null default 'new'",
        "state text not null default 'draft', total bigint",
      ),
    });
    const plan = await runSlipway(["plan"], { database, schema, migrations });
    const run = await runSlipway(["run"], { database, schema, migrations });
    const after = await runSlipway(["plan"], { database, schema, migrations });

    expect(messagesOf(again)[0]).toBe("Everything is up to date");
    expect(plan).toExit(3);
    expect(plan.stdout).toMatch(/kept, in no desired schema: .*table app\.extra/);
    expect(run).toExit(0);
    expect(after).toExit(0);
    expect(await database.query("select id, extra_note from app.orders")).toEqual([
      { id: 1, extra_note: "kept" },
    ]);
    const catalog = (await describeCatalog(database)).join("\n");
    for (const name of [
      "app.extra ",
      "extra_index",
      "extra_check",
      "extra_function",
      "extra_trigger",
      "extra_policy",
      "app.extra_view",
    ]) {
      expect(catalog).toContain(name);
    }
    expect(await database.value("select has_table_privilege('public', 'app.orders', 'select')")).toBe(true);
  },
);

onEachServer(
  "a removed object is dropped by an approved plan, and extras of its table are not in it",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = folderOf(SCHEMA);
    const migrations = writeFolder({
      "1_extra.up.sql": "alter table app.orders add column extra_note text;",
    });
    await runSlipway(["run"], { database, schema, migrations });
    writeFiles(schema, {
      "schemas/10_app.sql": SCHEMA.replace("create sequence app.numbers;", "").replace(
        /create index orders_state.*/,
        "",
      ),
    });

    const asked = await runSlipway(["run"], { database, schema, migrations });
    const plan = JSON.parse((await runSlipway(["plan", "--json"], { database, schema, migrations })).stdout)
      .declarative.plan;
    const run = await runSlipway(["run", "--approve", plan.id], { database, schema, migrations });

    expect(asked).toExit(31);
    expect(plan.changes.map(({ object }: { object: string }) => object).sort()).toEqual([
      "index app.orders_state",
      "sequence app.numbers",
    ]);
    expect(run).toExit(0);
    expect(await database.value("select to_regclass('app.numbers')")).toBeNull();
    expect(
      await database.value(
        "select count(*)::int from pg_attribute where attrelid = 'app.orders'::regclass and attname = 'extra_note'",
      ),
    ).toBe(1);
  },
);

onEachServer(
  "an extra is dropped where extras: drop asks for it and the plan is approved, not before",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = folderOf(SCHEMA);
    await runSlipway(["run"], { database, schema });
    await database.query("create table app.extra (id int); create table public.unmanaged (id int)");
    const env = { SLIPWAY_EXTRAS: "drop" };

    const kept = await runSlipway(["run"], { database, schema });
    const asked = await runSlipway(["run"], { database, schema, env });
    const isThere = await database.value("select to_regclass('app.extra') is not null");
    const run = await runSlipway(["run", "--approve", String(lastLineOf(asked)["planId"])], {
      database,
      schema,
      env,
    });

    expect(kept).toExit(0);
    expect(asked).toExit(31);
    expect(isThere).toBe(true);
    expect(run).toExit(0);
    expect(await database.value("select to_regclass('app.extra')")).toBeNull();
    expect(await database.value("select to_regclass('public.unmanaged') is not null")).toBe(true);
  },
);
