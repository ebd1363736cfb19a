import { expect } from "vitest";
import { describeCatalog } from "../support/catalog.ts";
import { onEachServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import type { TestServer } from "../support/server.ts";
import { lastLineOf, runSlipway, type SlipwayResult } from "../support/slipway.ts";

/** Known traps of the engine, by their numbers in docs/declarative-coverage.md: what must stop before it starts. */

const folderOf = (sql: string): string => writeFolder({ "schemas/10_app.sql": `create schema app;\n${sql}` });

/** A database at `sql`, with these rows. */
async function openAt(server: TestServer, sql: string, rows = ""): Promise<TestDatabase> {
  const database = await openTestDatabase(server);
  expect(await runSlipway(["run"], { database, schema: folderOf(sql) })).toExit(0);
  await database.query(rows);
  return database;
}

/** Runs on `sql`, expects the exit code, and that nothing changed in the database. */
async function refused(database: TestDatabase, sql: string, exitCode: number): Promise<SlipwayResult> {
  const before = await describeCatalog(database);
  const result = await runSlipway(["run"], { database, schema: folderOf(sql) });
  expect(result).toExit(exitCode);
  expect(await describeCatalog(database)).toEqual(before);
  return result;
}

const T =
  "create table app.t (id int primary key, c varchar(10), n numeric(10,4), f float8, at timestamptz);";

onEachServer(
  "trap 1: a narrowing cast waits for an approval, and no value is cut or rounded",
  async (server) => {
    await using database = await openAt(
      server,
      T,
      "insert into app.t values (1, 'abcdef', 1.2345, 1.7, now())",
    );

    const plan = (
      await refused(
        database,
        "create table app.t (id int primary key, c varchar(2), n numeric(10,1), f int, at date);",
        31,
      ).then(lastLineOf)
    )["plan"] as { changes: { object: string; class: string; hazards: string[] }[] };

    for (const column of ["c", "n", "f", "at"]) {
      expect(plan.changes).toContainEqual(
        expect.objectContaining({
          object: `column app.t.${column}`,
          class: "destructive",
          hazards: expect.arrayContaining(["data loss"]),
        }),
      );
    }
    expect(await database.query("select c, n::text, f from app.t")).toEqual([
      { c: "abcdef", n: "1.2345", f: 1.7 },
    ]);
  },
);

onEachServer("trap 4: credentials are neither replaced by a placeholder nor shown", async (server) => {
  const foreign = (options: string): string =>
    `create foreign data wrapper w; create server s foreign data wrapper w ${options};
       create user mapping for current_user server s options (user 'u', password 'hush-hush');`;
  await using database = await openAt(server, foreign("options (host 'one')"));
  await database.query("alter user mapping for current_user server s options (set password 'the-real-one')");

  const plan = await runSlipway(["plan", "--json"], {
    database,
    schema: folderOf(foreign("options (host 'two')")),
  });
  const run = await runSlipway(["run"], {
    database,
    schema: folderOf(foreign("options (host 'two', password 'hush-hush')")),
  });

  expect(await database.value("select umoptions from pg_user_mappings")).toEqual([
    "user=u",
    "password=the-real-one",
  ]);
  expect(await database.value("select srvoptions::text from pg_foreign_server")).not.toMatch(/__/);
  for (const { stdout, stderr } of [plan, run]) expect(stdout + stderr).not.toMatch(/hush-hush|the-real-one/);
});

onEachServer(
  "trap 5: files that declare nothing are refused, and part of the files needs an approval",
  async (server) => {
    const whole = "create table app.a (id int); create table app.b (id int);";
    await using database = await openAt(server, whole, "insert into app.a values (1)");
    const before = await describeCatalog(database);

    const nothing = await Promise.all(
      [
        { "schemas/.keep": "" },
        { "schemas/10_app.sql": "" },
        { "schemas/10_app.sql": "-- create table app.a (id int);\n" },
        { "schemas/10_app.sql.tmp": whole },
        { "schemas/10_app.sql": "set search_path = app; select 1;" },
      ].map((files) => runSlipway(["run"], { database, schema: writeFolder(files) })),
    );
    const part = await refused(database, "create table app.a (id int);", 31);

    for (const result of nothing) expect(result).toExit(11);
    expect(lastLineOf(part).msg).toMatch(/drop table app\.b \(data loss\)/);
    expect(await describeCatalog(database)).toEqual(before);
  },
);

onEachServer(
  "trap 7: an identity goes on where the serial was, and a sequence's loss needs an approval",
  async (server) => {
    const serial = "create table app.t (id serial primary key); create sequence app.s;";
    await using database = await openAt(
      server,
      serial,
      "insert into app.t select from generate_series(1, 7); select setval('app.s', 5000)",
    );
    await database.query(`alter database ${database.name} set slipway.environment = 'development'`);
    const identity = "create table app.t (id int generated by default as identity primary key);";

    await refused(database, identity, 31);
    const run = await runSlipway(["run", "--approve", "any"], {
      database,
      schema: folderOf(`${identity} create sequence app.s;`),
    });

    expect(run).toExit(0);
    expect(await database.value("insert into app.t default values returning id")).toBe(8);
    expect(await database.value("select nextval('app.s')::int")).toBe(5001);
  },
);

onEachServer(
  "trap 8: a rename, which reads as drop and add, waits for an approval and loses nothing",
  async (server) => {
    await using database = await openAt(
      server,
      "create table app.t (n text); create table app.u (id int);",
      "insert into app.t values ('kept')",
    );

    const column = await refused(database, "create table app.t (m text); create table app.u (id int);", 31);
    const table = await refused(database, "create table app.t (n text); create table app.w (id int);", 31);

    expect(lastLineOf(column).msg).toMatch(/drop column app\.t\.n \(data loss/);
    expect(lastLineOf(table).msg).toMatch(/drop table app\.u \(data loss/);
    expect(await database.query("select n from app.t")).toEqual([{ n: "kept" }]);
  },
);

const PARTED = "create table app.p (k int) partition by list (k);";

/** What the engine makes anew although PostgreSQL has an ALTER for it. */
const RECREATED: readonly (readonly [what: string, before: string, after: string])[] = [
  [
    "a detached partition",
    `${PARTED} create table app.p1 partition of app.p for values in (1);`,
    `${PARTED} create table app.p1 (k int);`,
  ],
  [
    "another bound",
    `${PARTED} create table app.p1 partition of app.p for values in (1);`,
    `${PARTED} create table app.p1 partition of app.p for values in (1, 2);`,
  ],
  [
    "no parent any more",
    "create table app.q (a int); create table app.c () inherits (app.q);",
    "create table app.q (a int); create table app.c (a int);",
  ],
  [
    "another expression",
    "create table app.t (a int, g int generated always as (a + 1) stored);",
    "create table app.t (a int, g int generated always as (a + 2) stored);",
  ],
];

onEachServer("trap 9: whatever is made anew instead of altered waits for an approval", async (server) => {
  await using database = await openTestDatabase(server);
  const files = (column: 1 | 2): string =>
    writeFolder(
      Object.fromEntries(
        RECREATED.map((each, index) => [
          `schemas/${100 + index}.sql`,
          `create schema s${index}; ${each[column].replaceAll("app.", `s${index}.`)}`,
        ]),
      ),
    );
  await runSlipway(["run"], { database, schema: files(1) });

  const run = await runSlipway(["run"], { database, schema: files(2) });

  expect(run).toExit(31);
  const { changes } = lastLineOf(run)["plan"] as {
    changes: { class: string; sql: string; hazards: string[] }[];
  };
  const lost = changes.filter(({ hazards }) => hazards.includes("data loss")).map(({ sql }) => sql);
  const missing = RECREATED.filter((_, index) => !lost.some((sql) => sql.includes(`s${index}`)));
  expect(missing.map(([what]) => what)).toEqual([]);
});

/** Each opens what was closed, or takes away what kept something out. */
const LOOSENED: readonly (readonly [what: string, before: string, after: string, since?: number])[] = [
  [
    "row security off",
    "create table app.t (a int); alter table app.t enable row level security;",
    "create table app.t (a int);",
  ],
  [
    "row security no longer forced",
    "create table app.t (a int); alter table app.t enable row level security; alter table app.t force row level security;",
    "create table app.t (a int); alter table app.t enable row level security;",
  ],
  [
    "a dropped policy",
    "create table app.t (a int); create policy p on app.t as restrictive using (a > 0);",
    "create table app.t (a int);",
  ],
  [
    "a policy that lets all rows pass",
    "create table app.t (a int); create policy p on app.t using (a > 0);",
    "create table app.t (a int); create policy p on app.t using (true);",
  ],
  [
    "a policy for everyone",
    "create table app.t (a int); create policy p on app.t to postgres using (a > 0);",
    "create table app.t (a int); create policy p on app.t using (a > 0);",
  ],
  [
    "a policy that restricts no more",
    "create table app.t (a int); create policy p on app.t as restrictive using (a > 0);",
    "create table app.t (a int); create policy p on app.t using (a > 0);",
  ],
  [
    "a policy that no longer checks what is written",
    "create table app.t (a int); create policy p on app.t for update using (a > 0) with check (a < 9);",
    "create table app.t (a int); create policy p on app.t for update using (a > 0);",
  ],
  [
    "a grant to everyone",
    "create table app.t (a int);",
    "create table app.t (a int); grant all on app.t to public;",
  ],
  [
    "a default grant to everyone",
    "create table app.t (a int);",
    "create table app.t (a int); alter default privileges in schema app grant select on tables to public;",
  ],
  [
    "a function that runs as its owner",
    "create function app.f() returns int language sql return 1;",
    "create function app.f() returns int language sql security definer return 1;",
  ],
  [
    "a function of its owner's without its own search_path",
    "create function app.f() returns int language sql security definer set search_path = '' return 1;",
    "create function app.f() returns int language sql security definer return 1;",
  ],
  [
    "a view that no longer asks as the reader",
    "create table app.t (a int); create view app.v with (security_invoker) as select a from app.t;",
    "create table app.t (a int); create view app.v as select a from app.t;",
    15,
  ],
  [
    "a view that is no longer a barrier",
    "create table app.t (a int); create view app.v with (security_barrier) as select a from app.t;",
    "create table app.t (a int); create view app.v as select a from app.t;",
  ],
  [
    "a trigger that is turned off",
    "create table app.t (a int); create function app.f() returns trigger language plpgsql as 'begin return new; end'; create trigger g before insert on app.t for each row execute function app.f();",
    "create table app.t (a int); create function app.f() returns trigger language plpgsql as 'begin return new; end'; create trigger g before insert on app.t for each row execute function app.f(); alter table app.t disable trigger g;",
  ],
  ["a dropped unique constraint", "create table app.t (a int unique);", "create table app.t (a int);"],
  [
    "a dropped unique index",
    "create table app.t (a int); create unique index u on app.t (a);",
    "create table app.t (a int);",
  ],
];

onEachServer("trap 11: whatever opens or unguards something waits for an approval", async (server) => {
  await using database = await openTestDatabase(server);
  const loosened = LOOSENED.filter(([, , , since = 0]) => server.major >= since);
  const files = (column: 1 | 2): string =>
    writeFolder(
      Object.fromEntries(
        loosened.map((each, index) => [
          `schemas/${100 + index}.sql`,
          `create schema s${index}; ${each[column].replaceAll(/\bapp\b/g, `s${index}`)}`,
        ]),
      ),
    );
  await runSlipway(["run"], { database, schema: files(1) });

  const run = await runSlipway(["run"], { database, schema: files(2) });

  expect(run).toExit(31);
  const { changes } = lastLineOf(run)["plan"] as { changes: { class: string; sql: string }[] };
  const stopped = changes.filter((change) => change.class === "destructive").map(({ sql }) => sql);
  const missing = loosened.filter(
    (_, index) => !stopped.some((sql) => new RegExp(`\\bs${index}\\b`).test(sql)),
  );
  expect(missing.map(([what]) => what)).toEqual([]);
});

onEachServer(
  "a check on a value that the plan itself adds to its enum is not held against the rows",
  async (server) => {
    await using database = await openAt(
      server,
      "create type app.e as enum ('a'); create table app.t (e app.e);",
      "insert into app.t values ('a')",
    );

    const run = await runSlipway(["run"], {
      database,
      schema: folderOf(
        "create type app.e as enum ('a', 'b'); create table app.t (e app.e constraint c check (e <> 'b'));",
      ),
    });

    expect(run).toExit(0);
  },
);

onEachServer(
  "trap 14: everything that the rows forbid is said at once, with counts and keys, before anything runs",
  async (server) => {
    const before = `
      create domain app.word as text;
      create type app.state as enum ('new', 'old');
      create table app.p (id int primary key);
      create table app.t (id int primary key, a int, b int, c int, d int, w app.word, s app.state, x text);`;
    const rows = `insert into app.t values (1, null, 1, 7, -1, '', 'old', 'x'), (2, null, 1, 8, -2, '', 'old', '5'), (3, 1, 2, 9, 3, 'w', 'new', '6')`;
    await using database = await openAt(server, before, rows);
    await database.query(`alter database ${database.name} set slipway.environment = 'development'`);
    const catalog = await describeCatalog(database);

    const run = await runSlipway(["run", "--approve", "any"], {
      database,
      schema: folderOf(`
        create domain app.word as text check (value <> '');
        create type app.state as enum ('new');
        create table app.p (id int primary key);
        create table app.more (id int);
        create table app.t (id int primary key, a int not null, b int, c int references app.p, d int check (d > 0),
          w app.word, s app.state, x int);
        create unique index t_once on app.t ((b + 1)) where a is null;`),
    });

    expect(run).toExit(30);
    const problems = (lastLineOf(run)["problems"] as string[]).join("\n");
    expect(problems).toMatch(
      /table app\.t: column app\.t\.a is to be NOT NULL.*23502, 2 rows: \(id\)=\(1\), \(id\)=\(2\)/,
    );
    expect(problems).toMatch(/index app\.t_once has keys.*23505, 1 row: \S*\(b \+ 1\)+=\(2\)/);
    expect(problems).toMatch(
      /constraint app\.t\.t_c_fkey refers to rows that app\.p lacks.*23503, 3 rows: \(id\)=\(1\)/,
    );
    expect(problems).toMatch(
      /constraint app\.t\.t_d_check is broken.*23514, 2 rows: \(id\)=\(1\), \(id\)=\(2\)/,
    );
    expect(problems).toMatch(/constraint app\.word\.word_check is broken.*by column w: 23514, 2 rows/);
    expect(problems).toMatch(/type app\.state loses a value that column s holds: 22P02, 2 rows/);
    expect(problems).toMatch(/column app\.t\.x cannot become integer: 22P02/);
    expect(await describeCatalog(database)).toEqual(catalog);
  },
);

onEachServer(
  "a new condition of a domain that a column holds within another type is refused before anything runs, and none that goes or becomes another is in the way",
  async (server) => {
    const types = (condition: string): string => `
      create domain app.word as text ${condition};
      create domain app.short as app.word;
      create type app.pair as (a app.short, b int);
      create table app.plain (w app.word);`;
    const tables = `create table app.t (many app.word[], pair app.pair);
      create table app.u (row app.plain) partition by list (row);`;
    await using database = await openAt(server, `${types("")} ${tables}`);

    for (const condition of ["check (value <> '')", "not null"]) {
      const run = await refused(database, `${types(condition)} ${tables} create table app.more ();`, 30);

      expect(lastLineOf(run)["problems"]).toEqual([
        expect.stringMatching(
          /^table app\.t: domain app\.word .*column many holds it within app\.word\[\]: 0A000/,
        ),
        expect.stringMatching(/^table app\.t: .*column pair holds it within app\.pair: 0A000/),
        expect.stringMatching(/^table app\.u: .*column row holds it within app\.plain: 0A000/),
      ]);
    }
    await database.query(`alter database ${database.name} set slipway.environment = 'development'`);
    const gone = await runSlipway(["run", "--approve", "any"], {
      database,
      schema: folderOf(`${types("check (value <> '')")} create table app.t (many text[], pair text);`),
    });
    expect(gone).toExit(0);
  },
);

onEachServer(
  "trap 17: what others built on a managed object is named before anything runs, and is never dropped",
  async (server) => {
    const t = (columns: string): string =>
      `create table app.t (${columns}); create table app.u (id int primary key); create function app.f(int) returns int language sql return $1;`;
    await using database = await openAt(
      server,
      `${t("id int primary key, a int")} create view app.v as select id, a from app.t;`,
    );
    await database.query(`
      create schema legacy;
      create view legacy.lv as select id from app.v;
      create table legacy.lt (u int constraint to_u references app.u, f int default app.f(1));
      create view app.by_a_migration as select a from app.t`);
    await database.query(`alter database ${database.name} set slipway.environment = 'development'`);
    const before = await describeCatalog(database);

    const run = await runSlipway(["run", "--approve", "any"], {
      database,
      schema: folderOf(
        "create table app.t (id int primary key, a bigint); create view app.v as select a, id from app.t;",
      ),
    });

    expect(run).toExit(30);
    const problems = (lastLineOf(run)["problems"] as string[]).join("\n");
    expect(problems).toMatch(/view app\.v: view legacy\.lv depends on it/);
    expect(problems).toMatch(/table app\.u: constraint to_u on table legacy\.lt depends on it/);
    expect(problems).toMatch(
      /function app\.f\(integer\): default value for column f of table legacy\.lt depends on it/,
    );
    expect(problems).toMatch(/column app\.t\.a: view app\.by_a_migration depends on it/);
    expect(await describeCatalog(database)).toEqual(before);
  },
);
