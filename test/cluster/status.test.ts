import { cpSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { V1ConfigMap } from "@kubernetes/client-node";
import { expect, inject } from "vitest";
import { onCluster, openNamespace, openPod, type TestNamespace, type TestPod } from "../support/cluster.ts";
import type { ClusterServer } from "../support/cluster-server.ts";
import { openTestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { findBackend, GATE, openGate, openGated } from "../support/gate.ts";
import { lastLineOf, messagesOf, runSlipway, startSlipway } from "../support/slipway.ts";
import { eventsOf, findStatus, readStatus, STATUS, statusRules } from "../support/status.ts";
import { waitFor } from "../support/wait.ts";

const [server] = inject("servers");
if (server === undefined) throw new Error("no server was started");

/** A pod whose account may do what a status needs. */
async function openMigrator(cluster: ClusterServer): Promise<{ namespace: TestNamespace; pod: TestPod }> {
  const namespace = await openNamespace(cluster);
  await namespace.createAccount("migrator", statusRules());
  return { namespace, pod: await openPod(namespace, "migrator") };
}

const inPod = (pod: TestPod): { readonly env: Readonly<Record<string, string>> } => ({
  env: { ...pod.env, SLIPWAY_STATUS_CONFIGMAP: STATUS },
});

const conditionsOf = (data: Readonly<Record<string, string>> | undefined): Record<string, string> => {
  const { conditions } = JSON.parse(data?.["status.json"] ?? "{}") as {
    conditions: { type: string; status: string; reason: string }[];
  };
  return Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
};

onCluster("a run shows in the status ConfigMap what it did, and owns nothing else of it", async (cluster) => {
  await using database = await openTestDatabase(server);
  const { namespace, pod } = await openMigrator(cluster);
  const migrations = writeFolder({ "1_orders.up.sql": "create table app.orders (id int);" });

  const run = await runSlipway(["run"], { database, migrations, ...inPod(pod) });
  const { metadata, data } = await readStatus(namespace);

  expect(run).toExit(0);
  expect(data).toEqual({
    phase: "Succeeded",
    result: "applied",
    message: lastLineOf(run).msg,
    schemaFingerprint: await database.value("select schema_fingerprint from migrations.declarative_state"),
    userVersion: "1",
    pendingApproval: "",
    startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    finishedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    runId: await database.value("select id from migrations.runs"),
    pod: pod.name,
    "status.json": expect.stringContaining('"apiVersion":"slipway.dev/v1"'),
  });
  expect(conditionsOf(data)).toEqual({
    Ready: "True Applied",
    Reconciling: "False Applied",
    Stalled: "False Applied",
    BootstrapApplied: "True Skipped",
    SchemaInSync: "True Applied",
    MigrationsApplied: "True Applied",
  });
  expect(metadata?.ownerReferences).toBeUndefined();
  expect(metadata?.labels).toMatchObject({ "app.kubernetes.io/managed-by": "slipway" });
  expect(metadata?.managedFields?.map(({ manager, operation }) => [manager, operation])).toEqual([
    ["slipway", "Apply"],
  ]);
  expect(await eventsOf(namespace, pod.uid)).toEqual([
    { type: "Normal", reason: "Started", message: expect.stringMatching(/^slipway \S+ holds the run lock$/) },
    {
      type: "Normal",
      reason: "Applied",
      message: "Applied 6 changes of the schema, 1 migration; user migrations at 1",
    },
  ]);
});

onCluster("a run with nothing to do asks nothing of the cluster", async (cluster) => {
  await using database = await openTestDatabase(server);
  const { namespace, pod } = await openMigrator(cluster);
  await runSlipway(["run"], { database, ...inPod(pod) });
  const before = await readStatus(namespace);
  await namespace.allow("migrator", []);

  // With a flag the probe leaves it to the program itself.
  const runs = [
    await runSlipway(["run"], { database, ...inPod(pod) }),
    await runSlipway(["run", "--json"], { database, ...inPod(pod) }),
  ];

  for (const run of runs) {
    expect(run).toExit(0);
    expect(messagesOf(run)).toEqual(["Everything is up to date", "Database schema management completed"]);
  }
  expect((await readStatus(namespace)).metadata?.resourceVersion).toBe(before.metadata?.resourceVersion);
});

onCluster("the status is written when it is turned on, although nothing else is new", async (cluster) => {
  await using database = await openTestDatabase(server);
  const { namespace, pod } = await openMigrator(cluster);
  await runSlipway(["run"], { database });

  const run = await runSlipway(["run"], { database, ...inPod(pod) });

  expect(run).toExit(0);
  expect((await readStatus(namespace)).data).toMatchObject({ phase: "Succeeded", result: "unchanged" });
});

onCluster(
  "a failure is shown in the words of the last line, and repeated it is not written again",
  async (cluster) => {
    await using database = await openTestDatabase(server);
    const { namespace, pod } = await openMigrator(cluster);
    const migrations = writeFolder({ "1_broken.up.sql": "select 1;\nselect nonsense;" });
    const options = { database, migrations, ...inPod(pod) };

    const first = await runSlipway(["run"], options);
    const { data } = await readStatus(namespace);
    const second = await runSlipway(["run"], options);
    const repeated = await readStatus(namespace);
    const third = await runSlipway(["run"], options);

    expect(first).toExit(30);
    expect(data).toMatchObject({
      phase: "Failed",
      result: "STATEMENT_FAILED",
      message: lastLineOf(first).msg,
    });
    expect(data?.["message"]).toContain("1_broken.up.sql:2:8");
    expect(conditionsOf(data)).toMatchObject({
      Ready: "False StatementFailed",
      Stalled: "True StatementFailed",
      SchemaInSync: "True Applied",
      MigrationsApplied: "False Failed",
    });
    expect(second).toExit(30);
    expect(repeated.data).toMatchObject({ phase: "Failed", message: lastLineOf(second).msg });
    expect(third).toExit(30);
    expect((await readStatus(namespace)).metadata?.resourceVersion).toBe(repeated.metadata?.resourceVersion);
    expect((await eventsOf(namespace, pod.uid)).at(-1)).toEqual({
      type: "Warning",
      reason: "Failed",
      message: lastLineOf(third).msg,
    });
  },
);

onCluster("while a run goes on, the status says what it is at", async (cluster) => {
  await using database = await openGated(server);
  const { namespace, pod } = await openMigrator(cluster);
  const migrations = writeFolder({ "1_quick.up.sql": "select 1;", "2_slow.up.sql": GATE });

  await using slipway = startSlipway(["run"], { database, migrations, ...inPod(pod) });
  const { data } = await waitFor(async () => {
    const status = await findStatus(namespace);
    return status?.data?.["message"]?.includes("2 of 2") === true && status;
  });
  await openGate(database);

  expect(data).toMatchObject({
    phase: "Migrating",
    result: "",
    message: "user phase, 2 of 2: migration 2_slow",
    finishedAt: "",
  });
  expect(conditionsOf(data)).toMatchObject({
    Ready: "False Running",
    Reconciling: "True Running",
    SchemaInSync: "True Applied",
    MigrationsApplied: "Unknown Pending",
  });
  expect(await slipway.result).toExit(0);
  expect((await readStatus(namespace)).data).toMatchObject({ phase: "Succeeded", userVersion: "2" });
});

onCluster("the token is read for each request, so that a rotated one counts", async (cluster) => {
  await using database = await openGated(server);
  const { namespace, pod } = await openMigrator(cluster);
  const migrations = writeFolder({ "1_slow.up.sql": GATE });
  const good = await namespace.requestToken("migrator");
  writeFiles(pod.accountFolder, { token: "expired" });

  await using slipway = startSlipway(["run"], { database, migrations, ...inPod(pod) });
  await waitFor(() => slipway.stderr().includes("lacks a permission"));
  writeFiles(pod.accountFolder, { token: good });
  await openGate(database);

  expect(await slipway.result).toExit(0);
  expect((await readStatus(namespace)).data).toMatchObject({ phase: "Succeeded" });
});

onCluster("what others wrote into the status stays, and what is slipway's is taken back", async (cluster) => {
  await using database = await openTestDatabase(server);
  const { namespace, pod } = await openMigrator(cluster);
  await namespace.core.createNamespacedConfigMap({
    namespace: namespace.name,
    fieldManager: "somebody",
    body: { metadata: { name: STATUS }, data: { phase: "Mine", note: "do not touch" } },
  });

  const run = await runSlipway(["run"], { database, ...inPod(pod) });

  expect(run).toExit(0);
  expect((await readStatus(namespace)).data).toMatchObject({ phase: "Succeeded", note: "do not touch" });
});

onCluster(
  "a run that is told to stop shows that, one that lost the lock shows nothing more",
  async (cluster) => {
    await using database = await openGated(server);
    const { namespace, pod } = await openMigrator(cluster);
    const options = { database, migrations: writeFolder({ "1_slow.up.sql": GATE }), ...inPod(pod) };
    const isAtWork = (resourceVersion?: string): Promise<V1ConfigMap> =>
      waitFor(async () => {
        const status = await findStatus(namespace);
        const isNew = status?.metadata?.resourceVersion !== resourceVersion;
        return isNew && status?.data?.["phase"] === "Migrating" && status;
      });

    await using stopped = startSlipway(["run"], options);
    await isAtWork();
    stopped.kill("SIGTERM");
    const end = await stopped.result;
    const afterStop = await readStatus(namespace);
    await using lost = startSlipway(["run"], options);
    const { data } = await isAtWork(afterStop.metadata?.resourceVersion);
    await database.query("select pg_terminate_backend($1)", [await findBackend(database, "gate.opened")]);

    expect(end).toExit(143);
    expect(afterStop.data).toMatchObject({
      phase: "Failed",
      result: "INTERRUPTED",
      message: lastLineOf(end).msg,
    });
    expect(conditionsOf(afterStop.data)).toMatchObject({
      Ready: "False Interrupted",
      Stalled: "False Interrupted",
    });
    expect(await lost.result).toExit(22);
    expect((await readStatus(namespace)).data).toEqual(data);
  },
);

onCluster("a run that died before it showed its end is shown by the next one", async (cluster) => {
  await using database = await openTestDatabase(server);
  const { namespace, pod } = await openMigrator(cluster);
  await runSlipway(["run"], { database, ...inPod(pod) });
  await namespace.core.deleteNamespacedConfigMap({ namespace: namespace.name, name: STATUS });
  // As a process leaves it that is killed between the two.
  await database.query("update migrations.runs set status_configmap = null");

  const run = await runSlipway(["run"], { database, ...inPod(pod) });

  expect(run).toExit(0);
  expect((await readStatus(namespace)).data).toMatchObject({ phase: "Succeeded", result: "unchanged" });
});

onCluster("of pods that start at once, one shows the run", async (cluster) => {
  await using database = await openTestDatabase(server);
  const { namespace, pod } = await openMigrator(cluster);

  const runs = await Promise.all(
    Array.from({ length: 6 }, () => runSlipway(["run"], { database, ...inPod(pod) })),
  );

  expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(await database.value("select count(*)::int from migrations.runs")).toBe(1);
  expect((await eventsOf(namespace, pod.uid)).map(({ reason }) => reason)).toEqual(["Started", "Applied"]);
  expect((await readStatus(namespace)).data).toMatchObject({ result: "applied" });
});

onCluster(
  "only a run that has something to do, and a status to write, loads what speaks to a cluster",
  async (cluster) => {
    await using database = await openTestDatabase(server);
    const { pod } = await openMigrator(cluster);
    const program = writeFolder();
    cpSync(join(dirname(inject("program")), ".."), program, { recursive: true });
    const isPublisher = (name: string): boolean => name.startsWith("publisher-");
    for (const name of readdirSync(join(program, "dist")).filter(isPublisher))
      rmSync(join(program, "dist", name));
    const options = { database, program: join(program, "dist/slipway.js") };

    const without = await runSlipway(["run"], options);
    const due = await runSlipway(["run"], { ...options, ...inPod(pod) });
    await runSlipway(["run"], { database, ...inPod(pod) });
    const upToDate = await runSlipway(["run", "--json"], { ...options, ...inPod(pod) });

    expect(without).toExit(0);
    expect(due).toExit(1);
    expect(upToDate).toExit(0);
  },
);
