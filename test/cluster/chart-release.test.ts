import { expect } from "vitest";
import { openNamespace } from "../support/cluster.ts";
import { onRelease, Release } from "../support/release.ts";
import { waitFor } from "../support/wait.ts";

const RESTRICTED = { "pod-security.kubernetes.io/enforce": "restricted" };
const database = { existingSecret: "shop-database" };
const at = (sql: string): object => ({ database, migrations: { inline: { "001_a.up.sql": sql } } });

for (const helm of ["oldest", "newest"] as const) {
  onRelease(`a release comes, changes, goes back and goes, with the ${helm} helm`, async (cluster) => {
    const release = new Release(await openNamespace(cluster, RESTRICTED), helm);
    const migrationsOf = async (): Promise<string> => {
      const { spec } = (await release.get("deployment", "shop-slipway"))["spec"].template;
      return spec.volumes[0].projected.sources[0].configMap.name;
    };

    await release.upgrade(at("select 1;"));
    const first = await migrationsOf();
    await release.upgrade(at("select 2;"));
    const second = await migrationsOf();
    await release.helm("rollback", "shop", "1");

    expect(second).not.toBe(first);
    expect(await migrationsOf()).toBe(first);
    // A pod of the ReplicaSet in between still finds what it was made for.
    expect(await release.names("configmap")).toEqual(expect.arrayContaining([first, second]));

    await release.upgrade(at("select 2;"));
    expect(await migrationsOf()).toBe(second);

    await release.kubectl("create", "configmap", "shop-slipway-status");
    await release.helm("uninstall", "shop");
    for (const kind of ["deployment", "cronjob", "role", "rolebinding", "serviceaccount", "secret"]) {
      expect([kind, await release.names(kind)]).toEqual([kind, []]);
    }
    expect(await release.names("configmap")).toContain("shop-slipway-status");
  });

  onRelease(`a Job is made anew when it would do something else, with the ${helm} helm`, async (cluster) => {
    const release = new Release(await openNamespace(cluster, RESTRICTED), helm);
    const job = (more: object): object => ({ ...at("select 1;"), mode: "job", ...more });

    await release.upgrade(job({}));
    const [first = ""] = await release.names("job");
    const { uid } = (await release.get("job", first)).metadata as unknown as { uid: string };
    await release.upgrade(job({ replicaCount: 4 }));

    expect(await release.names("job")).toEqual([first]);
    expect((await release.get("job", first)).metadata).toMatchObject({ uid });

    await release.upgrade(job({ approve: "efa92661cbc3dd64" }));
    expect(await release.names("job")).toEqual([expect.not.stringMatching(first)]);

    await release.helm("rollback", "shop", "2");
    expect(await release.names("job")).toEqual([first]);
  });

  onRelease(`a hook has all it needs before the rest is there, with the ${helm} helm`, async (cluster) => {
    const release = new Release(await openNamespace(cluster, RESTRICTED), helm);
    const values = { ...at("select 1;"), mode: "hook", database: { host: "postgres", password: "secret" } };

    const upgrading = release.upgrade(values);
    await waitFor(async () => (await release.names("job")).length === 1);
    const before = await Promise.all(
      ["deployment", "serviceaccount", "secret", "configmap"].map((kind) => release.names(kind)),
    );
    const { spec } = (await release.get("job", "shop-slipway-run"))["spec"].template;
    await complete(release);
    await upgrading;

    const [deployments, accounts, secrets, maps] = before;
    expect(deployments).toEqual([]);
    expect(accounts).toContain(spec.serviceAccountName);
    expect(secrets).toContain(
      spec.containers[0].env.find((each: { name: string }) => each.name === "PGPASSWORD").valueFrom
        .secretKeyRef.name,
    );
    expect(maps).toContain(spec.volumes[0].projected.sources[0].configMap.name);
    // What was the hook's is gone, but for the Job and its log; the rest has its own.
    expect(await release.names("serviceaccount")).toEqual(["shop-slipway"]);
    expect(await release.names("job")).toEqual(["shop-slipway-run"]);
    expect(await release.names("deployment")).toEqual(["shop-slipway"]);
  });
}

/** As the Job's controller would, which is not here. */
async function complete(release: Release): Promise<void> {
  const now = new Date().toISOString().replace(/\.\d+/, "");
  const condition = (type: string): object => ({
    type,
    status: "True",
    lastTransitionTime: now,
    lastProbeTime: now,
  });
  const status = {
    startTime: now,
    completionTime: now,
    succeeded: 1,
    conditions: [condition("SuccessCriteriaMet"), condition("Complete")],
  };
  await release.kubectl(
    "patch",
    "job",
    "shop-slipway-run",
    "--subresource=status",
    "--type=merge",
    "--patch",
    JSON.stringify({ status }),
  );
}
