import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { describeCatalog } from "../support/catalog.ts";
import { onEachServer, onNewestServer, openTestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { findBackend, GATE, openGate, openGated, SCHEMA } from "../support/gate.ts";
import { Document } from "../support/openapi.ts";
import { READER, startServe } from "../support/serve.ts";
import { runSlipway, startSlipway } from "../support/slipway.ts";
import { waitFor } from "../support/wait.ts";

const V1 = {
  "bootstrap.sql": "create schema if not exists app;",
  "schemas/10_app.sql": "create table app.orders (id int primary key, total int, note text);",
};
const V2 = { ...V1, "schemas/10_app.sql": "create table app.orders (id int primary key, total int);" };
const MIGRATIONS = {
  "1_customers.up.sql": "create table public.customers (id int);",
  "1_customers.down.sql": "drop table public.customers;",
};

onEachServer(
  "every operation answers as the document describes, from an empty database to one that drifted",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = writeFolder(V1);
    await using served = await startServe({ database, schema, migrations: writeFolder(MIGRATIONS) });
    const api = await Document.read(served);

    const empty = await api.call("getStatus");
    const install = await api.call("plan");
    const applied = await api.call("apply", { target: "?wait=true", body: { id: install.body.id } });
    const status = await api.call("getStatus");
    const again = await api.call("apply", { body: { id: install.body.id } });
    await database.query("alter table app.orders alter total type bigint; create table app.extra ()");
    const drifted = await api.call("validate");
    const runs = await api.call("listRuns", { target: "?limit=5" });
    const run = await api.call("getRun", { target: `/api/v1/admin/runs/${runs.body.runs[0].id}` });
    const none = await api.call("getRun", {
      target: "/api/v1/admin/runs/00000000-0000-7000-8000-000000000000",
    });
    const ledger = await api.call("listMigrations");
    const dump = await api.call("dump", { body: { schema: "app" } });
    const unknown = await api.call("dump", { body: { schema: "nowhere" } });
    const health = await api.call("getHealth", { token: "" });
    const ready = await api.call("getReadiness", { token: "" });
    const metrics = await api.call("getMetrics", { token: "" });
    const stream = await served.listen();
    stream.close();

    expect(empty.body).toMatchObject({
      bootstrapped: false,
      has_declarative_state: false,
      last_migration_version: null,
      pending_changes: 1,
      pending_migrations: 1,
      up_to_date: false,
      problem: null,
    });
    expect(install.body).toMatchObject({
      pending: true,
      needs_approval: false,
      bootstrap: ["bootstrap.sql is to run: first run"],
      declarative: { kind: "install" },
      plan: null,
      migrations: [{ version: "1", name: "1_customers" }],
    });
    expect(applied).toMatchObject({ status: 200, body: { result: "applied", userVersion: "1" } });
    expect(status.body).toMatchObject({
      bootstrapped: true,
      has_imperative_migrations: true,
      last_migration_version: "1",
      pending_changes: 0,
      up_to_date: true,
      declarative: { applied: { how: "install" }, drift: { state: "none" } },
    });
    expect(again).toMatchObject({ status: 200, body: { result: "unchanged" } });
    expect(drifted.body).toMatchObject({
      valid: false,
      drifts: [{ type: "ALTER", object_type: "column", schema: "app", name: "app.orders.total" }],
      outside: [{ object: "column app.orders.total", edits: ["type: integer → bigint"] }],
      extras: ["table app.extra"],
    });
    expect(runs.body.runs).toHaveLength(1);
    expect(run.body).toEqual(runs.body.runs[0]);
    expect(none).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
    expect(ledger.body.migrations).toMatchObject([{ version: "1", state: "applied", checksum: "same" }]);
    expect(dump.body.files.map(({ path }: { path: string }) => path)).toContain(
      "schemas/app/tables/orders.sql",
    );
    expect(unknown).toMatchObject({ status: 400, body: { code: "USAGE", exit: 2 } });
    expect(health.status).toBe(200);
    expect(ready.status).toBe(200);
    expect(metrics.text).toContain("slipway_drift 1");
    const all = api.operations.map(({ operationId }) => operationId).filter((id) => id !== "listen");
    expect([...api.called].sort()).toEqual(all.sort());
  },
);

