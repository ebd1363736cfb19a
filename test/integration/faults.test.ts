import { expect, inject } from "vitest";
import { describeCatalog, readLedger } from "../support/catalog.ts";
import { onSomeServer, type TestDatabase } from "../support/database.ts";
import { type Exchange, type Fault, openFaultLine } from "../support/fault.ts";
import { type Files, writeFiles, writeFolder } from "../support/folder.ts";
import { openGated } from "../support/gate.ts";
import type { TestServer } from "../support/server.ts";
import { runSlipway, type SlipwayOptions, type SlipwayResult, startSlipway } from "../support/slipway.ts";
import { waitFor } from "../support/wait.ts";

/** A migration leaves a mark each time it passes: run twice, it leaves two. */
const MARK = "insert into gate.passed default values;";

const HISTORY: Files = {
  "1_transactional.up.sql": `create schema app;\ncreate table app.t (n int, m int);\n${MARK}`,
  "1_transactional.down.sql": `drop table app.t;\n${MARK}\ndrop schema app;`,
  "2_index.up.sql": "create unique index concurrently t_n on app.t (n);",
  "2_index.down.sql": "drop index concurrently app.t_n;",
  "3_mixed.up.sql": [
    MARK,
    "set search_path = app;",
    "create type state as enum ('a');",
    "create index concurrently t_m on t (m);",
    "alter type state add value 'b';",
    "create table s (state state default 'b');",
    "vacuum t;",
    "drop index concurrently t_n;",
    MARK,
  ].join("\n"),
  "3_mixed.down.sql": `${MARK}\ncreate unique index concurrently t_n on app.t (n);\ndrop table app.s;\ndrop type app.state;\ndrop index concurrently app.t_m;`,
  "4_own.up.sql": `begin;\n${MARK}\ncreate table app.o (n int);\ncommit;`,
  "4_own.down.sql": `begin;\ndrop table app.o;\n${MARK}\ncommit;`,
  "5_parts.up.sql": `begin;\n${MARK}\ninsert into app.t values (1);\ncommit;\nbegin isolation level serializable;\ninsert into app.t values (3);\n${MARK}\ncommit;`,
  "5_parts.down.sql": `begin;\n${MARK}\ndelete from app.t where n = 1;\ncommit;\nbegin;\ndelete from app.t;\n${MARK}\ncommit;`,
  "6_alone.up.sql": `-- slipway: no-transaction\n${MARK}\ncreate table app.alone (n int);`,
  "6_alone.down.sql": `-- slipway: no-transaction\n${MARK}\ndrop table app.alone;`,
};

/** All that tells a disturbed run from an undisturbed one. */
async function describeEnd(database: TestDatabase): Promise<readonly string[]> {
  const passed = await database.value("select count(*)::int from gate.passed");
  const applied = await database.query<{ line: string }>(
    "select concat_ws(' ', direction, name, count(*)) as line from migrations.app_log where event = 'applied' group by direction, name order by 1",
  );
  return [
    ...(await describeCatalog(database)),
    ...(await readLedger(database)),
    `passed ${passed}`,
    ...applied.map(({ line }) => line),
  ];
}

const FAULTS: readonly Fault[] = ["cut", "kill", "terminate"];

/** With SLIPWAY_TEST_FAULTS=all every fault at every place on every server, which takes many minutes. */
const isThorough = process.env["SLIPWAY_TEST_FAULTS"] === "all";

interface Place {
  /** Behind which exchange, from 1. */
  readonly at: number;
  readonly fault: Fault;
}

/**
 * Where an undisturbed run is struck: behind all that leaves something durable, and once within each
 * transaction. Fault by fault in turn, and one place on this server, the next one on the other.
 */
function placesOf(exchanges: readonly Exchange[], server: TestServer): readonly Place[] {
  const first = exchanges.findIndex(({ sql }) => sql.includes("pg_try_advisory_lock"));
  const all = exchanges.map((exchange, index) => ({ ...exchange, at: index + 1 })).slice(first);
  if (isThorough) return all.flatMap(({ at }) => FAULTS.map((fault) => ({ at, fault })));
  const servers = inject("servers");
  return all
    .filter(({ sql, inTransaction, at }) =>
      inTransaction
        ? exchanges[at]?.inTransaction === false
        : !/^(?:select|with state|set lock_timeout)/.test(sql),
    )
    .map(({ at }, index) => ({ at, fault: FAULTS[index % FAULTS.length] ?? "cut" }))
    .filter((_, index) => servers[index % servers.length]?.port === server.port);
}

