import { expect, inject } from "vitest";
import { describeCatalog } from "../support/catalog.ts";
import { onEachServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { type Exchange, openFaultLine } from "../support/fault.ts";
import { writeFolder } from "../support/folder.ts";
import type { TestServer } from "../support/server.ts";
import { runSlipway, type SlipwayProcess, startSlipway } from "../support/slipway.ts";

const folderOf = (sql: string): string => writeFolder({ "schemas/10_app.sql": `create schema app;\n${sql}` });

const OLD = `
create type app.state as enum ('new');
create table app.u (id int primary key);
create table app.t (id int, a int, b text, c int, state app.state default 'new', constraint t_key unique (a));
create index t_old on app.t (c);
create index t_b on app.t (b);
create table app.gone (id int);
create table app.p (id int, a int) partition by list (a);
create table app.p1 partition of app.p for values in (1);
create table app.p2 partition of app.p for values in (2);
`;

/** A transaction, values that must be committed, builds beside, filling in pieces, proofs, and drops to approve. */
const WANTED = `
create type app.state as enum ('new', 'done');
create table app.u (id int primary key);
create table app.t (
  id int primary key, a int not null, b text, state app.state default 'done',
  token uuid not null default gen_random_uuid(),
  constraint t_key unique (a, id), check (a >= 0), foreign key (a) references app.u (id)
);
create index t_b on app.t (b desc);
create index t_token on app.t (token);
create view app.v as select id, token from app.t;
create table app.p (id int, a int) partition by list (a);
create table app.p1 partition of app.p for values in (1);
create table app.p2 partition of app.p for values in (2);
create index p_id on app.p (id);
alter table app.p add unique (id, a);
`;

const ROWS = `
insert into app.u select generate_series(0, 500);
insert into app.p select g, 1 + g % 2 from generate_series(1, 50) g;
insert into app.t (id, a, b) select g, g, 'b' || g from generate_series(1, 500) g`;

/** Behind everything that is committed, and once in each transaction; one place on this server, the next on the other. */
function placesOf(exchanges: readonly Exchange[], server: TestServer): readonly number[] {
  const servers = inject("servers");
  const first = exchanges.findIndex(({ sql }) => sql.includes("pg_try_advisory_lock"));
  return exchanges
    .map(({ sql, inTransaction }, index) => ({ sql, inTransaction, at: index + 1 }))
    .slice(first)
    .filter(({ sql, inTransaction, at }) =>
      inTransaction
        ? exchanges[at]?.inTransaction === false
        : /^(?:commit|alter|create index|create unique|drop|update|insert|delete)/i.test(sql),
    )
    .map(({ at }) => at)
    .filter((_, index) => servers[index % servers.length]?.port === server.port);
}

async function describeEnd(database: TestDatabase): Promise<readonly string[]> {
  const rows = await database.query<{ line: string }>(
    "select count(*) || ' rows, ' || count(distinct token) || ' tokens' as line from app.t",
  );
  return [...(await describeCatalog(database)), ...rows.map(({ line }) => line)];
}

onEachServer(
  "killed between any two statements of a mixed plan, the next run ends it as if nothing had been",
  async (server) => {
    await using prepared = await openTestDatabase(server);
    const schema = folderOf(WANTED);
    await runSlipway(["run"], { database: prepared, schema: folderOf(OLD) });
    await prepared.query(ROWS);
    const plan = await runSlipway(["plan", "--json"], { database: prepared, schema });
    const { id } = JSON.parse(plan.stdout).declarative.plan;
    const args = ["run", "--approve", id];
    await using undisturbed = await prepared.copy();
    await using line = await openFaultLine(undisturbed);
    expect(await runSlipway(args, { database: line, schema })).toExit(0);
    const end = await describeEnd(undisturbed);
    const places = placesOf(line.exchanges, server);
    const complaints: string[] = [];

    for (const at of places) {
      const where = `behind ${at}: ${line.exchanges[at - 1]?.sql.slice(0, 200)}`;
      await using database = await prepared.copy();
      let killed: SlipwayProcess | undefined;
      await using fatal = await openFaultLine(database, {
        at,
        fault: "kill",
        kill: () => killed?.kill("SIGKILL"),
      });
      killed = startSlipway(args, { database: fatal, schema });
      await killed.result;

      const next = await runSlipway(args, { database, schema });
      const again = await runSlipway(["plan"], { database, schema });

      if (next.exitCode !== 0) complaints.push(`${where}: then exit ${next.exitCode}: ${next.stderr}`);
      if (again.exitCode !== 0) complaints.push(`${where}: and still to do: ${again.stdout}`);
      const found = await describeEnd(database);
      const more = found.filter((each) => !end.includes(each));
      const less = end.filter((each) => !found.includes(each));
      if (more.length + less.length > 0)
        complaints.push(`${where}: has ${more.join(" | ")} instead of ${less.join(" | ")}`);
    }

    expect(places.length).toBeGreaterThan(8);
    expect(complaints).toEqual([]);
  },
  240_000,
);
