import { expect, inject } from "vitest";
import { findFreePort } from "../../src/commands/embedded-server.ts";
import { openNamespace, openPod } from "../support/cluster.ts";
import { openTestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { onRelease, Release } from "../support/release.ts";
import { messagesOf, runSlipway, startSlipway } from "../support/slipway.ts";
import { eventsOf } from "../support/status.ts";
import { waitFor } from "../support/wait.ts";

const [server] = inject("servers");
if (server === undefined) throw new Error("no server was started");

const values = {
  database: { existingSecret: "shop-database" },
  migrations: { inline: { "001_a.up.sql": "create table app.a (id int);" } },
  settings: { lockWait: "1m" },
};

interface Variable {
  readonly name: string;
  readonly value?: string;
}

onRelease("the Role of the chart is all that a run's status and events need", async (cluster) => {
  await using database = await openTestDatabase(server);
  const namespace = await openNamespace(cluster);
  const release = new Release(namespace);
  const notes = await release.upgrade(values);
  const { spec } = (await release.get("deployment", "shop-slipway"))["spec"].template;
  const [{ args, env }] = spec.initContainers;
  const pod = await openPod(namespace, spec.serviceAccountName);
  const mount = async (configMap: string): Promise<string> =>
    writeFolder((await release.get("configmap", configMap))["data"]);
  const [migrations, settings] = await Promise.all([
    mount(spec.volumes[0].projected.sources[0].configMap.name),
    mount(spec.volumes[1].configMap.name),
  ]);

  const run = await runSlipway(args, {
    database,
    migrations,
    env: { ...literal(env), ...pod.env, SLIPWAY_CONFIG: `${settings}/slipway.yaml` },
  });

  expect(run).toExit(0);
  expect(messagesOf(run)).toContain("Database schema management completed");
  expect(run.lines.filter((line) => line.level === "warn")).toEqual([]);
  expect((await eventsOf(namespace, pod.uid)).map((event) => event.reason)).toEqual(["Started", "Applied"]);
  expect(await release.shell(commandOf(notes, "get configmap"))).toBe(
    "Succeeded: Database schema management completed\n",
  );
});

onRelease("what an installation prints does what it says: an approval, a run by hand", async (cluster) => {
  const namespace = await openNamespace(cluster);
  const release = new Release(namespace);
  const notes = await release.upgrade(values);
  await release.kubectl("create", "configmap", "shop-slipway-status");

  await release.shell(commandOf(notes, "annotate").replace("PLAN_ID", "efa92661cbc3dd64"));
  await release.shell(commandOf(notes, "create job"));

  const status = await release.get("configmap", "shop-slipway-status");
  expect(status.metadata.annotations).toEqual({ "slipway.dev/approve": "efa92661cbc3dd64" });
  const job = await release.get("job", "shop-slipway-by-hand");
  expect(job.metadata.annotations).toMatchObject({ "cronjob.kubernetes.io/instantiate": "manual" });
  expect(job["spec"].template.spec.containers[0].args).toEqual(["run"]);
  expect(job["spec"].podFailurePolicy.rules).toHaveLength(2);
});

onRelease("the app of the chart, where no image is named, answers its probes", async (cluster) => {
  await using database = await openTestDatabase(server);
  const release = new Release(await openNamespace(cluster));
  await release.upgrade({
    database: values.database,
    schema: { enabled: false },
    status: { enabled: false },
  });
  const [app] = (await release.get("deployment", "shop-slipway"))["spec"].template.spec.containers;
  const port = await findFreePort();
  const env = {
    ...literal(app.env),
    SLIPWAY_LISTEN: `127.0.0.1:${await findFreePort()}`,
    SLIPWAY_HEALTH_LISTEN: `127.0.0.1:${port}`,
  };
  await runSlipway(["run"], { database, env });

  await using serving = startSlipway(app.args, { database, env });

  for (const probe of [app.livenessProbe, app.readinessProbe]) {
    const ask = (): Promise<Response> => fetch(`http://127.0.0.1:${port}${probe.httpGet.path}`);
    await waitFor(async () => (await ask().catch(() => undefined))?.status === 200);
  }
  serving.kill("SIGTERM");
  expect(await serving.result).toExit(0);
});

/** What the pod gets as it stands there; the rest, folders too, is the test's. */
function literal(variables: readonly Variable[]): Readonly<Record<string, string>> {
  const own = ["DB_USER_MIGRATIONS_PATH", "SLIPWAY_CONFIG"];
  return Object.fromEntries(
    variables.flatMap(({ name, value }) =>
      value === undefined || own.includes(name) ? [] : [[name, value]],
    ),
  );
}

function commandOf(notes: string, verb: string): string {
  const found = notes.split("\n").find((line) => line.includes("kubectl") && line.includes(` ${verb} `));
  if (found === undefined) throw new Error(`no command with ${verb}`);
  return found.trim();
}