/** Runs the same again and again, each time in a copy of the database and struck at another place. */
async function strikeEverywhere(
  prepared: TestDatabase,
  args: readonly string[],
  migrations: string,
): Promise<readonly string[]> {
  const options = { schema: "", migrations };
  await using undisturbed = await prepared.copy();
  await using line = await openFaultLine(undisturbed);
  expect(await runSlipway(args, { ...options, database: line })).toExit(0);
  const end = await describeEnd(undisturbed);
  const places = placesOf(line.exchanges, prepared.server);
  const complaints: string[] = [];

  for (const { at, fault } of places) {
    const where = `${fault} behind ${at}: ${line.exchanges[at - 1]?.sql.slice(0, 200)}`;
    await using database = await prepared.copy();
    const { struck, next } = await strike(database, args, options, { at, fault });
    // Behind the last message there is nothing left to notice.
    const wanted: readonly (number | null)[] =
      fault === "kill" ? [null] : at >= line.exchanges.length - 1 ? [0, 22] : [22];
    if (!wanted.includes(struck.exitCode) || struck.stray.length > 0)
      complaints.push(`${where}: struck, exit ${struck.exitCode}: ${struck.stderr}`);
    if (next.exitCode !== 0) complaints.push(`${where}: then exit ${next.exitCode}: ${next.stderr}`);
    const found = await describeEnd(database);
    const more = found.filter((each) => !end.includes(each));
    const less = end.filter((each) => !found.includes(each));
    if (more.length + less.length > 0)
      complaints.push(`${where}: has ${more.join(" | ")} instead of ${less.join(" | ")}`);
  }
  expect(places.length).toBeGreaterThan(5);
  return complaints;
}

async function strike(
  database: TestDatabase,
  args: readonly string[],
  options: SlipwayOptions,
  { at, fault }: Place,
): Promise<{ readonly struck: SlipwayResult; readonly next: SlipwayResult }> {
  let kill = (): void => undefined;
  await using line = await openFaultLine(database, { at, fault, kill: () => kill() });
  await using slipway = startSlipway(args, { ...options, database: line });
  kill = () => slipway.kill("SIGKILL");
  const struck = await slipway.result;
  return { struck, next: await runSlipway(args, { ...options, database }) };
}

onSomeServer(
  "wherever between two messages a run of migrations ends, the next one ends as if nothing had happened",
  async (server) => {
    const migrations = writeFolder(HISTORY);
    await using prepared = await openGated(server);

    expect(await strikeEverywhere(prepared, ["run"], migrations)).toEqual([]);
  },
  isThorough ? 3_600_000 : 300_000,
);

onSomeServer(
  "wherever the way back ends, the next one goes on to the same end",
  async (server) => {
    const migrations = writeFolder(HISTORY);
    await using prepared = await openGated(server);
    expect(await runSlipway(["run"], { database: prepared, schema: "", migrations })).toExit(0);
    const steps = String(Object.keys(HISTORY).length / 2);

    expect(
      await strikeEverywhere(prepared, ["migrate", "down", "--steps", steps, "--yes"], migrations),
    ).toEqual([]);
  },
  isThorough ? 3_600_000 : 300_000,
);

/** What is there before, and a statement that waits for a session in its way after it did some of its work. */
const INSIDE = {
  "create index concurrently": "create unique index concurrently if not exists t_n on t (n);",
  "drop index concurrently": "drop index concurrently t_m;",
  "reindex concurrently": "reindex table concurrently t;",
  "detach concurrently": "alter table p detach partition p1 concurrently;",
  "a transaction": "lock table t in access exclusive mode; drop index t_m;",
} as const;
const BEFORE: Files = {
  "1_tables.up.sql": `create schema app;
    create table app.t (n int, m int);
    create index t_m on app.t (m);
    create table app.p (n int) partition by range (n);
    create table app.p1 partition of app.p for values from (0) to (10);
    ${MARK}`,
};
const READER = "begin isolation level repeatable read; select from app.t, app.p";

const ENDS = ["terminate", "cut", "stop"] as const;

/** Ends a run inside its statement; the server ends the statement itself if it was only the network. */
async function endInside(
  prepared: TestDatabase,
  migrations: string,
  way: (typeof ENDS)[number],
): Promise<{
  readonly end: readonly string[];
  readonly struck: SlipwayResult;
  readonly next: SlipwayResult;
}> {
  await using database = await prepared.copy();
  await using line = await openFaultLine(database);
  await using other = await database.openSession();
  await other.query(READER);
  const options = { schema: "", migrations };
  await using slipway = startSlipway(["run"], {
    ...options,
    database: line,
    env: { SLIPWAY_LOCK_TIMEOUT: "30s" },
  });
  const pid = await waitFor(async () => {
    const [row] = await database.query<{ pid: number }>(
      "select pid from pg_stat_activity where application_name like 'slipway/%' and wait_event_type = 'Lock' and datname = current_database()",
    );
    return row?.pid;
  });
  if (way === "terminate") await database.query("select pg_terminate_backend($1)", [pid]);
  if (way === "cut") line.cut();
  if (way === "stop") slipway.kill("SIGTERM");
  const struck = await slipway.result;
  await other.query("commit");
  const next = await runSlipway(["run"], { ...options, database });
  return { end: await describeEnd(database), struck, next };
}

