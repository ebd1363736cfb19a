import { expect } from "vitest";
import { describeCatalog, readLedger } from "./catalog.ts";
import { openTestDatabase, type TestDatabase } from "./database.ts";
import type { Files } from "./folder.ts";
import type { TestServer } from "./server.ts";
import { runSlipway, type SlipwayOptions } from "./slipway.ts";

/** A statement that takes until a test opens the gate, and then does what a test can see. */
export const GATE = `
  do $$ begin
    while not exists (select from gate.opened) loop perform pg_sleep(0.02); end loop;
    insert into gate.passed default values;
  end $$;`;

/** A database with the gate closed; in schema public there is nothing, so that it counts as fresh. */
export async function openGated(server: TestServer): Promise<TestDatabase> {
  const database = await openTestDatabase(server);
  await database.query("create schema gate; create table gate.opened (); create table gate.passed ()");
  return database;
}

/** Lets everything pass. */
export const openGate = (database: TestDatabase): Promise<unknown> =>
  database.query("insert into gate.opened default values");

/** The backend of slipway that is busy with something like this. */
export const findBackend = async (database: TestDatabase, query: string): Promise<number | undefined> => {
  const [row] = await database.query<{ pid: number }>(
    `select pid from pg_stat_activity
      where application_name like 'slipway/%' and state = 'active' and query like $1
        and (datname = current_database() or datname like 'slipway\\_shadow\\_' || (select oid from pg_database where datname = current_database()) || '%')`,
    [`%${query}%`],
  );
  return row?.pid;
};

export const hasBackend = async (database: TestDatabase, pid: number): Promise<boolean> =>
  (await database.value<number>("select count(*)::int from pg_stat_activity where pid = $1", [pid])) > 0;

/** What the same files make of a database where nothing goes wrong. */
export async function expectLikeUndisturbed(
  database: TestDatabase,
  options: Omit<SlipwayOptions, "database">,
): Promise<void> {
  await using undisturbed = await openGated(database.server);
  await openGate(undisturbed);
  expect(await runSlipway(["run"], { ...options, database: undisturbed })).toExit(0);

  expect(await describeCatalog(database)).toEqual(await describeCatalog(undisturbed));
  expect(await readLedger(database)).toEqual(await readLedger(undisturbed));
  const passed = "select count(*)::int from gate.passed";
  expect(await database.value(passed)).toBe(await undisturbed.value(passed));
}

/** Small files of the first two phases. */
export const SCHEMA: Files = {
  "bootstrap.sql": "create schema if not exists app;",
  "schemas/10_app.sql": "create table app.orders (id int primary key, state text);",
};

/** A migration with a step outside of any transaction between two inside. */
export const MIXED: Files = {
  "1_mixed.up.sql":
    "create table app.big as select n from generate_series(1, 100) n;\ninsert into gate.passed default values;\ncreate unique index concurrently if not exists big_n on app.big (n);\ninsert into gate.passed default values;",
};

/** How many advisory locks there are in the database. */
export const countLocks = (database: TestDatabase): Promise<number> =>
  database.value(
    `select count(*)::int from pg_locks
      where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
  );
