import { PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";
import { expect, inject } from "vitest";
import { onCluster, openNamespace, openPod } from "../support/cluster.ts";
import { openTestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { lastLineOf, runSlipway } from "../support/slipway.ts";
import { readStatus, STATUS, statusRules } from "../support/status.ts";

const [server] = inject("servers");
if (server === undefined) throw new Error("no server was started");

onCluster("pods of an Indexed Job get each its database ready, and share one status", async (cluster) => {
  await using heron = await openTestDatabase(server);
  await using osprey = await openTestDatabase(server);
  const namespace = await openNamespace(cluster);
  await namespace.createAccount("migrator", statusRules());
  const pods = [await openPod(namespace, "migrator"), await openPod(namespace, "migrator")];
  const databases = writeFolder({ heron: heron.url, osprey: `${osprey.url}\n` });
  await osprey.query("create schema app; create table app.things (id int)");
  await osprey.query("create schema broken");
  const migrations = writeFolder({
    "1_probe.up.sql":
      "do $$ begin if to_regnamespace('broken') is not null then raise 'this one is broken'; end if; end $$;",
  });

  const runs = await Promise.all(
    pods.map((pod, index) =>
      runSlipway(["run"], {
        migrations,
        schema: "",
        env: {
          ...pod.env,
          SLIPWAY_STATUS_CONFIGMAP: STATUS,
          SLIPWAY_DATABASES: databases,
          JOB_COMPLETION_INDEX: String(index),
        },
      }),
    ),
  );
  const { data, metadata } = await readStatus(namespace);

  expect(runs[0]).toExit(0);
  expect(runs[1]).toExit(30);
  expect(runs[0]?.lines.every(({ database }) => database === "heron")).toBe(true);
  expect(Object.keys(data ?? {}).sort()).toEqual(["heron", "heron.json", "osprey", "osprey.json"]);
  expect(data?.["heron"]).toBe("Succeeded applied version=1: Database schema management completed");
  expect(data?.["osprey"]).toMatch(
    /^Failed STATEMENT_FAILED: STATEMENT_FAILED \(exit 30\): .*this one is broken/,
  );
  expect(metadata?.managedFields?.map(({ manager }) => manager).sort()).toEqual([
    "slipway-heron",
    "slipway-osprey",
  ]);
  expect(await osprey.value("select count(*)::int from migrations.app where status = 'failed'")).toBe(1);
});

onCluster("a plan of one database of a list is approved by that one's own annotation", async (cluster) => {
  await using database = await openTestDatabase(server);
  const namespace = await openNamespace(cluster);
  await namespace.createAccount("migrator", statusRules());
  const pod = await openPod(namespace, "migrator");
  const schema = writeFolder({
    "schemas/app.sql": "create schema app; create table app.orders (id int, note text);",
  });
  const env = {
    ...pod.env,
    SLIPWAY_STATUS_CONFIGMAP: STATUS,
    SLIPWAY_DATABASES: writeFolder({ heron: database.url }),
    SLIPWAY_DATABASE_NAME: "heron",
  };
  await runSlipway(["run"], { schema, env });
  writeFiles(schema, { "schemas/app.sql": "create schema app; create table app.orders (id int);" });

  const refused = await runSlipway(["run"], { schema, env });
  const [command = "", annotation = "", planId = ""] =
    /kubectl annotate --overwrite configmap shop-status (\S+)=(\S+)/.exec(lastLineOf(refused).msg) ?? [];
  await namespace.core.patchNamespacedConfigMap(
    {
      namespace: namespace.name,
      name: STATUS,
      body: { metadata: { annotations: { [annotation]: planId } } },
    },
    setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
  );
  const approved = await runSlipway(["run"], { schema, env });

  expect(refused).toExit(31);
  expect(command).toContain("approve.slipway.dev/heron=");
  expect(approved).toExit(0);
  expect((await readStatus(namespace)).metadata?.annotations).toBeUndefined();
});
