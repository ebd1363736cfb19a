import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";
import { expect, inject } from "vitest";
import { openApiProxy } from "../support/api-proxy.ts";
import { onCluster, openNamespace, openPod, type TestNamespace, type TestPod } from "../support/cluster.ts";
import type { ClusterServer } from "../support/cluster-server.ts";
import { openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { kubeTools, NO_KUBE_TOOLS } from "../support/kube-tools.ts";
import { lastLineOf, messagesOf, runSlipway, type SlipwayResult } from "../support/slipway.ts";
import { eventsOf, readStatus, STATUS, statusRules } from "../support/status.ts";
import { waitFor } from "../support/wait.ts";

const [server] = inject("servers");
if (server === undefined) throw new Error("no server was started");

const WITH_NOTE = "create schema app;\ncreate table app.orders (id int primary key, note text);\n";
const WITHOUT_NOTE = "create schema app;\ncreate table app.orders (id int primary key);\n";

interface Waiting {
  readonly namespace: TestNamespace;
  readonly pod: TestPod;
  readonly refused: SlipwayResult;
  readonly planId: string;
  run(env?: Readonly<Record<string, string>>): Promise<SlipwayResult>;
}

/** A database with a plan that drops a column and waits for a person. */
async function openWaiting(
  cluster: ClusterServer,
  database: TestDatabase,
  configMapIn: (namespace: string) => string = () => STATUS,
): Promise<Waiting> {
  const namespace = await openNamespace(cluster);
  await namespace.createAccount("migrator", statusRules());
  const pod = await openPod(namespace, "migrator");
  const env = { ...pod.env, SLIPWAY_STATUS_CONFIGMAP: configMapIn(namespace.name) };
  const schema = writeFolder({ "schemas/app.sql": WITH_NOTE });
  const run: Waiting["run"] = (more) => runSlipway(["run"], { database, schema, env: { ...env, ...more } });
  await run();
  writeFiles(schema, { "schemas/app.sql": WITHOUT_NOTE });
  const refused = await run();
  return { namespace, pod, refused, planId: String(lastLineOf(refused)["planId"]), run };
}

/** As `kubectl annotate --overwrite` does it. */
async function annotate({ core, name: namespace }: TestNamespace, value: string): Promise<void> {
  await core.patchNamespacedConfigMap(
    { namespace, name: STATUS, body: { metadata: { annotations: { "slipway.dev/approve": value } } } },
    setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
  );
}

onCluster(
  "a plan that waits is shown with its id and its changes, and the command that approves it",
  async (cluster) => {
    await using database = await openTestDatabase(server);

    const { namespace, pod, refused, planId } = await openWaiting(cluster, database);
    const { data } = await readStatus(namespace);

    expect(refused).toExit(31);
    expect(lastLineOf(refused).msg).toMatch(
      `slipway run --approve ${planId}, or kubectl annotate --overwrite configmap ${STATUS} slipway.dev/approve=${planId}`,
    );
    expect(data).toMatchObject({
      phase: "Blocked",
      result: "APPROVAL_REQUIRED",
      message: lastLineOf(refused).msg,
    });
    expect(data?.["pendingApproval"]).toMatch(new RegExp(`^plan ${planId}\n\n.*DROP COLUMN "note"`, "s"));
    expect((await eventsOf(namespace, pod.uid)).at(-1)).toMatchObject({
      type: "Warning",
      reason: "ApprovalNeeded",
      message: lastLineOf(refused).msg,
    });
  },
);

onCluster("an annotation with the plan's id lets the next run go on, and is used up", async (cluster) => {
  await using database = await openTestDatabase(server);
  const { namespace, planId, run } = await openWaiting(cluster, database);
  await annotate(namespace, `0123456789abcdef, ${planId}`);

  const approved = await run();
  const { metadata, data } = await readStatus(namespace);

  expect(approved).toExit(0);
  expect(data).toMatchObject({ phase: "Succeeded", result: "applied", pendingApproval: "" });
  expect(metadata?.annotations).toEqual({ "slipway.dev/approve": "0123456789abcdef" });
  expect(await database.query("select id, approved_by from migrations.plans")).toEqual([
    { id: planId, approved_by: `annotation slipway.dev/approve of ConfigMap ${namespace.name}/${STATUS}` },
  ]);
});

onCluster("the annotation of another plan approves nothing, and stays", async (cluster) => {
  await using database = await openTestDatabase(server);
  const { namespace, run } = await openWaiting(cluster, database);
  await annotate(namespace, "0123456789abcdef");

  const repeated = await run();

  expect(repeated).toExit(31);
  expect(messagesOf(repeated)).toHaveLength(1);
  expect((await readStatus(namespace)).metadata?.annotations).toEqual({
    "slipway.dev/approve": "0123456789abcdef",
  });
});

onCluster("an approval counts before anybody refused its plan", async (cluster) => {
  await using database = await openTestDatabase(server);
  const { namespace, planId, run } = await openWaiting(cluster, database);
  await database.query("delete from migrations.plans");
  await annotate(namespace, planId);

  expect(await run()).toExit(0);
});

onCluster(
  "kubectl alone tells what waits, and the command in the message approves it",
  async (cluster, context) => {
    if (NO_KUBE_TOOLS !== "") return context.skip(NO_KUBE_TOOLS);
    await using database = await openTestDatabase(server);
    const { namespace, pod, run } = await openWaiting(cluster, database, (name) => `${name}/${STATUS}`);
    const sh = (script: string): string =>
      execFileSync("sh", ["-ec", script], {
        encoding: "utf8",
        env: {
          KUBECONFIG: cluster.kubeconfig,
          // Where kubectl keeps what it found out about the server.
          HOME: writeFolder(),
          PATH: `${dirname(kubeTools().kubectl)}:${process.env["PATH"]}`,
        },
      });

    const described = sh(`kubectl describe pod ${pod.name} --namespace ${namespace.name}`);
    const table = sh(
      `kubectl get configmap --namespace ${namespace.name} -l app.kubernetes.io/component=migration-status \
       -o custom-columns=NAME:.metadata.name,PHASE:.data.phase,RESULT:.data.result --no-headers`,
    );
    const [command = ""] = /kubectl annotate .*$/m.exec(described) ?? [];
    sh(command);

    expect(described).toMatch(/Normal +Started .*slipway.* holds the run lock/);
    expect(described).toMatch(/Warning +ApprovalNeeded .*APPROVAL_REQUIRED \(exit 31\)/);
    expect(table.trim().split(/ +/)).toEqual([STATUS, "Blocked", "APPROVAL_REQUIRED"]);
    expect(await run()).toExit(0);
  },
);

onCluster("a cluster that never answers delays a refusal once, by a second", async (cluster) => {
  await using database = await openTestDatabase(server);
  const { run } = await openWaiting(cluster, database);
  await using proxy = await openApiProxy(cluster, { isSilent: true });

  const refused = await run({ KUBERNETES_SERVICE_PORT: String(proxy.port) });

  expect(refused).toExit(31);
  expect(refused.lines.map(({ level, reason }) => [level, reason])).toEqual([
    ["warn", "the API server did not answer in time"],
    ["error", undefined],
  ]);
  const [warned, ended] = refused.lines.map(({ time }) => Date.parse(String(time)));
  // Asking for an approval took the second; the end of the run did not wait another one.
  expect((ended ?? Number.NaN) - (warned ?? Number.NaN)).toBeLessThan(900);
});

onCluster("a refusal that takes long to be repeated is not written again either", async (cluster) => {
  await using database = await openTestDatabase(server);
  const { namespace, run } = await openWaiting(cluster, database);
  const before = await readStatus(namespace);
  await using other = await database.openSession();
  await other.query("begin");
  await other.query("lock table migrations.plans in access exclusive mode");

  const repeated = run();
  await waitFor(() =>
    database.value<boolean>(
      "select exists (select from pg_stat_activity where application_name like 'slipway/%' and wait_event_type = 'Lock')",
    ),
  );
  // Longer than a run that is at work would stay silent.
  await sleep(1_500);
  await other.query("rollback");

  expect(await repeated).toExit(31);
  expect((await readStatus(namespace)).metadata?.resourceVersion).toBe(before.metadata?.resourceVersion);
});
