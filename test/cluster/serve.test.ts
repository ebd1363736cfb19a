import { readFileSync } from "node:fs";
import {
  type KubernetesObject,
  KubernetesObjectApi,
  loadAllYaml,
  RbacAuthorizationV1Api,
  type V1Deployment,
} from "@kubernetes/client-node";
import { expect, inject } from "vitest";
import { configOf, onCluster, openNamespace, openPod, type TestNamespace } from "../support/cluster.ts";
import { openTestDatabase } from "../support/database.ts";
import { type Served, startServe } from "../support/serve.ts";
import { runSlipway } from "../support/slipway.ts";
import { findStatus, STATUS, statusRules } from "../support/status.ts";

const [server] = inject("servers");
if (server === undefined) throw new Error("no server was started");

/** Lets an account ask whose a token is, and what its user may. */
async function delegate({ cluster, name: namespace }: TestNamespace, account: string): Promise<void> {
  const rbac = configOf(cluster).makeApiClient(RbacAuthorizationV1Api);
  await rbac.createClusterRoleBinding({
    body: {
      metadata: { name: `${namespace}-${account}` },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:auth-delegator" },
      subjects: [{ kind: "ServiceAccount", name: account, namespace }],
    },
  });
}

const AUTH = { SLIPWAY_KUBERNETES_AUTH: "true", SLIPWAY_STATUS_CONFIGMAP: STATUS, SLIPWAY_API_TOKENS: "" };

onCluster("users of the cluster may here what they may to the status ConfigMap", async (cluster) => {
  await using database = await openTestDatabase(server);
  const namespace = await openNamespace(cluster);
  await namespace.createAccount("slipway", statusRules());
  await namespace.createAccount("viewer", statusRules(["get"], []));
  await namespace.createAccount("editor", statusRules(["get", "update"], []));
  await namespace.createAccount("stranger", []);
  await delegate(namespace, "slipway");
  const pod = await openPod(namespace, "slipway");
  await using served = await startServe({ database, env: { ...pod.env, ...AUTH } });
  const tokenOf = (account: string): Promise<string> => namespace.requestToken(account);
  const [viewer, editor, stranger] = [
    await tokenOf("viewer"),
    await tokenOf("editor"),
    await tokenOf("stranger"),
  ];

  const seen = await served.ask("internal-schema/status", { token: viewer });
  const { body: planned } = await served.ask("internal-schema/plan", { method: "POST", token: viewer });
  const apply = (token: string): ReturnType<Served["ask"]> =>
    served.ask("internal-schema/apply?wait=true", { token, body: { id: planned.id } });
  const asViewer = await apply(viewer);
  const asEditor = await apply(editor);
  const asStranger = await served.ask("runs", { token: stranger });
  const asNobody = await served.ask("runs", { token: "not-a-token-of-this-cluster" });
  const status = await findStatus(namespace);

  expect(seen.body.caller).toEqual({ name: `system:serviceaccount:${namespace.name}:viewer`, role: "read" });
  expect(asViewer).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
  expect(asEditor).toMatchObject({ status: 200, body: { result: "applied" } });
  expect(asStranger).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
  expect(asStranger.body.detail).toContain(`${namespace.name}/${STATUS}`);
  expect(asNobody).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
  expect(status?.data).toMatchObject({ phase: "Succeeded", runId: asEditor.body.runId });
});

onCluster(
  "where the account may not ask whose a token is, nobody is let in and the way out is said",
  async (cluster) => {
    await using database = await openTestDatabase(server);
    const namespace = await openNamespace(cluster);
    await namespace.createAccount("slipway", statusRules());
    const pod = await openPod(namespace, "slipway");
    await using served = await startServe({ database, env: { ...pod.env, ...AUTH } });

    const refused = await served.ask("runs", { token: await namespace.requestToken("slipway") });
    const outside = await runSlipway(["serve"], { database, env: AUTH });

    expect(refused).toMatchObject({ status: 503, body: { code: "AUTHENTICATION_UNAVAILABLE" } });
    expect(refused.body.next).toContain("system:auth-delegator");
    expect(served.stderr()).toContain("The cluster does not say whose a token is");
    expect(outside).toExit(10);
    expect(outside.stderr).toContain("this is no pod of a cluster");
  },
);

onCluster(
  "the manifests of the page are taken, in a namespace where pods are restricted",
  async (cluster) => {
    const namespace = await openNamespace(cluster, { "pod-security.kubernetes.io/enforce": "restricted" });
    const page = readFileSync(new URL("../../docs/serve.md", import.meta.url), "utf8");
    const [, yaml = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    const api = KubernetesObjectApi.makeApiClient(configOf(cluster));

    const made: KubernetesObject[] = [];
    for (const object of loadAllYaml(yaml) as KubernetesObject[]) {
      const body = { ...object, metadata: { ...object.metadata, namespace: namespace.name } };
      made.push(await api.create(body));
    }
    await namespace.createAccount("slipway", []);
    const spec = (made[0] as V1Deployment).spec?.template.spec;
    if (spec === undefined) throw new Error("the page has no Deployment");
    // What the Deployment's controller would make of it: at a pod its security is judged.
    const pod = await namespace.core.createNamespacedPod({
      namespace: namespace.name,
      body: { metadata: { name: "slipway-serve-0" }, spec: { ...spec, serviceAccountName: "slipway" } },
    });

    expect(made.map(({ kind }) => kind)).toEqual(["Deployment", "Service"]);
    expect(pod.spec?.containers[0]?.args).toEqual(["serve"]);
  },
);
