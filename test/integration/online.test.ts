import { expect } from "vitest";
import { describeCatalog } from "../support/catalog.ts";
import { onEachServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { lastLineOf, messagesOf, runSlipway, startSlipway } from "../support/slipway.ts";
import { waitFor } from "../support/wait.ts";

const folderOf = (sql: string): string => writeFolder({ "schemas/10_app.sql": `create schema app;\n${sql}` });

interface Pattern {
  readonly what: string;
  readonly old: string;
  readonly wanted: string;
  /** Of the statements that the plan consists of, in this order, each a part of one. */
  readonly steps: readonly string[];
  /** That are left, of the 500. */
  readonly rows?: number;
  /** Afterwards the old files come again, and leave nothing of the wanted ones. */
  readonly goesBack?: boolean;
}

const ROWS = "insert into app.t select g, g, 'b' || g from generate_series(1, 500) g";
const T = "create table app.t (id int primary key, a int, b text);";

/** The third partition has no rows. */
const PARTITIONED = `
create table app.t (id int, a int, b text) partition by range (id);
create table app.t1 partition of app.t for values from (0) to (250);
create table app.t2 partition of app.t for values from (250) to (1000) partition by list (a);
create table app.t21 partition of app.t2 default;
create table app.t22 partition of app.t2 for values in (-1);`;

const PATTERNS: readonly Pattern[] = [
  {
    what: "an index is built concurrently",
    old: T,
    wanted: `${T} create index t_a on app.t (a);`,
    steps: ["CREATE INDEX CONCURRENTLY t_a ON app.t USING btree (a)"],
  },
  {
    what: "an index that changes is built beside the old one and takes its place",
    old: `${T} create index t_a on app.t (a);`,
    wanted: `${T} create index t_a on app.t (a desc) where b is not null;`,
    steps: ["CREATE INDEX CONCURRENTLY slipway_index_", "DROP INDEX", "RENAME TO t_a"],
  },
  {
    what: "an index that goes is dropped concurrently",
    old: `${T} create index t_a on app.t (a);`,
    wanted: T,
    steps: ["DROP INDEX CONCURRENTLY app.t_a"],
  },
  {
    what: "an index goes with the column that it stands on",
    old: `${T} create index t_a on app.t (a);`,
    wanted: "create table app.t (id int primary key, b text);",
    steps: ['DROP INDEX "app"."t_a"', "DROP COLUMN"],
  },
  {
    what: "a check holds first and is proven later",
    old: T,
    wanted: "create table app.t (id int primary key, a int, b text, constraint positive check (a > 0));",
    steps: ['ADD CONSTRAINT "positive" CHECK ((a > 0)) NOT VALID', "VALIDATE CONSTRAINT positive"],
  },
  {
    what: "a foreign key holds first and is proven later, to a key that the same plan builds",
    old: T,
    wanted:
      "create table app.t (id int primary key, a int unique, b text, parent int default 1 references app.t (a));",
    steps: [
      "ADD COLUMN",
      "CREATE UNIQUE INDEX CONCURRENTLY slipway_index_",
      "UNIQUE USING INDEX slipway_index_",
      "FOREIGN KEY (parent) REFERENCES app.t(a) NOT VALID",
      "VALIDATE CONSTRAINT",
    ],
  },
  {
    what: "NOT NULL is proven by a check",
    old: T,
    wanted: "create table app.t (id int primary key, a int not null, b text);",
    steps: [
      "CHECK (a IS NOT NULL) NOT VALID",
      "VALIDATE CONSTRAINT slipway_not_null_",
      "SET NOT NULL, DROP CONSTRAINT",
    ],
  },
  {
    what: "a primary key is made of an index and of a proven column",
    old: "create table app.t (id int, a int, b text);",
    wanted: T,
    steps: [
      "CHECK (id IS NOT NULL) NOT VALID",
      "VALIDATE CONSTRAINT slipway_not_null_",
      "CREATE UNIQUE INDEX CONCURRENTLY",
      "ALTER COLUMN id SET NOT NULL",
      "PRIMARY KEY USING INDEX",
    ],
  },
  {
    what: "a key that changes is built beside the old one",
    old: "create table app.t (id int primary key, a int, b text, constraint t_key unique (a));",
    wanted:
      "create table app.t (id int primary key, a int, b text, constraint t_key unique (a, b) include (id) deferrable initially deferred);",
    steps: [
      "CREATE UNIQUE INDEX CONCURRENTLY slipway_index_",
      'DROP CONSTRAINT "t_key"',
      "ADD CONSTRAINT t_key UNIQUE USING INDEX",
    ],
  },
  {
    what: "a primary key moves to another column, and its own may be NULL afterwards",
    old: T,
    wanted: "create table app.t (id int, a int primary key, b text);",
    steps: ["PRIMARY KEY USING INDEX slipway_index_", 'ALTER COLUMN "id" DROP NOT NULL'],
  },
  {
    what: "a column with a volatile default is filled in pieces",
    old: T,
    wanted:
      "create table app.t (id int primary key, a int, b text, token uuid not null default gen_random_uuid());",
    steps: [
      "ADD COLUMN token uuid, ALTER COLUMN token SET DEFAULT gen_random_uuid()",
      "UPDATE app.t SET token = DEFAULT WHERE token IS NULL",
      "DROP CONSTRAINT slipway_fill_",
      "CHECK (token IS NOT NULL) NOT VALID",
      "VALIDATE CONSTRAINT",
      "ALTER COLUMN token SET NOT NULL",
    ],
  },
  {
    what: "an index of a partitioned table is built on each partition, and then taken over",
    old: PARTITIONED,
    wanted: `${PARTITIONED} create unique index t_b on app.t (b, id, a);`,
    steps: [
      "CREATE UNIQUE INDEX CONCURRENTLY ON app.t1 USING btree (b, id, a)",
      "CREATE UNIQUE INDEX CONCURRENTLY ON app.t21 USING btree (b, id, a)",
      "CREATE UNIQUE INDEX t_b ON app.t USING btree (b, id, a)",
    ],
  },
  {
    what: "an index of a partitioned table that changes is built beside the old one, under the old names",
    old: `${PARTITIONED} create index t_b on app.t (b);`,
    wanted: `${PARTITIONED} create index t_b on app.t (b desc);`,
    steps: [
      "ALTER INDEX app.t1_b_idx RENAME TO slipway_index_",
      "CREATE INDEX CONCURRENTLY ON app.t1 USING btree (b DESC)",
      "ALTER INDEX app.t21_b_idx RENAME TO slipway_index_",
      "CREATE INDEX CONCURRENTLY ON app.t21 USING btree (b DESC)",
      'DROP INDEX "app"."t_b"',
      "CREATE INDEX t_b ON app.t USING btree (b DESC)",
    ],
  },
  {
    what: "an index of a partitioned table is built on no partition that goes",
    old: PARTITIONED,
    wanted: `${PARTITIONED.replace("create table app.t1 partition of app.t for values from (0) to (250);", "")} create index t_b on app.t (b);`,
    steps: [
      'DROP TABLE "app"."t1"',
      "CREATE INDEX CONCURRENTLY ON app.t21 USING btree (b)",
      "CREATE INDEX t_b ON app.t USING btree (b)",
    ],
    rows: 251,
  },
  {
    what: "a partition's own index becomes that of its table",
    old: `${PARTITIONED} create index mine on app.t1 (b);`,
    wanted: `${PARTITIONED} create index mine on app.t1 (b); create index t_b on app.t (b);`,
    steps: [
      "CREATE INDEX CONCURRENTLY ON app.t21 USING btree (b)",
      "CREATE INDEX t_b ON app.t USING btree (b)",
    ],
  },
  {
    what: "keys of a partitioned table take over those that its partitions get by an index",
    old: PARTITIONED,
    wanted: `${PARTITIONED} alter table app.t add primary key (id, a), add constraint t_b unique (id, a) include (b) deferrable;`,
    steps: [
      "VALIDATE CONSTRAINT slipway_not_null_",
      "VALIDATE CONSTRAINT slipway_not_null_",
      "CREATE UNIQUE INDEX CONCURRENTLY slipway_index_",
      "CREATE UNIQUE INDEX CONCURRENTLY slipway_index_",
      "CREATE UNIQUE INDEX CONCURRENTLY slipway_index_",
      "CREATE UNIQUE INDEX CONCURRENTLY slipway_index_",
      "LOCK TABLE app.t IN ACCESS EXCLUSIVE MODE",
      "ALTER TABLE app.t1 ADD CONSTRAINT t1_id_a_b_key UNIQUE USING INDEX slipway_index_",
      "ALTER TABLE app.t21 ADD CONSTRAINT t21_id_a_b_key UNIQUE USING INDEX slipway_index_",
      'ALTER TABLE "app"."t" ADD CONSTRAINT "t_b" UNIQUE (id, a) INCLUDE (b) DEFERRABLE',
      "LOCK TABLE app.t IN ACCESS EXCLUSIVE MODE",
      "ALTER TABLE app.t1 ADD CONSTRAINT t1_pkey PRIMARY KEY USING INDEX slipway_index_",
      "ALTER TABLE app.t21 ADD CONSTRAINT t21_pkey PRIMARY KEY USING INDEX slipway_index_",
      'ALTER TABLE "app"."t" ADD CONSTRAINT "t_pkey" PRIMARY KEY (id, a)',
    ],
    goesBack: true,
  },
  {
    what: "a key of a partitioned table that changes is built beside the old one, under the old names",
    old: `${PARTITIONED} alter table app.t add constraint t_b unique (id, a);`,
    wanted: `${PARTITIONED} alter table app.t add constraint t_b unique (a, id);`,
    steps: [
      "CREATE UNIQUE INDEX CONCURRENTLY slipway_index_",
      "CREATE UNIQUE INDEX CONCURRENTLY slipway_index_",
      "LOCK TABLE app.t IN ACCESS EXCLUSIVE MODE",
      'DROP CONSTRAINT "t_b"',
      "ADD CONSTRAINT t1_a_id_key UNIQUE USING INDEX",
      "ADD CONSTRAINT t21_a_id_key UNIQUE USING INDEX",
      'ADD CONSTRAINT "t_b" UNIQUE (a, id)',
    ],
  },
  {
    what: "an identity waits for its column to be NOT NULL, and counts on from the rows",
    old: "create table app.t (id int, a int, b text);",
    wanted: "create table app.t (id int not null generated by default as identity, a int, b text);",
    steps: ["NOT VALID", "VALIDATE", "SET NOT NULL", "ADD GENERATED BY DEFAULT AS IDENTITY", "setval"],
  },
];

for (const { what, old, wanted, steps, rows = 500, goesBack = false } of PATTERNS) {
  onEachServer(`in a table with rows, ${what}`, async (server) => {
    await using database = await openTestDatabase(server);
    await using fresh = await openTestDatabase(server);
    await database.query(DEVELOPMENT(database));
    const schema = folderOf(wanted);
    await runSlipway(["run"], { database, schema: folderOf(old) });
    await database.query(ROWS);

    const plan = await runSlipway(["plan", "--json"], { database, schema });
    const run = await runSlipway(["run", "--approve", "any"], { database, schema });
    const again = await runSlipway(["plan"], { database, schema });

    expect(run).toExit(0);
    const sql: string[] = JSON.parse(plan.stdout).declarative.plan.changes.map(
      (change: { sql: string }) => change.sql,
    );
    expect(sql.filter((each) => steps.some((step) => each.includes(step)))).toEqual(
      steps.map((step) => expect.stringContaining(step)),
    );
    expect(again).toExit(0);
    await runSlipway(["run"], { database: fresh, schema });
    expect(await describeCatalog(database)).toEqual(await describeCatalog(fresh));
    expect(await database.value("select count(*)::int from app.t")).toBe(rows);
    if (!goesBack) return;
    const before = folderOf(old);
    expect(await runSlipway(["run", "--approve", "any"], { database, schema: before })).toExit(0);
    await runSlipway(["run", "--approve", "any"], { database: fresh, schema: before });
    expect(await describeCatalog(database)).toEqual(await describeCatalog(fresh));
  });
}

const DEVELOPMENT = (database: TestDatabase): string =>
  `alter database "${database.name}" set slipway.environment = 'development'`;

onEachServer("in a table without rows everything is one transaction", async (server) => {
  await using database = await openTestDatabase(server);
  await runSlipway(["run"], { database, schema: folderOf(T) });

  const plan = await runSlipway(["plan", "--json"], {
    database,
    schema: folderOf(
      "create table app.t (id int primary key, a int not null unique, b text, c uuid default gen_random_uuid(), d int not null); create index on app.t (b);",
    ),
  });

  const { changes } = JSON.parse(plan.stdout).declarative.plan;
  expect(changes.map(({ transactional }: { transactional: boolean }) => transactional)).not.toContain(false);
});

onEachServer(
  "values that are there are filled, those of others' rows and rows of the meantime too",
  async (server) => {
    await using database = await openTestDatabase(server);
    await runSlipway(["run"], { database, schema: folderOf(T) });
    await database.query("insert into app.t select g, g, repeat('x', 500) from generate_series(1, 20000) g");
    const schema = folderOf("create table app.t (id int primary key, a int, b text, n serial);");

    const run = await runSlipway(["run"], { database, schema });

    expect(run).toExit(0);
    expect(
      await database.query(
        "select count(*)::int as rows, count(distinct n)::int as numbers, min(n) as first from app.t",
      ),
    ).toEqual([{ rows: 20_000, numbers: 20_000, first: 1 }]);
  },
);

onEachServer("a table with a trigger of its own is not updated behind its back", async (server) => {
  await using database = await openTestDatabase(server);
  const trigger = `create table app.log (at timestamptz);
create function app.note() returns trigger language plpgsql as $$begin insert into app.log values (now()); return new; end$$;
create trigger t_note before update on app.t for each row execute function app.note();`;
  await runSlipway(["run"], { database, schema: folderOf(`${T} ${trigger}`) });
  await database.query(ROWS);

  const run = await runSlipway(["run"], {
    database,
    schema: folderOf(
      `create table app.t (id int primary key, a int, b text, token uuid default gen_random_uuid()); ${trigger}`,
    ),
  });

  expect(run).toExit(0);
  expect(await database.value("select count(distinct token)::int from app.t")).toBe(500);
  expect(await database.value("select count(*)::int from app.log")).toBe(0);
});

onEachServer(
  "a NOT NULL column without a default is refused before anything runs, where rows are",
  async (server) => {
    await using database = await openTestDatabase(server);
    await runSlipway(["run"], { database, schema: folderOf(T) });
    await database.query(ROWS);
    const before = await describeCatalog(database);

    const run = await runSlipway(["run"], {
      database,
      schema: folderOf(
        "create table app.n (id int); create table app.t (id int primary key, a int, b text, x int not null, y text not null);",
      ),
    });

    expect(run).toExit(30);
    expect(JSON.stringify(lastLineOf(run))).toMatch(
      /app\.t\.x is new, NOT NULL and without a default.*app\.t\.y/,
    );
    expect(await describeCatalog(database)).toEqual(before);
  },
);

onEachServer(
  "an index of a partitioned table goes on where a run that died left it, and clears what was half built",
  async (server) => {
    await using database = await openTestDatabase(server);
    await runSlipway(["run"], { database, schema: folderOf(PARTITIONED) });
    await database.query(ROWS);
    await database.query("create index concurrently on app.t1 (b)");
    await database.query("create index concurrently half on app.t21 (b)");
    await database.query("update pg_index set indisvalid = false where indexrelid = 'app.half'::regclass");
    const built = await database.value("select 'app.t1_b_idx'::regclass::oid");
    const schema = folderOf(`${PARTITIONED} create index t_b on app.t (b);`);

    const run = await runSlipway(["run"], { database, schema });

    expect(run).toExit(0);
    expect(await database.value("select 'app.t1_b_idx'::regclass::oid")).toBe(built);
    expect(await database.value("select to_regclass('app.half')")).toBeNull();
    expect(await database.query("select indexrelid::regclass from pg_index where not indisvalid")).toEqual(
      [],
    );
  },
);

onEachServer("a column half filled is filled to its end", async (server) => {
  await using database = await openTestDatabase(server);
  await runSlipway(["run"], { database, schema: folderOf(T) });
  await database.query(ROWS);
  const schema = folderOf(
    "create table app.t (id int primary key, a int, b text, token uuid not null default gen_random_uuid());",
  );
  const plan = await runSlipway(["plan", "--json"], { database, schema });
  const [add, fill]: { sql: string }[] = JSON.parse(plan.stdout).declarative.plan.changes;
  await database.query("update migrations.declarative_state set schema_fingerprint = 'applying'");
  await database.query(`${add?.sql}; ${fill?.sql} and id < 100`);

  const run = await runSlipway(["run"], { database, schema });

  expect(run).toExit(0);
  expect(await database.value("select count(distinct token)::int from app.t")).toBe(500);
  expect((await describeCatalog(database)).join("\n")).not.toContain("slipway_");
});

onEachServer("an index that cannot be unique leaves nothing in the way of writers", async (server) => {
  await using database = await openTestDatabase(server);
  await runSlipway(["run"], { database, schema: folderOf(T) });
  await database.query(ROWS);
  await database.query("update app.t set a = 1 where id < 3");
  const before = await describeCatalog(database);
  const schema = folderOf(`${T} create unique index t_a on app.t (a);`);

  const run = await runSlipway(["run"], { database, schema });
  const after = await describeCatalog(database);
  await database.query("update app.t set a = id");
  const again = await runSlipway(["run"], { database, schema });

  expect(run).toExit(30);
  expect(after).toEqual(before);
  expect(again).toExit(0);
});

onEachServer("an approval holds for the rest of the plan when the run died half way", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = folderOf(`${T} create index t_old on app.t (a); create table app.gone (id int);`);
  await runSlipway(["run"], { database, schema });
  await database.query(ROWS);
  writeFiles(schema, { "schemas/10_app.sql": `create schema app; ${T} create index t_b on app.t (b);` });
  const refused = await runSlipway(["run"], { database, schema });
  const id = /plan ([0-9a-f]{16})/.exec(lastLineOf(refused).msg)?.[1] ?? "";
  // Holds up the concurrent build, which comes after the first transaction.
  await using holder = await database.openSession();
  await holder.query("begin isolation level repeatable read");
  await holder.query("select count(*) from app.t");

  const killed = startSlipway(["run", "--approve", id], { database, schema });
  await waitFor(async () => (await database.value("select to_regclass('app.gone')")) === null);
  killed.kill("SIGKILL");
  await killed.result;
  await holder.query("rollback");
  const run = await runSlipway(["run", "--approve", id], { database, schema });

  expect(refused).toExit(31);
  expect(run).toExit(0);
  expect(messagesOf(run)).toContain("Schema applied successfully");
  expect(await database.value("select to_regclass('app.t_old')")).toBeNull();
});