onSomeServer(
  "a run that ends inside a statement is taken up by the next one, which ends as if nothing had happened",
  async (server) => {
    await using prepared = await openGated(server);
    const before = { schema: "", migrations: writeFolder(BEFORE) };
    expect(await runSlipway(["run"], { ...before, database: prepared })).toExit(0);
    const servers = inject("servers");
    const cases = Object.entries(INSIDE)
      .flatMap(([what, sql]) => ENDS.map((way) => ({ what, sql, way })))
      .filter((_, index) => isThorough || servers[index % servers.length]?.port === server.port);
    const ends = new Map<string, readonly string[]>();

    for (const { what, sql, way } of cases) {
      const migrations = writeFolder({
        ...BEFORE,
        "2_inside.up.sql": `${MARK}\nset search_path = app, pg_catalog;\n${sql}\n${MARK}`,
      });
      if (!ends.has(what)) {
        await using undisturbed = await prepared.copy();
        expect(await runSlipway(["run"], { schema: "", migrations, database: undisturbed })).toExit(0);
        ends.set(what, await describeEnd(undisturbed));
      }
      const { end, struck, next } = await endInside(prepared, migrations, way);

      expect(struck, `${way} inside ${what}`).toExit(way === "stop" ? 143 : 22);
      expect(next, `after ${way} inside ${what}`).toExit(0);
      expect(end, `after ${way} inside ${what}`).toEqual(ends.get(what));
    }
  },
  isThorough ? 3_600_000 : 300_000,
);

onSomeServer(
  "what a file sets in its session holds for the steps that a later run goes on with",
  async (server) => {
    await using database = await openGated(server);
    const role = await database.createRole();
    await database.query(
      `create schema app authorization ${role.name}; create table app.big as select 1 as n, 1 as m`,
    );
    await database.query(`alter table app.big owner to ${role.name}`);
    const file = (statement: string): Files => ({
      "1_steps.up.sql": `set role ${role.name};\nset search_path = app;\ncreate index concurrently big_n on big (n);\nbegin;\ncreate table mine ();\ncommit;\n${statement}\ncreate index concurrently big_m on big (m);`,
    });
    const migrations = writeFolder(file("select 1 / 0;"));

    const failed = await runSlipway(["run"], { database, schema: "", migrations });
    writeFiles(migrations, file("select 1 / 1;"));
    const next = await runSlipway(["run"], { database, schema: "", migrations });

    expect(failed).toExit(30);
    expect(next).toExit(0);
    expect(await readLedger(database)).toEqual([expect.stringMatching(/^1 1_steps applied steps 5 of 5 /)]);
    expect(await database.value("select tableowner from pg_tables where tablename = 'mine'")).toBe(role.name);
  },
);

onSomeServer(
  "a statement alone that the server refused did not happen: it is no unknown outcome for the next run",
  async (server) => {
    await using database = await openGated(server);
    await database.query(
      "create procedure gate.once() language plpgsql as 'begin insert into gate.opened default values; commit; end'",
    );
    const file = (name: string): Files => ({
      "1_call.up.sql": `-- slipway: no-transaction\ncall gate.${name}();`,
    });
    const migrations = writeFolder(file("missing"));

    const failed = await runSlipway(["run"], { database, schema: "", migrations });
    writeFiles(migrations, file("once"));
    const next = await runSlipway(["run"], { database, schema: "", migrations });

    expect(failed).toExit(30);
    expect(next).toExit(0);
    expect(await database.value("select count(*)::int from gate.opened")).toBe(1);
  },
);

onSomeServer(
  "a statement that turns out to refuse a transaction runs without one, and any other has one of its own",
  async (server) => {
    await using database = await openGated(server);
    await database.query(
      "create procedure gate.twice() language plpgsql as 'begin insert into gate.opened default values; commit; insert into gate.opened default values; end'",
    );
    const migrations = writeFolder({
      "1_alone.up.sql": `-- slipway: no-transaction\n${MARK}\ndo $$ begin call gate.twice(); end $$;\ninsert into gate.passed default values;`,
    });

    const run = await runSlipway(["run"], { database, schema: "", migrations });

    expect(run).toExit(0);
    expect(await database.value("select count(*)::int from gate.opened")).toBe(2);
    expect(await database.value("select count(distinct p.xmin::text) from gate.passed p")).toBe("2");
    expect(await readLedger(database)).toEqual([expect.stringMatching(/^1 1_alone applied steps 3 of 3 /)]);
  },
);
