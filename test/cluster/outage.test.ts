import { expect, inject } from "vitest";
import { findFreePort } from "../../src/commands/embedded-server.ts";
import { openApiProxy, type ProxyManner } from "../support/api-proxy.ts";
import { onCluster, openNamespace, openPod } from "../support/cluster.ts";
import type { ClusterServer } from "../support/cluster-server.ts";
import { openTestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { runSlipway, type SlipwayResult } from "../support/slipway.ts";
import { findStatus, readStatus, STATUS, statusRules } from "../support/status.ts";

const [server] = inject("servers");
if (server === undefined) throw new Error("no server was started");

/** A run that has something to do, and its warnings. */
async function runIn(env: Readonly<Record<string, string>>): Promise<SlipwayResult> {
  await using database = await openTestDatabase(server as NonNullable<typeof server>);
  const migrations = writeFolder({ "1_things.up.sql": "create table public.things (id int);" });
  const options = { database, schema: "", migrations };
  const run = await runSlipway(["run"], { ...options, env: { SLIPWAY_STATUS_CONFIGMAP: STATUS, ...env } });
  expect(await database.value("select to_regclass('public.things') is not null")).toBe(true);
  return run;
}

const warningsOf = ({ lines }: SlipwayResult): readonly unknown[] =>
  lines.filter(({ level }) => level === "warn").map(({ level: _level, time: _time, ...fields }) => fields);

const refused = (verb: string, resource: string): object => ({
  msg: "Kubernetes refuses what a status needs: the service account lacks a permission",
  verb,
  resource,
  namespace: expect.any(String),
  reason: expect.stringMatching(`is forbidden: .* cannot ${verb} resource "${resource}"`),
  ...(resource === "configmaps" ? { name: STATUS } : {}),
});

const TAKEN_AWAY: ReadonlyArray<{
  readonly without: string;
  readonly rules: ReturnType<typeof statusRules>;
  readonly warnings: readonly object[];
  readonly isWritten: boolean;
}> = [
  {
    without: "get",
    rules: statusRules(["create", "patch"]),
    warnings: [refused("get", "configmaps")],
    isWritten: true,
  },
  {
    without: "create",
    rules: statusRules(["get", "patch"]),
    warnings: [refused("create", "configmaps")],
    isWritten: false,
  },
  {
    without: "patch",
    rules: statusRules(["get", "create"]),
    warnings: [refused("patch", "configmaps")],
    isWritten: false,
  },
  {
    without: "create events",
    rules: statusRules(undefined, []),
    warnings: [refused("create", "events")],
    isWritten: true,
  },
];
for (const { without, rules, warnings, isWritten } of TAKEN_AWAY) {
  onCluster(
    `without the right to ${without} the run is done, and says once what it lacks`,
    async (cluster) => {
      const namespace = await openNamespace(cluster);
      await namespace.createAccount("migrator", rules);
      const pod = await openPod(namespace, "migrator");

      const run = await runIn(pod.env);

      expect(run).toExit(0);
      expect(warningsOf(run)).toEqual(warnings);
      expect((await findStatus(namespace)) !== undefined).toBe(isWritten);
    },
  );
}

onCluster("a namespace that is not there is one warning", async (cluster) => {
  const namespace = await openNamespace(cluster);
  const pod = await openPod({ ...namespace, requestToken: async () => cluster.adminToken }, "nobody");

  const run = await runIn({ ...pod.env, SLIPWAY_STATUS_CONFIGMAP: `nowhere/${STATUS}` });

  expect(run).toExit(0);
  expect(warningsOf(run)).toEqual([
    {
      msg: "Kubernetes was not told of this run",
      reason: 'namespaces "nowhere" not found',
      resource: "configmaps",
      namespace: "nowhere",
      name: STATUS,
    },
  ]);
});

/** How long a run takes longer than one without a cluster must be judged beside it: the machine does other work. */
async function expectLost(cluster: ClusterServer, manner: ProxyManner, reason: RegExp): Promise<void> {
  const namespace = await openNamespace(cluster);
  await namespace.createAccount("migrator", statusRules());
  await using proxy = await openApiProxy(cluster, manner);
  const pod = await openPod(namespace, "migrator", proxy);

  const run = await runIn(pod.env);

  expect(run).toExit(0);
  expect(warningsOf(run)).toEqual([
    {
      msg: "Kubernetes was not told of this run",
      reason: expect.stringMatching(reason),
      resource: expect.any(String),
      namespace: namespace.name,
      name: STATUS,
    },
  ]);
  expect(lastGapOf(run)).toBeLessThan(1_500);
}

/** Milliseconds between what the run said last before it waited for the cluster, and its end. */
function lastGapOf({ lines }: SlipwayResult): number {
  const [before, end] = ["Migrations applied successfully", "Database schema management completed"].map(
    (msg) => Date.parse(String(lines.find((line) => line.msg === msg)?.["time"])),
  );
  return (end ?? Number.NaN) - (before ?? Number.NaN);
}

onCluster("an API server that never answers costs a run a second, and a warning", (cluster) =>
  expectLost(cluster, { isSilent: true }, /did not answer in time/),
);

onCluster("an answer that is no answer costs a warning", (cluster) =>
  expectLost(cluster, { isGarbage: true }, /wrong version number|packet length|SSL|EPROTO/),
);

onCluster("an API server that is slow is waited for", async (cluster) => {
  const namespace = await openNamespace(cluster);
  await namespace.createAccount("migrator", statusRules());
  await using proxy = await openApiProxy(cluster, { delayMs: 100 });
  const pod = await openPod(namespace, "migrator", proxy);

  const run = await runIn(pod.env);

  expect(run).toExit(0);
  expect(warningsOf(run)).toEqual([]);
  expect((await readStatus(namespace)).data).toMatchObject({ phase: "Succeeded" });
});

onCluster("an API server that is gone, and a pod without a token, cost a warning", async (cluster) => {
  const namespace = await openNamespace(cluster);
  await namespace.createAccount("migrator", statusRules());
  const gone = await openPod(namespace, "migrator", { host: "127.0.0.1", port: await findFreePort() });
  const tokenless = await openPod(namespace, "migrator");

  const runs = [
    await runIn(gone.env),
    await runIn({ ...tokenless.env, SLIPWAY_SERVICEACCOUNT_DIR: writeFolder() }),
  ];

  expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  expect(runs.flatMap(warningsOf)).toMatchObject([
    { reason: expect.stringContaining("ECONNREFUSED") },
    { reason: expect.stringContaining("there is no token in ") },
  ]);
});

onCluster("outside of a cluster the setting is one warning", async () => {
  const run = await runIn({});

  expect(run).toExit(0);
  expect(warningsOf(run)).toMatchObject([
    { reason: "this is no pod of a cluster: KUBERNETES_SERVICE_HOST is not set" },
  ]);
});
