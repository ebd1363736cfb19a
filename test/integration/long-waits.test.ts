import { expect, inject, test } from "vitest";
import { openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import type { TestServer } from "../support/server.ts";
import {
  type LogLine,
  lastLineOf,
  runSlipway,
  type SlipwayResult,
  startSlipway,
} from "../support/slipway.ts";
import { waitFor } from "../support/wait.ts";

const RUNNING = "A statement is still running...";
const WAITING = "A statement is waiting for another session...";

/** The first line comes after ten seconds: all of them are waited for at once. */
async function runUntilFirstLine(
  server: TestServer,
  files: Readonly<Record<string, string>>,
  prepare: string,
  block?: string,
): Promise<{ readonly result: SlipwayResult; readonly line: LogLine | undefined; readonly blocker: number }> {
  await using database = await openTestDatabase(server);
  await database.query(prepare);
  await using other = await database.openSession();
  if (block !== undefined) await other.query(block);
  await using slipway = startSlipway(["run"], { database, schema: "", migrations: writeFolder(files) });
  await waitFor(() => slipway.stderr().includes("A statement is "), 30_000);
  await other.query("rollback");
  const result = await slipway.result;
  return {
    result,
    line: result.lines.find(({ msg }) => msg.startsWith("A statement is ")),
    blocker: other.pid,
  };
}

// Most of it is waiting: all of them at once.
test.concurrent("a statement that runs long says so, with what it waits for, who blocks it and how far an index is", async () => {
  const slow = `create function public.slow(n int) returns int immutable language plpgsql
      as 'begin perform pg_sleep(0.011); return n; end';
    create table public.t (n int, filler text) with (fillfactor = 10);
    insert into public.t select n, repeat('x', 200) from generate_series(1, 1050) n`;

  await Promise.all(
    inject("servers").map(async (server) => {
      const [building, waiting, sleeping] = await Promise.all([
        runUntilFirstLine(
          server,
          { "1_i.up.sql": "create index concurrently t_slow on public.t (slow(n));" },
          slow,
        ),
        runUntilFirstLine(
          server,
          { "1_i.up.sql": "\n\ncreate index concurrently t_n on public.t (n);" },
          "create table public.t (n int)",
          "begin isolation level repeatable read; select 'the one in the way'",
        ),
        runUntilFirstLine(server, { "1_long.up.sql": "select pg_sleep(10.5);" }, "select"),
      ]);

      for (const { result } of [building, waiting, sleeping]) expect(result).toExit(0);
      expect(building.line).toMatchObject({
        level: "info",
        msg: RUNNING,
        statement: expect.stringMatching(/1_i\.up\.sql:1$/),
        phase: "building index: scanning table",
        done: expect.stringMatching(/^\d+ of \d{2,3} blocks$/),
        percent: expect.any(Number),
      });
      expect(building.line?.["percent"]).toBeGreaterThan(10);
      expect(building.line?.["percent"]).toBeLessThan(100);
      expect(waiting.line).toMatchObject({
        level: "warn",
        msg: WAITING,
        statement: expect.stringMatching(/1_i\.up\.sql:3$/),
        runningSeconds: 10,
        waitsFor: "Lock: virtualxid",
        blockedBy: [
          expect.stringMatching(
            new RegExp(
              `^pid ${waiting.blocker} \\(a test, user postgres, idle in transaction for 1\\d s: .*the one in the way`,
            ),
          ),
        ],
        phase: expect.stringMatching(/^waiting for/),
        done: "0 of 1 sessions",
        percent: 0,
      });
      expect(sleeping.line).toMatchObject({ level: "info", msg: RUNNING, waitsFor: "Timeout: PgSleep" });
    }),
  );
}, 60_000);

test.concurrent("where nobody can be asked, the line says how long, and the run ends as it would", async () => {
  await Promise.all(
    inject("servers").map(async (server) => {
      await using database = await openTestDatabase(server);
      const role = await database.createRole("connection limit 1");
      await database.query(`grant create on database ${database.name} to ${role.name}`);

      const run = await runSlipway(["run"], {
        database: role,
        schema: "",
        migrations: writeFolder({ "1_long.up.sql": "select pg_sleep(11);" }),
      });

      expect(run).toExit(0);
      const line = run.lines.find(({ msg }) => msg === RUNNING);
      expect(Object.keys(line ?? {})).toEqual(["level", "time", "statement", "runningSeconds", "msg"]);
    }),
  );
}, 60_000);

const LOCKED = { SLIPWAY_LOCK_TIMEOUT: "500ms" };

async function openLocked(server: TestServer): Promise<TestDatabase> {
  const database = await openTestDatabase(server);
  await database.query("create table public.t (n int); create table public.passed ()");
  return database;
}

test.concurrent("a migration that meets a locked table is rolled back, says who blocks, and runs again as a whole", async () => {
  await Promise.all(
    inject("servers").map(async (server) => {
      await using database = await openLocked(server);
      await using other = await database.openSession();
      await other.query("begin; lock table public.t in access share mode");
      const migrations = writeFolder({
        "1_passes.up.sql": "insert into public.passed default values;",
        "2_alter.up.sql": "insert into public.passed default values; alter table public.t add column m int;",
      });
      await using slipway = startSlipway(["run"], { database, schema: "", migrations, env: LOCKED });
      await waitFor(() => slipway.stderr().includes("trying again"));
      await other.query("commit");
      const run = await slipway.result;

      expect(run).toExit(0);
      expect(run.lines).toContainEqual(
        expect.objectContaining({
          level: "warn",
          msg: "A table is locked by another session, trying again...",
          migration: "2_alter",
          attempt: 1,
          blockedBy: [
            expect.stringMatching(new RegExp(`^pid ${other.pid} \\(a test, user postgres, idle in tr`)),
          ],
        }),
      );
      expect(await database.value("select count(*)::int from public.passed")).toBe(2);
    }),
  );
});

// All attempts together take most of a minute, in which next to nothing happens.
test.concurrent("a table lock that never comes: exit 23, naming who blocks and how to end it; nothing is failed", async () => {
  const changed = writeFolder({
    "schemas/10_app.sql": "create schema app; create table app.things (id bigint primary key);",
  });
  const migrations = writeFolder({ "1_alter.up.sql": "alter table app.things add column note text;" });
  const ways = [
    ["the change of ", { schema: changed }],
    ["migration 1_alter", { migrations }],
  ] as const;

  await Promise.all(
    inject("servers").flatMap((server) =>
      ways.map(async ([what, files]) => {
        await using database = await openTestDatabase(server);
        await runSlipway(["run"], { database });
        await using other = await database.openSession();
        await other.query("begin; lock table app.things in access share mode");

        const run = await runSlipway(["run"], {
          database,
          ...files,
          env: { SLIPWAY_LOCK_TIMEOUT: "400ms" },
          timeoutMs: 120_000,
        });
        await other.query("commit");
        const failed = await database.value("select count(*)::int from migrations.app");
        const next = await runSlipway(["run"], { database, ...files });

        expect(run).toExit(23);
        expect(lastLineOf(run).msg).toMatch(
          new RegExp(`^TABLE_LOCKED \\(exit 23\\): ${what}.*pg_terminate_backend\\(${other.pid}\\)`),
        );
        expect(failed).toBe(0);
        expect(next).toExit(0);
      }),
    ),
  );
}, 120_000);
