import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { openTestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { lastLineOf, runSlipway, type SlipwayOptions } from "../support/slipway.ts";

interface Terminated {
  readonly line: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Runs as a container's main would, and gives what `kubectl describe pod` would show. */
async function terminate(args: readonly string[], options: SlipwayOptions) {
  const path = join(writeFolder({ "termination-log": "of the container before\n" }), "termination-log");
  const result = await runSlipway(args, {
    ...options,
    env: { ...options.env, SLIPWAY_TERMINATION_LOG: path },
  });
  const text = readFileSync(path, "utf8");
  const [line, json = "{}"] = text.split("\n");
  const left: Terminated = { line, details: JSON.parse(json) as Terminated["details"] };
  return { result, text, ...left };
}

test("each ending leaves the log's last line: applied, nothing to do, waited, failed, not understood", async () => {
  const [server] = inject("servers");
  if (server === undefined) throw new Error("there is no server");
  await using database = await openTestDatabase(server);
  const good = writeFolder({ "1_a.up.sql": "create table public.a ();" });
  const bad = writeFolder({
    "1_a.up.sql": "create table public.a ();",
    "2_b.up.sql": "create table b (c nonsense);",
  });

  const applied = await terminate(["run"], { database, migrations: good });
  const unchanged = await terminate(["run"], { database, migrations: good });
  const waited = await terminate(["wait", "--timeout=1s"], { database, migrations: good });
  const moved = await terminate(["migrate", "up"], { database, migrations: good });
  const pending = await terminate(["plan"], { database, migrations: bad });
  const failed = await terminate(["run"], { database, migrations: bad });
  const again = await terminate(["wait"], { database, migrations: bad });
  const misspelt = await terminate(["rnu"], {});
  const misset = await terminate(["run"], { database, env: { SLIPWAY_LOCK_WAIT: "soon" } });

  const runIds = await database.query<{ id: string }>(
    "select id::text from migrations.runs order by started_at",
  );
  expect(applied.line).toBe("Database schema management completed");
  expect(applied.details).toEqual({ code: "OK", exit: 0, runId: runIds[0]?.id });
  expect(unchanged.text).toBe('Database schema management completed\n{"code":"OK","exit":0}\n');
  expect(waited.text).toBe('The database is ready\n{"code":"OK","exit":0}\n');
  expect(moved.details).toEqual({ code: "OK", exit: 0 });
  expect(pending.details).toEqual({ code: "PENDING", exit: 3 });
  expect(failed.line).toBe(lastLineOf(failed.result).msg);
  expect(failed.details).toEqual({
    code: "STATEMENT_FAILED",
    exit: 30,
    where: expect.stringMatching(/2_b\.up\.sql:1:\d+$/),
    sqlstate: "42704",
    runId: runIds[1]?.id,
  });
  expect(again.line).toBe(lastLineOf(again.result).msg);
  expect(again.details).toMatchObject({ code: "STATEMENT_FAILED", exit: 30, sqlstate: "42704" });
  expect(misspelt.details).toEqual({ code: "USAGE", exit: 2 });
  expect(misset.line).toMatch(/^CONFIG_INVALID \(exit 10\): SLIPWAY_LOCK_WAIT/);
});

test("where the kubelet's file cannot be written, a run ends as it would without it", async () => {
  const [server] = inject("servers");
  if (server === undefined) throw new Error("there is no server");
  await using database = await openTestDatabase(server);

  const run = await runSlipway(["run"], { database, env: { SLIPWAY_TERMINATION_LOG: "/proc/version" } });

  expect(run).toExit(0);
  expect(run.stray).toEqual([]);
});
