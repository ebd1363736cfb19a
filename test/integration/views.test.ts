import { expect } from "vitest";
import { onEachServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import type { TestServer } from "../support/server.ts";
import { runSlipway } from "../support/slipway.ts";

/** Views that change while others are built on them. */

const folderOf = (sql: string): string => writeFolder({ "schemas/10_app.sql": `create schema app;\n${sql}` });

async function openAt(server: TestServer, sql: string): Promise<TestDatabase> {
  const database = await openTestDatabase(server);
  expect(await runSlipway(["run"], { database, schema: folderOf(sql) })).toExit(0);
  return database;
}

async function planOf(database: TestDatabase, schema: string): Promise<string> {
  const plan = await runSlipway(["plan", "--sql"], { database, schema });
  expect(plan).toExit(3);
  return plan.stdout;
}

async function expectConverged(database: TestDatabase, sql: string): Promise<void> {
  const again = await runSlipway(["plan"], { database, schema: folderOf(`${sql}\n-- again`) });
  expect(again).toExit(0);
}

onEachServer(
  "trap 27: a view that gets columns at its end is changed in place, under what is built and granted on it",
  async (server) => {
    const old = `
      create table app.t (a int, b int);
      create view app.v as select a from app.t;
      comment on view app.v is 'kept';
      comment on column app.v.a is 'kept as well';
      create view app.over as select a from app.v;
      create materialized view app.sum as select sum(a) as s from app.over;
      create function app.f() returns setof app.v language sql stable begin atomic select a from app.v; end;`;
    await using database = await openAt(server, old);
    const role = await database.createRole();
    await database.query(
      `insert into app.t values (1, 2); refresh materialized view app.sum; grant select on app.v to ${role.name};
       create schema theirs; create view theirs.v as select * from app.v`,
    );
    const before = await database.query(
      "select oid from pg_class where relname in ('v', 'over', 'sum') order by oid",
    );
    const wanted = `
      create table app.t (a int, b int, c text default 'new');
      create view app.v as select a, b, c from app.t;
      comment on view app.v is 'kept';
      comment on column app.v.a is 'kept as well';
      comment on column app.v.c is 'new';
      create view app.over as select a, b + 1 as more from app.v;
      create view app.top as select c from app.v;
      create materialized view app.sum as select sum(a) as s from app.over;
      create function app.f() returns setof app.v language sql stable begin atomic select a, b, c from app.v; end;
      create view app.last as select more from app.over;`;

    const sql = await planOf(database, folderOf(wanted));
    const run = await runSlipway(["run"], { database, schema: folderOf(wanted) });

    expect(sql).toMatch(/CREATE OR REPLACE VIEW "?app"?\."?v"?/);
    expect(sql).not.toMatch(/DROP/);
    expect(run).toExit(0);
    expect(
      await database.query("select oid from pg_class where relname in ('v', 'over', 'sum') order by oid"),
    ).toEqual(before);
    expect(await database.query("select a, b, c from app.v")).toEqual([{ a: 1, b: 2, c: "new" }]);
    expect(await database.value(`select has_table_privilege('${role.name}', 'app.v', 'select')`)).toBe(true);
    await expectConverged(database, wanted);
  },
);

onEachServer(
  "a view that takes a column away, changes a type or its options is what the files say, whichever way",
  async (server) => {
    const old = `
      create table app.t (a int, b text, c int);
      create view app.less as select a, b from app.t;
      create view app.typed as select a from app.t;
      create view app.moved as select a, c from app.t;
      create view app.guarded with (security_barrier) as select a from app.t where a > 0;
      create view app.checked as select a from app.t where a > 0 with local check option;`;
    await using database = await openAt(server, old);
    await database.query("insert into app.t values (1, 'x', 3)");
    const wanted = `
      create table app.t (a int, b text, d int);
      create view app.less as select a from app.t;
      create view app.typed as select a::text as a from app.t;
      create view app.moved as select a, d as c from app.t;
      create view app.guarded with (security_barrier) as select a, b from app.t where a > 1;
      create view app.checked as select a, b from app.t where a > 1 with cascaded check option;`;

    const run = await runSlipway(["run"], { database, schema: folderOf(wanted) });
    expect(run).toExit(31);
    const approved = await runSlipway(["run", "--approve", /--approve (\w+)/.exec(run.stderr)?.[1] ?? ""], {
      database,
      schema: folderOf(wanted),
    });

    expect(approved).toExit(0);
    expect(
      await database.value("select reloptions::text from pg_class where oid = 'app.guarded'::regclass"),
    ).toBe("{security_barrier=true}");
    expect(
      await database.value("select reloptions::text from pg_class where oid = 'app.checked'::regclass"),
    ).toBe("{check_option=cascaded}");
    await expectConverged(database, wanted);
  },
);
