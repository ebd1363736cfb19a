import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { AuthorizationV1Api, type V1ResourceAttributes } from "@kubernetes/client-node";
import { expect } from "vitest";
import { type Manifest, parseManifests } from "../support/chart.ts";
import { configOf, openNamespace } from "../support/cluster.ts";
import { writeFolder } from "../support/folder.ts";
import { onRelease, Release } from "../support/release.ts";

/** What helm renders, held by the tests of the chart. */
const GOLDEN = fileURLToPath(new URL("../chart/golden", import.meta.url));
const KIND = fileURLToPath(new URL("../../examples/kind/postgres.yaml", import.meta.url));
const RESTRICTED = { "pod-security.kubernetes.io/enforce": "restricted" };
const values = { database: { existingSecret: "shop-database" } };

onRelease(
  "every object of every mode is accepted, and every pod where only restricted ones are",
  async (cluster) => {
    const namespace = await openNamespace(cluster, RESTRICTED);
    const release = new Release(namespace);
    const files = [...readdirSync(GOLDEN).map((file) => `${GOLDEN}/${file}`), KIND];
    const rendered = files
      .flatMap((file) => parseManifests(readFileSync(file, "utf8")))
      .filter((object) => object.kind !== "Namespace");
    // Nobody makes pods of the templates here, and only pods are refused.
    const objects = [...rendered, ...rendered.flatMap(podsOf)].map((object, index) => ({
      ...object,
      metadata: {
        ...object.metadata,
        namespace: namespace.name,
        name: `${object.metadata.name.slice(0, 40)}-${index}`,
      },
    }));
    const folder = writeFolder({ "objects.json": list(objects) });

    const said = await release.kubectl(
      "create",
      "--dry-run=server",
      "--output=name",
      "--filename",
      `${folder}/objects.json`,
    );

    expect(said.trim().split("\n").length).toBe(objects.length);
    const [pod] = rendered.flatMap(podsOf);
    const privileged = { ...pod, spec: { ...pod?.["spec"], hostNetwork: true } };
    const bad = writeFolder({
      "pod.json": list([privileged as Manifest]).replaceAll('"store"', `"${namespace.name}"`),
    });
    await expect(
      release.kubectl("create", "--dry-run=server", "--filename", `${bad}/pod.json`),
    ).rejects.toThrow(/violates PodSecurity "restricted/);
  },
);

onRelease("the account of the chart may write its status and events, and nothing else", async (cluster) => {
  const namespace = await openNamespace(cluster);
  await new Release(namespace).upgrade(values);
  const token = await namespace.requestToken("shop-slipway");
  const api = configOf(cluster, token).makeApiClient(AuthorizationV1Api);
  const may = async (verb: string, group: string, resource: string, name = ""): Promise<boolean> => {
    const resourceAttributes: V1ResourceAttributes = {
      namespace: namespace.name,
      verb,
      group,
      resource,
      name,
    };
    const { status } = await api.createSelfSubjectAccessReview({ body: { spec: { resourceAttributes } } });
    return status?.allowed ?? false;
  };

  const status = "shop-slipway-status";
  for (const verb of ["get", "create", "patch"]) expect(await may(verb, "", "configmaps", status)).toBe(true);
  expect(await may("create", "events.k8s.io", "events")).toBe(true);

  for (const verb of ["update", "delete", "watch"])
    expect(await may(verb, "", "configmaps", status)).toBe(false);
  for (const verb of ["get", "create", "patch", "list"])
    expect(await may(verb, "", "configmaps")).toBe(false);
  for (const resource of ["secrets", "pods"]) expect(await may("get", "", resource, status)).toBe(false);
  expect(await may("patch", "events.k8s.io", "events")).toBe(false);
  expect(await may("get", "batch", "jobs")).toBe(false);
});

/** The pods that controllers would make of it. */
function podsOf(object: Manifest): readonly Manifest[] {
  const spec = object["spec"];
  const template = object.kind === "CronJob" ? spec.jobTemplate.spec.template : spec?.template;
  if (template === undefined) return [];
  return [
    { apiVersion: "v1", kind: "Pod", ...template, metadata: { ...template.metadata, ...object.metadata } },
  ];
}

function list(items: readonly Manifest[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}