onEachServer(
  "a proof that loses a deadlock is tried again, with the constraint still there",
  async (server) => {
    await using database = await openTestDatabase(server);
    const u = "create table app.u (id int primary key);";
    await runSlipway(["run"], { database, schema: folderOf(`${u} ${T}`) });
    await database.query("insert into app.u select generate_series(1, 500)");
    await database.query(ROWS);
    // A moment in which the proof has begun and holds no lock yet.
    await database.query(`
    create function public.pause() returns event_trigger language plpgsql as $$
      begin if current_query() like '%VALIDATE%' then perform pg_sleep(1); end if; end $$;
    create event trigger pause on ddl_command_start execute function public.pause()`);
    const schema = folderOf(
      `${u} create table app.t (id int primary key, a int, b text, constraint t_u foreign key (a) references app.u (id));`,
    );
    const proofWaits = (event: string): Promise<boolean> =>
      waitFor(async () => {
        const [found] = await database.query(
          "select from pg_stat_activity where datname = current_database() and query like 'ALTER TABLE%VALIDATE%' and $1 in (wait_event, wait_event_type)",
          [event],
        );
        return found !== undefined;
      });
    await using other = await database.openSession();
    // Whoever looks for the deadlock first gives way: slipway, after a second.
    await other.query("set deadlock_timeout = '60s'");

    await using slipway = startSlipway(["run"], { database, schema });
    await proofWaits("PgSleep");
    await other.query("begin; lock table app.u in access exclusive mode");
    await proofWaits("Lock");
    await other.query("lock table app.t in access exclusive mode");
    await other.query("rollback");
    const run = await slipway.result;

    expect(run).toExit(0);
    expect(messagesOf(run).join()).toContain("A table is locked by another session");
    expect(await database.value("select convalidated from pg_constraint where conname = 't_u'")).toBe(true);
  },
);

onEachServer("of a plan that is half applied nobody knows whether there is drift", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = folderOf(T);
  await runSlipway(["run"], { database, schema });
  await database.query("update migrations.declarative_state set schema_fingerprint = 'applying'");
  await database.query("alter table app.t add column c int");

  const status = await runSlipway(["schema", "status", "--json"], { database, schema });
  const validate = await runSlipway(["schema", "validate", "--json"], { database, schema });

  expect(JSON.parse(status.stdout).drift).toEqual({ state: "unknown" });
  expect(JSON.parse(validate.stdout).outsideUnknown).toContain("ended in the middle");
});
