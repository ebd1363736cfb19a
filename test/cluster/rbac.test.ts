import {
  ApiException,
  CoreV1Api,
  PatchStrategy,
  setHeaderOptions,
  type V1PolicyRule,
} from "@kubernetes/client-node";
import { expect } from "vitest";
import { configOf, onCluster, openNamespace } from "../support/cluster.ts";

/** What a status needs; its name is all that the account may touch. */
const rule = (...verbs: string[]): V1PolicyRule => ({
  apiGroups: [""],
  resources: ["configmaps"],
  resourceNames: ["status"],
  verbs,
});

onCluster("server-side apply creates the object that its rule names, and no other", async (cluster) => {
  const namespace = await openNamespace(cluster);
  await namespace.createAccount("migrator", [rule("get", "create", "patch")]);
  const core = configOf(cluster, await namespace.requestToken("migrator")).makeApiClient(CoreV1Api);

  expect(await codeOfApply(core, namespace.name, "status")).toBe(200);
  expect(await codeOfApply(core, namespace.name, "other")).toBe(403);
  // A POST has no name that a rule could allow.
  const body = { metadata: { name: "status" } };
  expect(await codeOf(core.createNamespacedConfigMap({ namespace: namespace.name, body }))).toBe(403);
});

onCluster(
  "without the right to create, an apply changes what is there and makes nothing",
  async (cluster) => {
    const namespace = await openNamespace(cluster);
    await namespace.createAccount("migrator", [rule("get", "patch")]);
    const core = configOf(cluster, await namespace.requestToken("migrator")).makeApiClient(CoreV1Api);

    expect(await codeOfApply(core, namespace.name, "status")).toBe(403);
    expect(await codeOfApply(namespace.core, namespace.name, "status")).toBe(200);
    expect(await codeOfApply(core, namespace.name, "status")).toBe(200);
  },
);

function codeOfApply(core: CoreV1Api, namespace: string, name: string): Promise<number> {
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { phase: "Succeeded" } };
  const options = setHeaderOptions("Content-Type", PatchStrategy.ServerSideApply);
  return codeOf(
    core.patchNamespacedConfigMap({ namespace, name, fieldManager: "slipway", force: true, body }, options),
  );
}

async function codeOf(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return 200;
  } catch (error) {
    if (error instanceof ApiException) return error.code;
    throw error;
  }
}
