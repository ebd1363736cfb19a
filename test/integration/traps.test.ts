import { expect, inject } from "vitest";
import { describeCatalog } from "../support/catalog.ts";
import { onEachServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { createCluster, type TestServer, urlOf } from "../support/server.ts";
import { lastLineOf, runSlipway, startSlipway } from "../support/slipway.ts";
import { waitFor } from "../support/wait.ts";

/** Known traps of the engine, by their numbers in docs/declarative-coverage.md: what has to work, or to be said. */

const folderOf = (sql: string): string => writeFolder({ "schemas/10_app.sql": `create schema app;\n${sql}` });

/** A development database at `sql`, with these rows or whatever else. */
async function openAt(server: TestServer, sql: string, rest = ""): Promise<TestDatabase> {
  const database = await openTestDatabase(server);
  await database.query(`alter database ${database.name} set slipway.environment = 'development'`);
  expect(await runSlipway(["run"], { database, schema: folderOf(sql) })).toExit(0);
  await database.query(rest);
  return database;
}

onEachServer(
  "trap 6: roles that the place of building lacks are neither dropped nor a reason to fail",
  async (server) => {
    const folder = `${server.folder}/elsewhere-${Date.now()}`;
    await using elsewhere = await createCluster({ bin: server.bin, folder, account: server.account });
    await using database = await openAt(server, "create table app.t (id int);");
    const role = await database.createRole();
    await database.query(
      `grant select on app.t to ${role.name}; create schema theirs authorization ${role.name}`,
    );
    const schema = folderOf("create table app.t (id int, more int);");

    const plan = await runSlipway(["plan", "--sql"], {
      database,
      schema,
      env: { SLIPWAY_SHADOW_URL: urlOf(elsewhere, "postgres") },
    });

    expect(plan).toExit(3);
    expect(plan.stdout).toMatch(/ADD COLUMN "more"/);
    expect(plan.stdout).not.toMatch(/\bROLE\b|OWNED BY|theirs/);
  },
);

onEachServer(
  "trap 12: a function that a change runs finds what it finds in the application, or the failure says why not",
  async (server) => {
    const base = `
      create table app.lk (n int primary key, v int);
      create function app.f(x int) returns int language sql immutable as 'select v from lk where n = x';
      create function app.d() returns int language plpgsql volatile as 'begin return (select max(v) from lk); end';`;
    await using database = await openTestDatabase(server);
    await database.query(`alter database ${database.name} set search_path = app, public`);
    await runSlipway(["run"], { database, schema: folderOf(`${base} create table app.t (n int);`) });
    await database.query("insert into app.lk values (1, 10); insert into app.t values (1)");

    const run = await runSlipway(["run"], {
      database,
      schema: folderOf(`${base} create table app.t (n int, d int default app.d());`),
    });
    const index = await runSlipway(["run"], {
      database,
      schema: folderOf(
        `${base} create table app.t (n int, d int default app.d()); create index t_f on app.t (app.f(n));`,
      ),
    });

    expect(run).toExit(0);
    expect(await database.query("set search_path = app; select * from t")).toEqual([{ n: 1, d: 10 }]);
    if (server.major < 17) expect(index).toExit(0);
    else {
      expect(index).toExit(30);
      expect(lastLineOf(index).msg).toMatch(/42P01.*f looks in the wrong schemas.*SET search_path/);
    }
  },
);

onEachServer(
  "trap 15: objects of another role keep their owner, and are no reason to change anything",
  async (server) => {
    const sql =
      "create table app.t (id int); create view app.v as select id from app.t; create sequence app.s;";
    await using database = await openAt(server, sql);
    const role = await database.createRole();
    for (const object of ["table app.t", "view app.v", "sequence app.s", "schema app"]) {
      await database.query(`alter ${object} owner to ${role.name}`);
    }

    const plan = await runSlipway(["plan", "--sql"], {
      database,
      schema: folderOf(`${sql} create table app.u (id int);`),
    });

    expect(plan.stdout).not.toMatch(/OWNER TO|REVOKE|"app"\."[tvs]"/);
    expect(plan.stdout).toMatch(/CREATE TABLE "app"\."u"/);
  },
);

onEachServer(
  "trap 16: a place of building on another major is refused before anything is built",
  async (server, context) => {
    const other = inject("servers").find(({ major }) => major !== server.major);
    if (other === undefined) return context.skip("there is one server only");
    await using database = await openAt(server, "create table app.t (id int);");
    await using shadow = await openTestDatabase(other);

    const run = await runSlipway(["run"], {
      database,
      schema: folderOf("create table app.t (id int, more int);"),
      env: { SLIPWAY_SHADOW_URL: shadow.url },
    });

    expect(run).toExit(36);
    expect(lastLineOf(run).msg).toMatch(
      new RegExp(`PostgreSQL ${other.major}, the database on ${server.major}`),
    );
  },
);

/** Notes at every DDL command which backend ran it, and under which settings. */
const WITNESS = `
  create schema witness;
  create table witness.seen (pid int, locked bool, lock_timeout text, timezone text, command text);
  create function witness.note() returns event_trigger language plpgsql as $$
  begin
    insert into witness.seen select pg_backend_pid(),
      exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and granted),
      current_setting('lock_timeout'), current_setting('timezone'), tg_tag;
  end $$;
  create event trigger witness on ddl_command_end execute function witness.note();`;

onEachServer(
  "traps 18, 19 and 35: one session that holds the lock runs every change under lock_timeout, and event triggers are named",
  async (server) => {
    const values = (list: string, more: string): string =>
      `create type app.e as enum (${list}); create table app.t (id int, e app.e default 'a' ${more}); create index t_id on app.t (id);`;
    await using database = await openAt(
      server,
      values("'a'", ""),
      `insert into app.t values (1); ${WITNESS}`,
    );

    const run = await runSlipway(["run"], {
      database,
      schema: folderOf(
        `${values("'a', 'b'", ", f app.e default 'b'")} create index t_e on app.t (e); create table app.u (id int);`,
      ),
      env: { SLIPWAY_LOCK_TIMEOUT: "4s" },
    });

    expect(run).toExit(0);
    expect(
      await database.query(
        "select count(distinct pid)::int as sessions, bool_and(locked) as locked, array_agg(distinct timezone) as zones from witness.seen where command ~ '^(ALTER|CREATE) (TYPE|TABLE|INDEX)'",
      ),
    ).toEqual([{ sessions: 1, locked: true, zones: ["UTC"] }]);
    // A concurrent build waits for others, but nobody queues behind it.
    expect(
      await database.query(
        "select distinct lock_timeout from witness.seen where command ~ '^(ALTER|CREATE) (TYPE|TABLE)'",
      ),
    ).toEqual([{ lock_timeout: "4s" }]);
    expect(JSON.stringify(run.lines)).toMatch(/witness on ddl_command_end: witness\.note\(\)/);
  },
);

onEachServer(
  "trap 21: a change that fails in the midst is told with its SQLSTATE and with what was committed before it",
  async (server) => {
    const v = (list: string, more: string): string =>
      `create type app.e as enum (${list}); create table app.t (id int, e app.e default 'a' ${more});`;
    await using database = await openAt(
      server,
      v("'a'", ""),
      `create function public.no() returns event_trigger language plpgsql as $$
         begin raise exception 'not today' using errcode = 'P0042', detail = 'ask the DBA'; end $$;
       create event trigger no_tables on ddl_command_start when tag in ('CREATE TABLE') execute function public.no()`,
    );

    const run = await runSlipway(["run"], {
      database,
      schema: folderOf(`${v("'a', 'b'", "")} create table app.u (id int);`),
    });

    expect(run).toExit(30);
    expect(lastLineOf(run).msg).toMatch(
      /change 2 of 2 \(create table app\.u\) failed: P0042 not today.*slipway plan/,
    );
    expect(lastLineOf(run)["detail"]).toMatch(/ask the DBA/);
    expect(await database.value("select array_agg(enumlabel::text order by 1) from pg_enum")).toEqual([
      "a",
      "b",
    ]);
  },
);

onEachServer(
  "traps 24 and 26: what is no state is refused with file and line, and a SET reaches no other file",
  async (server) => {
    await using database = await openTestDatabase(server);
    const wrong = writeFolder({
      "schemas/10.sql": "create table t (id int);\nbegin;\ncommit;\ninsert into t values (1);\n",
      "schemas/20.sql": "create role r;\ncreate index concurrently i on t (id);\n\\d t\n",
    });
    const rows = writeFolder({
      "schemas/10.sql": "create table t (id int);\ndo $$ begin insert into t values (1); end $$;\n",
      "schemas/20.sql": "create table u (id int);\n",
    });
    const leaking = writeFolder({
      "schemas/10.sql": "create schema x; set search_path = x; create table one (id int);",
      "schemas/20.sql": "create table two (id int);",
    });

    const [refused, filled, run] = [
      await runSlipway(["run"], { database, schema: wrong }),
      await runSlipway(["run"], { database, schema: rows }),
      await runSlipway(["run"], { database, schema: leaking }),
    ];

    expect(refused).toExit(11);
    const problems = (lastLineOf(refused)["problems"] as string[]).join("\n");
    for (const place of [
      "10.sql:2:1",
      "10.sql:3:1",
      "10.sql:4:1",
      "20.sql:1:1",
      "20.sql:2:1",
      "20.sql:3:1",
    ]) {
      expect(problems).toContain(place);
    }
    expect(problems).toMatch(/INSERT is a one-time action.*move it to a migration/);
    expect(filled).toExit(11);
    expect(lastLineOf(filled).msg).toMatch(/10\.sql:2:1: puts rows into public\.t.*migration/);
    expect(run).toExit(0);
    expect(await database.value("select to_regclass('x.one')::text || to_regclass('public.two')::text")).toBe(
      "x.onetwo",
    );
  },
);

onEachServer(
  "trap 25: a routine with a broken body is refused with file and line, also where its check is turned off",
  async (server) => {
    await using database = await openAt(server, "create table app.t (id int);");
    await using fresh = await openTestDatabase(server);
    const schema = writeFolder({
      "schemas/10.sql": "create schema app; create table app.t (id int);",
      "schemas/20.sql": `set check_function_bodies = false;

create function app.good() returns bigint language sql as 'select count(*) from app.later';
create function app.bad() returns int language sql as 'select n from nowhere';
`,
      "schemas/30.sql": "create table app.later (id int);",
    });

    for (const target of [database, fresh]) {
      const run = await runSlipway(["run"], { database: target, schema });

      expect(run).toExit(30);
      expect(lastLineOf(run).msg).toMatch(
        /the body of bad is broken at .*20\.sql:4:\d+: 42P01 relation "nowhere" does not exist/,
      );
      expect(await target.value("select to_regclass('app.later')")).toBeNull();
    }
  },
);

onEachServer(
  "trap 29: an object that needs what a plan cannot make is refused, until bootstrap.sql makes it",
  async (server) => {
    const f = "create function app.f(int, int) returns bool language sql immutable return $1 <> $2;";
    const operator = "create operator app.=== (leftarg = int, rightarg = int, function = app.f);";
    const table = (check: string): string => `create table app.t (a int ${check});`;
    await using database = await openAt(server, `${f} ${table("")}`);
    const sql = `${f} ${operator} ${table("check (a operator(app.===) 1)")}`;

    const refused = await runSlipway(["run"], { database, schema: folderOf(sql) });
    await database.query(operator);
    const run = await runSlipway(["run"], { database, schema: folderOf(sql) });

    expect(refused).toExit(11);
    expect(lastLineOf(refused).msg).toMatch(
      /operator app\.\S*===\S* used by constraint t_a_check on table app\.t.*bootstrap\.sql/,
    );
    expect(run).toExit(0);
  },
);

onEachServer("trap 30: a plan says no more than what is so", async (server) => {
  await using database = await openAt(
    server,
    "create table app.t (a varchar(10), b int default 1); create view app.v as select b from app.t;",
    "insert into app.t values ('x')",
  );

  const plan = await runSlipway(["plan", "--json"], {
    database,
    schema: folderOf(
      "create table app.t (a varchar(20), b int default 2, c int default 3); create view app.v as select b from app.t; create table app.u (id int);",
    ),
  });

  expect(plan).toExit(3);
  const { changes } = JSON.parse(plan.stdout).declarative.plan as {
    changes: { sql: string; hazards: string[] }[];
  };
  expect(changes.flatMap(({ hazards }) => hazards)).not.toContain("table rewrite");
  expect(changes.flatMap(({ hazards }) => hazards)).not.toContain("data loss");
  expect(changes.map(({ sql }) => sql).join("\n")).not.toMatch(/OWNER TO|REVOKE|DROP VIEW/);
});

onEachServer(
  "trap 31: a timestamp that gets a time zone means UTC, whatever the database's is",
  async (server) => {
    await using database = await openAt(
      server,
      "create table app.t (at timestamp);",
      "insert into app.t values ('2026-01-01 12:00')",
    );
    await database.query(`alter database ${database.name} set timezone = 'Asia/Tokyo'`);

    const run = await runSlipway(["run", "--approve", "any"], {
      database,
      schema: folderOf("create table app.t (at timestamptz);"),
    });

    expect(run).toExit(0);
    expect(await database.value("select (at = '2026-01-01 12:00Z') from app.t")).toBe(true);
  },
);

onEachServer("trap 32: what another engine recorded is read anew, and is no drift", async (server) => {
  const sql = "create table app.t (id int);";
  await using database = await openAt(
    server,
    sql,
    "update migrations.declarative_state set engine = 'another 0.9', schema_fingerprint = 'f00', desired = '\\x00'",
  );
  const before = await describeCatalog(database);

  const same = await runSlipway(["run"], {
    database,
    schema: folderOf(sql),
    env: { SLIPWAY_DRIFT: "refuse" },
  });
  await database.query(
    "update migrations.declarative_state set engine = 'another 0.9', schema_fingerprint = 'f00', desired = '\\x00'",
  );
  const changed = await runSlipway(["run"], {
    database,
    schema: folderOf("create table app.t (id int, more int);"),
    env: { SLIPWAY_DRIFT: "refuse" },
  });

  expect(same).toExit(0);
  expect(before.join()).not.toMatch(/more/);
  expect(changed).toExit(0);
  expect((await describeCatalog(database)).join()).toMatch(/app\.t\.more/);
});

onEachServer(
  "trap 37: a table that is locked while the catalog is read is waited for in short attempts, and the blocker is named",
  async (server) => {
    const sql = "create table app.t (id int); create view app.v as select id from app.t;";
    await using database = await openAt(server, sql);
    await using other = await database.openSession();
    await other.query("begin; lock table app.t");

    await using run = startSlipway(["run"], {
      database,
      schema: folderOf(`${sql} create table app.u (id int);`),
      env: { SLIPWAY_LOCK_TIMEOUT: "1s" },
    });
    await waitFor(async () => run.stderr().includes("A table is locked by another session"), 30_000);
    await other.query("commit");
    const result = await run.result;

    expect(result).toExit(0);
    expect(result.stderr).toContain(`pid ${other.pid}`);
  },
);