onNewestServer(
  "a destructive plan runs by its approval only, and the approval names who gave it",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = writeFolder(V1);
    expect(await runSlipway(["run"], { database, schema })).toExit(0);
    await database.query("insert into app.orders values (1, 10, 'precious')");
    writeFiles(schema, V2);
    await using served = await startServe({ database, schema });
    const api = await Document.read(served);
    const before = await describeCatalog(database);

    const { body: planned } = await api.call("plan", { body: {} });
    const elsewhere = await api.call("plan", { body: { schema: "other" } });
    const without = await api.call("apply", { body: { id: planned.id } });
    const wrong = await api.call("apply", { body: { id: planned.id, approve: "0123456789abcdef" } });
    const stale = await api.call("apply", { body: { id: "0123456789abcdef", approve: planned.plan.id } });
    const untouched = await describeCatalog(database);
    const status = await api.call("getStatus");
    const right = await api.call("apply", {
      target: "?wait=true",
      body: { id: planned.id, approve: planned.plan.id },
    });

    expect(planned).toMatchObject({
      needs_approval: true,
      plan: {
        summary: { total_changes: 1, drop_count: 1, destructive_count: 1 },
        changes: [
          {
            type: "DROP",
            object_type: "column",
            schema: "app",
            name: "app.orders.note",
            class: "destructive",
            hazards: ["data loss"],
          },
        ],
      },
    });
    expect(elsewhere.body.plan.changes).toEqual([]);
    expect(without).toMatchObject({
      status: 409,
      body: { code: "APPROVAL_REQUIRED", exit: 31, planId: planned.plan.id },
    });
    expect(wrong).toMatchObject({ status: 409, body: { code: "PLAN_STALE", exit: 40 } });
    expect(stale).toMatchObject({ status: 409, body: { code: "PLAN_STALE", exit: 40 } });
    expect(untouched).toEqual(before);
    expect(status.body).toMatchObject({ has_destructive_changes: true, pending_changes: 1 });
    expect(right).toMatchObject({ status: 200, body: { result: "applied", planId: planned.plan.id } });
    expect(await database.query("select * from app.orders")).toEqual([{ id: 1, total: 10 }]);
    expect(await database.value("select approved_by from migrations.plans")).toBe("alice by the API");
  },
);

onNewestServer("what changed since it was planned is not applied", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder(V1);
  const migrations = writeFolder(MIGRATIONS);
  await using served = await startServe({ database, schema, migrations });
  const { body: planned } = await served.ask("internal-schema/plan", { method: "POST" });

  writeFiles(migrations, { "2_more.up.sql": "create table public.more ();" });
  const stale = await served.ask("internal-schema/apply", { body: { id: planned.id } });
  const tables = await database.value(
    "select count(*)::int from pg_tables where schemaname in ('app', 'public')",
  );

  expect(stale).toMatchObject({ status: 409, body: { code: "PLAN_STALE" } });
  expect(stale.body.detail).toContain(planned.id);
  expect(tables).toBe(0);
});

onNewestServer("while another run holds the lock, apply answers 409 and names the holder", async (server) => {
  await using database = await openGated(server);
  const options = {
    database,
    schema: writeFolder(SCHEMA),
    migrations: writeFolder({ "1_slow.up.sql": GATE }),
  };
  await using served = await startServe(options);
  const { body: planned } = await served.ask("internal-schema/plan", { method: "POST" });
  await using other = startSlipway(["run"], { ...options, env: { POD_NAME: "shop-7d9f" } });
  const pid = await waitFor(() => findBackend(database, "gate.opened"));

  const busy = await served.ask("internal-schema/apply", { body: { id: planned.id } });
  await openGate(database);

  expect(busy).toMatchObject({
    status: 409,
    body: { code: "LOCK_BUSY", exit: 21, holder: { pid, user: "postgres" } },
  });
  expect(busy.body.holder.application).toContain("shop-7d9f");
  expect(await other.result).toExit(0);
});

onNewestServer(
  "a run is told step by step to whoever listens, and to who comes back what was missed",
  async (server) => {
    await using database = await openGated(server);
    const options = {
      database,
      schema: writeFolder(SCHEMA),
      migrations: writeFolder({ "1_one.up.sql": "create table app.one ();", "2_slow.up.sql": GATE }),
    };
    await using served = await startServe(options);
    const listener = await served.listen();
    const { body: planned } = await served.ask("internal-schema/plan", { method: "POST" });

    const accepted = await served.ask("internal-schema/apply", { body: { id: planned.id } });
    const { runId } = accepted.body;
    const going = await waitFor(() =>
      listener.events.find(({ data }) => data["what"] === "migration 2_slow"),
    );
    const busy = await served.ask("internal-schema/apply", { body: { id: planned.id } });
    const live = await served.ask(`runs/${runId}`);
    const metrics = await served.ask("/metrics");
    await openGate(database);
    await waitFor(() => listener.events.some(({ event }) => event === "run-end"));
    const late = await served.listen(going.id);
    await waitFor(() => late.events.some(({ event }) => event === "run-end"));
    const over = await served.ask(accepted.headers.get("location")?.replace("..", "") ?? "");
    for (const each of [listener, late]) each.close();

    expect(accepted.status).toBe(202);
    expect(busy).toMatchObject({ status: 409, body: { code: "LOCK_BUSY" } });
    expect(live.body).toMatchObject({ id: runId, status: "running" });
    expect(metrics.text).toContain("slipway_runs_in_progress 1");
    expect(listener.events.map(({ event, data }) => `${event} ${data["phase"] ?? ""}`.trim())).toEqual([
      "run",
      "phase bootstrap",
      "step bootstrap",
      "phase-end",
      "phase declarative",
      "step declarative",
      "phase-end",
      "phase user",
      "step user",
      "step user",
      "phase-end",
      "run-end",
    ]);
    expect(going.data).toMatchObject({ runId, phase: "user", step: 2, steps: 2 });
    expect(listener.events.at(-1)?.data).toMatchObject({ runId, report: { result: "applied" } });
    expect(late.events).toEqual(listener.events.filter(({ id }) => id > going.id));
    expect(over).toMatchObject({ status: 404 });
    expect((await served.ask(`runs/${runId}`)).body.status).toBe("done");
  },
);

