import { randomBytes } from "node:crypto";
import { CoreV1Api, KubeConfig, RbacAuthorizationV1Api, type V1PolicyRule } from "@kubernetes/client-node";
import { inject, type TestContext, test } from "vitest";
import type { ClusterServer } from "./cluster-server.ts";
import { writeFiles, writeFolder } from "./folder.ts";

/** One test on the API server; without one it is skipped, and the summary says so. */
export function onCluster(
  name: string,
  body: (cluster: ClusterServer, context: TestContext) => Promise<void>,
  timeoutMs?: number,
): void {
  test(
    name,
    async (context) => {
      const cluster = inject("cluster");
      if (cluster === null) return context.skip(inject("skippedCluster"));
      await body(cluster, context);
    },
    timeoutMs,
  );
}

/** The API as a holder of the token sees it; as the administrator unless one is given. */
export function configOf(cluster: ClusterServer, token = cluster.adminToken): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [
      {
        name: "test",
        server: `https://${cluster.host}:${cluster.port}`,
        caData: Buffer.from(cluster.ca).toString("base64"),
      },
    ],
    users: [{ name: "test", token }],
    contexts: [{ name: "test", cluster: "test", user: "test" }],
    currentContext: "test",
  });
  return config;
}

export interface TestNamespace {
  readonly cluster: ClusterServer;
  readonly name: string;
  /** As the administrator. */
  readonly core: CoreV1Api;
  /** A service account, and a role of its own with these rules. */
  createAccount(name: string, rules: readonly V1PolicyRule[]): Promise<void>;
  /** Replaces the rules of the account's role. */
  allow(account: string, rules: readonly V1PolicyRule[]): Promise<void>;
  /** A token as the kubelet gets it for a pod (TokenRequest API). */
  requestToken(account: string): Promise<string>;
}

/**
 * A namespace for one test. It is not deleted: no controller would empty it, and the API server goes when
 * the suite ends.
 */
export async function openNamespace(
  cluster: ClusterServer,
  labels: Readonly<Record<string, string>> = {},
): Promise<TestNamespace> {
  const name = `t${randomBytes(5).toString("hex")}`;
  const config = configOf(cluster);
  const core = config.makeApiClient(CoreV1Api);
  const rbac = config.makeApiClient(RbacAuthorizationV1Api);
  await core.createNamespace({ body: { metadata: { name, labels } } });
  return {
    cluster,
    name,
    core,
    async createAccount(account, rules) {
      const metadata = { name: account };
      await core.createNamespacedServiceAccount({ namespace: name, body: { metadata } });
      await rbac.createNamespacedRole({ namespace: name, body: { metadata, rules: [...rules] } });
      await rbac.createNamespacedRoleBinding({
        namespace: name,
        body: {
          metadata,
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: account },
          subjects: [{ kind: "ServiceAccount", name: account, namespace: name }],
        },
      });
    },
    async allow(account, rules) {
      const body = { metadata: { name: account }, rules: [...rules] };
      await rbac.replaceNamespacedRole({ namespace: name, name: account, body });
    },
    async requestToken(account) {
      const body = { spec: { audiences: [], expirationSeconds: 3_600 } };
      const { status } = await core.createNamespacedServiceAccountToken({
        namespace: name,
        name: account,
        body,
      });
      return status?.token ?? "";
    },
  };
}

/** What a process needs to take itself for a container of a pod: variables, and the folder of its account. */
export interface TestPod {
  readonly name: string;
  readonly uid: string;
  readonly env: Readonly<Record<string, string>>;
  /** Holds `token`, `ca.crt` and `namespace`, as the kubelet mounts them. */
  readonly accountFolder: string;
}

/**
 * A pod of the account. The object is there, and stays Pending: there is no kubelet, the process of the test
 * is the container. `at` puts something between it and the API server.
 */
export async function openPod(
  namespace: TestNamespace,
  account: string,
  at: { readonly host: string; readonly port: number } = namespace.cluster,
): Promise<TestPod> {
  const name = `pod-${randomBytes(4).toString("hex")}`;
  const { metadata } = await namespace.core.createNamespacedPod({
    namespace: namespace.name,
    body: {
      metadata: { name },
      spec: { containers: [{ name: "slipway", image: "slipway" }], serviceAccountName: account },
    },
  });
  const uid = metadata?.uid ?? "";
  const accountFolder = writeFolder();
  const token = await namespace.requestToken(account);
  writeFiles(accountFolder, { token, "ca.crt": namespace.cluster.ca, namespace: namespace.name });
  return {
    name,
    uid,
    accountFolder,
    env: {
      KUBERNETES_SERVICE_HOST: at.host,
      KUBERNETES_SERVICE_PORT: String(at.port),
      SLIPWAY_SERVICEACCOUNT_DIR: accountFolder,
      POD_NAME: name,
      POD_NAMESPACE: namespace.name,
      POD_UID: uid,
    },
  };
}
