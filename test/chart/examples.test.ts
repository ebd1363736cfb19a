import { execFile } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { CHART, onHelm, parseManifests, pick, render, renderText } from "../support/chart.ts";
import { writeFolder } from "../support/folder.ts";
import { kubeTools } from "../support/kube-tools.ts";
import { normal } from "./normal.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EXAMPLES = join(ROOT, "examples");
const GOLDEN = fileURLToPath(new URL("golden/your-chart.yaml", import.meta.url));
const run = promisify(execFile);

for (const helm of ["oldest", "newest"] as const) {
  onHelm(`a chart of yours takes slipway's parts into its own pods, with the ${helm} helm`, async () => {
    // As in a clone, because the dependency is named by a relative path; a copy, because helm writes into it.
    const clone = writeFolder();
    cpSync(CHART, join(clone, "helm/slipway"), { recursive: true });
    cpSync(join(EXAMPLES, "your-chart"), join(clone, "examples/your-chart"), {
      recursive: true,
      filter: (path) => !path.endsWith("/charts"),
    });
    const chart = join(clone, "examples/your-chart");
    const program = kubeTools(helm).helm;
    await run(program, ["dependency", "update", chart]);
    await run(program, ["lint", "--strict", chart]);

    const text = normal(await renderText({ chart, helm, args: ["--kube-version", "1.29.0"] }));

    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(GOLDEN, text);
    expect(text).toBe(readFileSync(GOLDEN, "utf8"));
    const { spec } = pick(parseManifests(text), "Deployment")["spec"].template;
    expect(spec.initContainers[0].name).toBe("slipway");
    expect(spec.serviceAccountName).toBe(pick(parseManifests(text), "ServiceAccount").metadata.name);
  });
}

onHelm("a chart of yours with a Job of slipway's has pods that wait, and need no rights", async () => {
  const chart = writeFolder({
    "Chart.yaml": "apiVersion: v2\nname: yours\nversion: 1.0.0\n",
    "values.yaml":
      "slipway: { mode: library, database: { existingSecret: db }, migrations: { files: 'sql/*' } }\n",
    "sql/001_a.up.sql": "select 1;",
    "templates/all.yaml": [
      `{{ include "slipway.rbac" . }}`,
      `{{ include "slipway.job" . }}`,
      "---",
      "{ apiVersion: v1, kind: Pod, metadata: { name: app }, spec: { initContainers: [",
      `{{ include "slipway.waitContainer" . | fromYamlArray | first | toJson }}`,
      "] } }",
    ].join("\n"),
  });
  cpSync(CHART, join(chart, "charts/slipway"), { recursive: true });

  const manifests = await render({ chart });

  const kinds = manifests.map((each) => each.kind).sort();
  expect(kinds).toEqual(["Job", "Pod", "Role", "RoleBinding", "ServiceAccount"]);
  expect(pick(manifests, "Job").metadata.name).toMatch(/^shop-slipway-[0-9a-f]{8}$/);
  const [wait] = pick(manifests, "Pod")["spec"].initContainers;
  expect(wait.args).toEqual(["wait", "--timeout=10m"]);
  expect(wait.volumeMounts.map((mount: { name: string }) => mount.name)).toEqual(["slipway-migrations"]);
});

onHelm("the chart passes helm's lint, strictly, with no value given", async () => {
  await run(kubeTools().helm, ["lint", "--strict", CHART]);
});

onHelm("the values of the Argo CD example render a Sync hook, after what it needs", async () => {
  const { path, helm } = readYaml("argocd/application.yaml").spec.source;

  const manifests = await render({ values: helm.valuesObject });

  expect(existsSync(join(ROOT, path, "Chart.yaml"))).toBe(true);
  const wave = (kind: string): number =>
    Number(pick(manifests, kind).metadata.annotations?.["argocd.argoproj.io/sync-wave"] ?? 0);
  expect(pick(manifests, "Job").metadata.annotations?.["argocd.argoproj.io/hook"]).toBe("Sync");
  expect(wave("ServiceAccount")).toBeLessThan(wave("Job"));
  expect(wave("Job")).toBeLessThan(wave("Deployment"));
});

onHelm("the values of the Flux example render a Job, and pods that wait", async () => {
  const { chart, values } = readYaml("flux/release.yaml").spec;

  const manifests = await render({ values });

  expect(existsSync(join(ROOT, chart.spec.chart, "Chart.yaml"))).toBe(true);
  expect(pick(manifests, "Job")["spec"].ttlSecondsAfterFinished).toBe(undefined);
  const [wait] = pick(manifests, "Deployment")["spec"].template.spec.initContainers;
  expect(wait.args[0]).toBe("wait");
});

onHelm("the values of the kind example render, with the Secret and the ConfigMap that it makes", async () => {
  const values = readYaml("kind/values.yaml");

  const manifests = await render({ values });

  const [slipway] = pick(manifests, "Deployment")["spec"].template.spec.initContainers;
  const secrets = parseManifests(readFileSync(join(EXAMPLES, "kind/postgres.yaml"), "utf8"));
  const { secretKeyRef } = slipway.env.find(
    (each: { name: string }) => each.name === "DATABASE_URL",
  ).valueFrom;
  expect(pick(secrets, "Secret").metadata.name).toBe(secretKeyRef.name);
  expect(Object.keys(pick(secrets, "Secret")["stringData"])).toContain(secretKeyRef.key);
  expect(values.migrations.existingConfigMaps).toEqual(["shop-migrations"]);
});

test("in the Compose example the app waits for slipway's good end, and every file named is there", () => {
  const { services, volumes } = readYaml("compose/docker-compose.yml");

  expect(services.app.depends_on).toEqual({ slipway: { condition: "service_completed_successfully" } });
  expect(services.slipway.depends_on).toEqual(["postgres"]);
  for (const [source = ""] of services.slipway.volumes.map((each: string) => each.split(":"))) {
    expect(existsSync(join(EXAMPLES, "compose", source))).toBe(true);
  }
  expect(Object.keys(volumes)).toEqual(["data"]);
});

// biome-ignore lint/suspicious/noExplicitAny: files of five programs, each with a form of its own
function readYaml(path: string): any {
  return parse(readFileSync(join(EXAMPLES, path), "utf8"));
}