onNewestServer("a run of somebody else is told when it begins and when it ends", async (server) => {
  await using database = await openGated(server);
  const options = {
    database,
    schema: writeFolder(SCHEMA),
    migrations: writeFolder({ "1_slow.up.sql": GATE, "2_bad.up.sql": "alter table app.nowhere add x int;" }),
  };
  await using served = await startServe(options);
  const listener = await served.listen();
  await using other = startSlipway(["run"], { ...options, env: { POD_NAME: "shop-7d9f" } });

  const begun = await waitFor(() => listener.events.find(({ event }) => event === "run"));
  await openGate(database);
  const ended = await waitFor(() => listener.events.find(({ event }) => event === "run-end"));
  listener.close();

  expect(begun.data["by"]).toBe("shop-7d9f");
  expect(ended.data).toMatchObject({
    runId: begun.data.runId,
    problem: { code: "STATEMENT_FAILED", exit: 30 },
  });
  expect(listener.events.filter(({ event }) => event === "phase-end")).toHaveLength(3);
  expect(await other.result).toExit(30);
});

onNewestServer("a failed run ends the waiting with what failed, where and what gets on", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({
    "1_bad.up.sql": "create table public.a ();\nalter table public.nowhere add x int;",
  });
  await using served = await startServe({ database, schema: writeFolder(V1), migrations });
  const { body: planned } = await served.ask("internal-schema/plan", { method: "POST" });

  const failed = await served.ask("internal-schema/apply?wait=true", { body: { id: planned.id } });
  const runs = await served.ask("runs");
  const metrics = await served.ask("/metrics");

  expect(failed).toMatchObject({ status: 409, body: { code: "STATEMENT_FAILED", exit: 30 } });
  expect(failed.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  expect(failed.body.where).toMatch(/1_bad\.up\.sql:2:\d+$/);
  expect(failed.body.why).toMatch(/^42P01 /);
  expect(failed.body.next).not.toBe("");
  expect(runs.body.runs).toMatchObject([{ status: "failed", errorCode: "STATEMENT_FAILED" }]);
  expect(metrics.text).toContain('slipway_last_run_status{status="failed"} 1');
  expect(metrics.text).toContain('slipway_migrations{status="failed"} 1');
  expect(metrics.text).toMatch(/^slipway_last_run_phase_duration_seconds\{phase="user"\} [\d.]+$/m);
});

onNewestServer("a dump as a tar is a schema folder that a run has nothing to do with", async (server) => {
  await using database = await openTestDatabase(server);
  expect(await runSlipway(["run"], { database, schema: writeFolder(V1) })).toExit(0);
  await using served = await startServe({ database, schema: writeFolder(V1) });

  const response = await fetch(`${served.origin}/api/v1/admin/internal-schema/dump`, {
    method: "POST",
    headers: { authorization: `Bearer ${READER}`, accept: "application/x-tar" },
  });
  const folder = mkdtempSync(join(tmpdir(), "slipway-dump-"));
  writeFileSync(join(folder, "dump.tar"), Buffer.from(await response.arrayBuffer()));
  const { status } = spawnSync("tar", ["-xf", "dump.tar"], { cwd: folder });
  const plan = await runSlipway(["schema", "plan"], { database, schema: folder });
  const none = await served.ask("internal-schema/dump", { method: "POST", headers: { accept: "image/png" } });

  expect(response.headers.get("content-type")).toBe("application/x-tar");
  expect(status).toBe(0);
  expect(readdirSync(folder)).toContain("schemas");
  expect(plan).toExit(0);
  expect(none).toMatchObject({ status: 406, body: { code: "NOT_ACCEPTABLE" } });
});

onNewestServer("an idle server has no session open, and writes nothing by being asked", async (server) => {
  await using database = await openTestDatabase(server);
  await using served = await startServe({ database, schema: writeFolder(V1) });
  const asked = await Promise.all(
    ["internal-schema/status", "runs", "internal-schema/validate", "/metrics", "/readyz"].map((path) =>
      served.ask(path),
    ),
  );
  const ofSlipway =
    "select count(*)::int from pg_stat_activity where application_name like 'slipway%' and datname = current_database()";

  expect(asked.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(await waitFor(async () => (await database.value(ofSlipway)) === 0)).toBe(true);
  expect(await database.value("select to_regnamespace('migrations') is null")).toBe(true);
});
