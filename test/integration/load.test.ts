import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { onEachServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { runSlipway } from "../support/slipway.ts";

const ROWS = 1_000_000;
/** The longest that a writer may stand still. */
const LOCK_TIMEOUT_MS = 3_000;

const folderOf = (sql: string): string => writeFolder({ "schemas/10_app.sql": `create schema app;\n${sql}` });

const U = "create table app.u (id int primary key);";
const table = (columns: string): string => `${U} create table app.t (id int, a int, b text${columns});`;

/** Each step of the way is one pattern, on the table as the step before left it. */
const STEPS: readonly (readonly [what: string, schema: string])[] = [
  ["an index", `${table("")} create index t_a on app.t (a);`],
  ["an index that changes", `${table("")} create index t_a on app.t (a desc, id);`],
  ["a check", `${table(", check (a >= 0)")} create index t_a on app.t (a desc, id);`],
  [
    "a foreign key",
    `${table(", check (a >= 0), foreign key (a) references app.u (id)")} create index t_a on app.t (a desc, id);`,
  ],
  [
    "a primary key",
    `${table(", check (a >= 0), foreign key (a) references app.u (id), primary key (id)")} create index t_a on app.t (a desc, id);`,
  ],
  [
    "a column with a volatile default, and one that is NOT NULL now",
    `${table(", token uuid not null default gen_random_uuid(), check (a >= 0), foreign key (a) references app.u (id), primary key (id)").replace("b text", "b text not null")} create index t_a on app.t (a desc, id);`,
  ],
];

interface Writers extends AsyncDisposable {
  /** The longest wait for one transaction since the last time this was asked, and how many there were. */
  take(): { readonly longestMs: number; readonly count: number };
}

/** People at work: each writes a row, changes one, and does it again. */
async function startWriters(database: TestDatabase, howMany: number): Promise<Writers> {
  let longestMs = 0;
  let count = 0;
  let id = ROWS;
  let stopped = false;
  const write = async (): Promise<void> => {
    await using session = await database.openSession();
    while (!stopped) {
      const start = performance.now();
      id += 1;
      await session.query("insert into app.t (id, a, b) values ($1, $1 % 1000, 'new')", [id]);
      await session.query(
        "update app.t set a = (a + 1) % 1000 where ctid = (select ctid from app.t limit 1)",
      );
      longestMs = Math.max(longestMs, performance.now() - start);
      count += 1;
      await sleep(2);
    }
  };
  const writers = Array.from({ length: howMany }, write);
  return {
    take() {
      const taken = { longestMs, count };
      longestMs = 0;
      count = 0;
      return taken;
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      await Promise.all(writers);
    },
  };
}

onEachServer(
  `writers of a table of ${ROWS.toLocaleString("en")} rows stand still for less than the lock timeout, whatever is done to it online`,
  async (server) => {
    await using database = await openTestDatabase(server);
    await database.query(`alter database "${database.name}" set slipway.environment = 'development'`);
    await runSlipway(["run"], { database, schema: folderOf(table("")) });
    await database.query(`insert into app.u select generate_series(0, 1000);
      insert into app.t select g, g % 1000, 'row ' || g from generate_series(1, ${ROWS}) g`);
    await database.query("vacuum analyze app.t");
    await using writers = await startWriters(database, 4);

    for (const [what, schema] of STEPS) {
      writers.take();
      const run = await runSlipway(["run", "--approve", "any"], {
        database,
        schema: folderOf(schema),
        env: { SLIPWAY_LOCK_TIMEOUT: `${LOCK_TIMEOUT_MS}ms` },
        timeoutMs: 120_000,
      });
      const { longestMs, count } = writers.take();

      expect(run).toExit(0);
      expect(count, what).toBeGreaterThan(0);
      expect(longestMs, what).toBeLessThan(LOCK_TIMEOUT_MS);
    }
  },
  300_000,
);
