import { expect } from "vitest";
import { openListener } from "../support/between.ts";
import { describeCatalog } from "../support/catalog.ts";
import { onSomeServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { lastLineOf, messagesOf, runSlipway, type SlipwayResult } from "../support/slipway.ts";

const V1 = writeSchema("create table app.orders (id int primary key, total int, note text);");
const V2 = writeSchema("create table app.orders (id int primary key, total int);");
const V3 = writeSchema("create table app.orders (id int primary key);");

function writeSchema(sql: string): string {
  return writeFolder({ "schemas/10_app.sql": `create schema app;\n${sql}\n` });
}

/** A database at V1, with a row whose loss could be told. */
async function openWithData(...[server]: Parameters<typeof openTestDatabase>): Promise<TestDatabase> {
  const database = await openTestDatabase(server);
  expect(await runSlipway(["run"], { database, schema: V1 })).toExit(0);
  await database.query("insert into app.orders values (1, 10, 'precious')");
  return database;
}

const planIdOf = (result: SlipwayResult): string => String(lastLineOf(result)["planId"]);

onSomeServer(
  "a destructive plan waits for an approval: plan, id and command are printed, and nothing changes",
  async (server) => {
    await using database = await openWithData(server);
    const before = await describeCatalog(database);

    const run = await runSlipway(["run"], { database, schema: V2, env: { SLIPWAY_LOG_FORMAT: "pretty" } });
    const plan = await runSlipway(["plan", "--json"], { database, schema: V2 });

    expect(run).toExit(31);
    const { id } = JSON.parse(plan.stdout).declarative.plan;
    expect(run.stderr).toMatch(/column app\.orders\.note {2}\[destructive: data loss\]/);
    expect(run.stderr).toContain("DROP COLUMN");
    expect(run.stderr).toContain(`plan ${id}`);
    expect(run.stderr.trimEnd().split("\n").at(-1)).toContain(`slipway run --approve ${id}`);
    expect(await describeCatalog(database)).toEqual(before);
    expect(await database.query("select note from app.orders")).toEqual([{ note: "precious" }]);
  },
);

onSomeServer(
  "a plan that waits is reported again from the records, without computing or writing a plan",
  async (server) => {
    await using database = await openWithData(server);
    await using listener = await openListener(database);
    const first = await runSlipway(["run"], { database, schema: V2 });
    const plans = await database.query("select id, xmin::text from migrations.plans");

    const second = await runSlipway(["run"], { database: listener, schema: V2 });

    expect(first).toExit(31);
    expect(second).toExit(31);
    expect(planIdOf(second)).toBe(planIdOf(first));
    expect(await database.query("select id, xmin::text from migrations.plans")).toEqual(plans);
    const asked = listener.connections.flatMap(({ sql }) => sql).join("\n");
    expect(asked).not.toMatch(/create database/i);
    expect(asked.match(/pg_catalog\.pg_attribute/g) ?? []).not.toHaveLength(0);
    expect(listener.connections.flat().length).toBeLessThan(40);
  },
);

onSomeServer(
  "the approval of exactly the plan that waits lets it run; of another one it is stale",
  async (server) => {
    await using database = await openWithData(server);
    const waiting = await runSlipway(["run"], { database, schema: V2 });
    const id = planIdOf(waiting);

    const wrong = await runSlipway(["run", "--approve", "0123456789abcdef"], { database, schema: V2 });
    const columnsAfterWrong = await database.query("select * from app.orders");
    const right = await runSlipway(["run"], {
      database,
      schema: V2,
      env: { SLIPWAY_APPROVE: `0123456789abcdef, ${id}` },
    });
    const again = await runSlipway(["run"], { database, schema: V2 });

    expect(wrong).toExit(40);
    expect(lastLineOf(wrong)).toMatchObject({ code: "PLAN_STALE", planId: id });
    expect(columnsAfterWrong).toEqual([{ id: 1, total: 10, note: "precious" }]);
    expect(right).toExit(0);
    expect(await database.query("select * from app.orders")).toEqual([{ id: 1, total: 10 }]);
    expect(messagesOf(again)[0]).toBe("Everything is up to date");
  },
);

onSomeServer(
  "an approval given beforehand to a plan that nobody has tried yet is good as well",
  async (server) => {
    await using database = await openWithData(server);
    const plan = await runSlipway(["plan", "--json"], { database, schema: V2 });

    const run = await runSlipway(["run", "--approve", JSON.parse(plan.stdout).declarative.plan.id], {
      database,
      schema: V2,
    });

    expect(run).toExit(0);
  },
);

onSomeServer("schema approve records who said yes, for one application", async (server) => {
  await using database = await openWithData(server);
  const waiting = await runSlipway(["run"], { database, schema: V2 });

  const approve = await runSlipway(["schema", "approve", planIdOf(waiting)], { database, schema: V2 });
  const [recorded] = await database.query(
    "select approved_by, approved_at is not null as approved from migrations.plans",
  );
  const run = await runSlipway(["run"], { database, schema: V2 });
  const late = await runSlipway(["schema", "approve", planIdOf(waiting)], { database, schema: V2 });

  expect(approve).toExit(0);
  expect(recorded).toMatchObject({ approved: true, approved_by: expect.stringContaining("postgres") });
  expect(run).toExit(0);
  expect(late).toExit(40);
});

onSomeServer(
  "a plan that comes up again after it was applied needs another yes, each time",
  async (server) => {
    await using database = await openWithData(server);
    const first = await runSlipway(["run"], { database, schema: V2 });
    await runSlipway(["run", "--approve", planIdOf(first)], { database, schema: V2 });
    const back = writeSchema("-- back\ncreate table app.orders (id int primary key, total int, note text);");
    await runSlipway(["run"], { database, schema: back });
    const again = writeSchema("-- again\ncreate table app.orders (id int primary key, total int);");

    const runs = [
      await runSlipway(["run"], { database, schema: again }),
      await runSlipway(["run"], { database, schema: again }),
    ];

    expect(runs.map(planIdOf)).toEqual([planIdOf(first), planIdOf(first)]);
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([31, 31]);
  },
);

onSomeServer("an approved plan is stale when the database moved on before it ran", async (server) => {
  await using database = await openWithData(server);
  const waiting = await runSlipway(["run"], { database, schema: V3 });
  await runSlipway(["schema", "approve", planIdOf(waiting)], { database, schema: V3 });
  await database.query("alter table app.orders alter column total type bigint");

  const run = await runSlipway(["run"], { database, schema: V3 });

  expect(run).toExit(40);
  expect(planIdOf(run)).not.toBe(planIdOf(waiting));
  expect(await database.query("select * from app.orders")).toEqual([
    { id: 1, total: "10", note: "precious" },
  ]);
});

onSomeServer("--approve any works in a development database only", async (server) => {
  await using database = await openWithData(server);

  const refused = await runSlipway(["run", "--approve", "any"], { database, schema: V2 });
  const kept = await database.query("select note from app.orders");
  await database.query(`alter database ${database.name} set slipway.environment = 'development'`);
  const run = await runSlipway(["run", "--approve", "any"], { database, schema: V2 });

  expect(refused).toExit(31);
  expect(lastLineOf(refused).msg).toMatch(/only in a development database/);
  expect(kept).toEqual([{ note: "precious" }]);
  expect(run).toExit(0);
  expect(await database.query("select * from app.orders")).toEqual([{ id: 1, total: 10 }]);
});

const DESTRUCTIVE: readonly (readonly [what: string, before: string, after: string])[] = [
  [
    "a removed table",
    "create table app.a (id int); create table app.b (id int);",
    "create table app.a (id int);",
  ],
  ["a narrower varchar", "create table app.a (x varchar(10));", "create table app.a (x varchar(2));"],
  ["fewer digits", "create table app.a (x numeric(10,4));", "create table app.a (x numeric(10,1));"],
  ["text to a number", "create table app.a (x text);", "create table app.a (x int);"],
  ["a removed sequence", "create table app.a (x int); create sequence app.s;", "create table app.a (x int);"],
  ["a removed check", "create table app.a (x int check (x > 0));", "create table app.a (x int);"],
  ["a removed unique constraint", "create table app.a (x int unique);", "create table app.a (x int);"],
  [
    "a removed foreign key",
    "create table app.a (x int primary key, y int references app.a);",
    "create table app.a (x int primary key, y int);",
  ],
  [
    "row security turned off",
    "create table app.a (x int); alter table app.a enable row level security;",
    "create table app.a (x int);",
  ],
  [
    "a removed policy",
    "create table app.a (x int); alter table app.a enable row level security; create policy p on app.a using (x > 0);",
    "create table app.a (x int); alter table app.a enable row level security;",
  ],
  [
    "a removed enum value",
    "create type app.e as enum ('a', 'b'); create table app.a (x app.e);",
    "create type app.e as enum ('a'); create table app.a (x app.e);",
  ],
  [
    "a revoked grant",
    "create table app.a (x int); grant select on app.a to public;",
    "create table app.a (x int);",
  ],
  [
    "a removed view",
    "create table app.a (x int); create view app.v as select 1 as x;",
    "create table app.a (x int);",
  ],
  [
    "a removed function",
    "create table app.a (x int); create function app.f() returns int language sql return 1;",
    "create table app.a (x int);",
  ],
  ["a table that stops being logged", "create table app.a (x int);", "create unlogged table app.a (x int);"],
  [
    "an added trigger's removal",
    "create table app.a (x int); create function app.f() returns trigger language plpgsql as 'begin return new; end'; create trigger t before insert on app.a for each row execute function app.f();",
    "create table app.a (x int); create function app.f() returns trigger language plpgsql as 'begin return new; end';",
  ],
];

// One database for all: each kind lives in a schema of its own, and each is planned by itself.
onSomeServer("whatever loses data, a guard or a right is destructive", async (server) => {
  await using database = await openTestDatabase(server);
  const inOwnSchema = (index: number, sql: string): string =>
    `create schema s${index}; ${sql.replaceAll("app.", `s${index}.`)}`;
  const files = (pick: (index: number) => string): string =>
    writeFolder(
      Object.fromEntries(DESTRUCTIVE.map((_, index) => [`schemas/${100 + index}.sql`, pick(index)])),
    );
  await runSlipway(["run"], {
    database,
    schema: files((index) => inOwnSchema(index, DESTRUCTIVE[index]?.[1] ?? "")),
  });

  const plan = await runSlipway(["plan", "--json"], {
    database,
    schema: files((index) => inOwnSchema(index, DESTRUCTIVE[index]?.[2] ?? "")),
  });

  expect(plan).toExit(3);
  const { changes } = JSON.parse(plan.stdout).declarative.plan as {
    changes: { class: string; sql: string }[];
  };
  const destructive = changes
    .filter((change) => change.class === "destructive")
    .map(({ sql }) => sql)
    .join("\n");
  const missing = DESTRUCTIVE.filter((_, index) => !new RegExp(`"?\\bs${index}\\b"?`).test(destructive));
  expect(missing.map(([what]) => what)).toEqual([]);
});

const SAFE: readonly (readonly [what: string, before: string, after: string])[] = [
  ["a wider varchar", "create table app.a (x varchar(2));", "create table app.a (x varchar(10));"],
  ["varchar to text", "create table app.a (x varchar(2));", "create table app.a (x text);"],
  ["int to bigint", "create table app.a (x int);", "create table app.a (x bigint);"],
  ["a new column", "create table app.a (x int);", "create table app.a (x int, y int);"],
  ["a new index", "create table app.a (x int);", "create table app.a (x int); create index on app.a (x);"],
  ["a changed default", "create table app.a (x int default 1);", "create table app.a (x int default 2);"],
  [
    "a changed function body",
    "create function app.f() returns int language sql return 1;",
    "create function app.f() returns int language sql return 2;",
  ],
  ["a comment", "create table app.a (x int);", "create table app.a (x int); comment on table app.a is 'x';"],
  [
    "a new policy",
    "create table app.a (x int);",
    "create table app.a (x int); create policy p on app.a using (x > 0);",
  ],
  ["a null allowed", "create table app.a (x int not null);", "create table app.a (x int);"],
];

onSomeServer("what loses nothing needs no approval", async (server) => {
  await using database = await openTestDatabase(server);
  const write = (column: 1 | 2): string =>
    writeFolder(
      Object.fromEntries(
        SAFE.map((each, index) => [
          `schemas/${100 + index}.sql`,
          `create schema s${index}; ${each[column].replaceAll("app.", `s${index}.`)}`,
        ]),
      ),
    );
  await runSlipway(["run"], { database, schema: write(1) });
  const schema = write(2);

  const run = await runSlipway(["run"], { database, schema });
  const plan = await runSlipway(["plan"], { database, schema });

  expect(run).toExit(0);
  expect(plan).toExit(0);
});

onSomeServer(
  "an older release's files change nothing: a warning, exit 0, again and again",
  async (server) => {
    await using database = await openTestDatabase(server);
    const [v1, v2] = [V3, V2];
    await runSlipway(["run"], { database, schema: v1 });
    await runSlipway(["run"], { database, schema: v2 });
    const before = await describeCatalog(database);

    const plan = await runSlipway(["plan"], { database, schema: v1 });
    const older = await runSlipway(["run"], { database, schema: v1 });
    const again = await runSlipway(["run"], { database, schema: v1 });
    const newer = await runSlipway(["run"], { database, schema: v2 });

    expect(plan).toExit(0);
    for (const result of [older, again]) {
      expect(result).toExit(0);
      expect(result.lines).toContainEqual(
        expect.objectContaining({ level: "warn", msg: expect.stringMatching(/superseded/) }),
      );
    }
    expect(messagesOf(again)).toContain("Everything is up to date");
    expect(newer).toExit(0);
    expect(await describeCatalog(database)).toEqual(before);
  },
);

onSomeServer("an older release's files are refused where onOlder says so", async (server) => {
  await using database = await openTestDatabase(server);
  await runSlipway(["run"], { database, schema: V3 });
  await runSlipway(["run"], { database, schema: V2 });

  const run = await runSlipway(["run"], { database, schema: V3, env: { SLIPWAY_ON_OLDER: "refuse" } });

  expect(run).toExit(35);
  expect(lastLineOf(run).msg).toMatch(/superseded.*onOlder: apply/);
  expect(
    await database.value(
      "select count(*)::int from pg_attribute where attrelid = 'app.orders'::regclass and attname = 'total'",
    ),
  ).toBe(1);
});

onSomeServer("going back on purpose is a plan that a person approved", async (server) => {
  await using database = await openWithData(server);
  const toV2 = await runSlipway(["run"], { database, schema: V2 });
  await runSlipway(["run", "--approve", planIdOf(toV2)], { database, schema: V2 });
  const env = { SLIPWAY_ON_OLDER: "apply" };

  const asked = await runSlipway(["run"], { database, schema: V1, env });
  const back = await runSlipway(["run", "--approve", planIdOf(asked)], { database, schema: V1, env });
  const again = await runSlipway(["run"], { database, schema: V1, env });
  const forward = await runSlipway(["run"], { database, schema: V2 });

  expect(asked).toExit(31);
  expect(lastLineOf(asked).msg).toMatch(/goes back to an older desired schema/);
  expect(back).toExit(0);
  expect(await database.query("select * from app.orders")).toEqual([{ id: 1, total: 10, note: null }]);
  expect(again).toExit(0);
  expect(messagesOf(again)[0]).toBe("Everything is up to date");
  expect(forward).toExit(0);
  expect(await database.query("select * from app.orders")).toEqual([{ id: 1, total: 10, note: null }]);
});
