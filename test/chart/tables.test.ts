import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import manifest from "../../package.json" with { type: "json" };
import { OTHER_VARIABLES, SETTINGS_LIST } from "../../src/config/settings.ts";
import { ERRORS } from "../../src/errors.ts";
import { CHART, type Manifest, onHelm, pick, render } from "../support/chart.ts";

const database = { existingSecret: "shop-database" };

onHelm("the Job fails at once on the exit codes after which a person must act, and on no other", async () => {
  const manifests = await render({ values: { database, mode: "job" } });

  const { rules } = pick(manifests, "Job")["spec"].podFailurePolicy;
  const [evicted, mended] = rules;
  expect(evicted).toEqual({ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget" }] });
  expect(mended.action).toBe("FailJob");
  const isFinal = (exit: number): boolean => [1, 3].includes(Math.floor(exit / 10));
  for (const [code, { exit }] of Object.entries(ERRORS)) {
    expect([code, mended.onExitCodes.values.includes(exit)]).toEqual([code, isFinal(exit)]);
  }
  expect(mended.onExitCodes.values.every(isFinal)).toBe(true);
});

/** Settings that have a value of the chart's, and so are none of `settings`: the environment would beat them. */
const BY_VALUES = [
  "database.url",
  "database.list",
  "schema.path",
  "migrations.path",
  "approve",
  "status.configMap",
  "log.format",
];
/**
 * The admin API's and the waiter's have values of their own; where the kubelet looks is the default; and of
 * many databases the Job's index chooses.
 */
const OF_OTHERS = /^(serve|wait)\.|^(terminationLog|database\.name)$/;
/** A URL with a password has no place in a ConfigMap: from a Secret, by `extraEnv`. */
const SECRET = ["shadow.url"];

test("`settings` takes every setting that has no value of its own", () => {
  const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, "utf8"));

  const taken = leaves(schema.properties.settings, "");

  const expected = SETTINGS_LIST.map((setting) => setting.name).filter(
    (name) => ![...BY_VALUES, ...SECRET].includes(name) && !OF_OTHERS.test(name),
  );
  expect(taken.sort()).toEqual(expected.sort());
});

onHelm("every variable that the chart sets is one that slipway reads", async () => {
  const values = {
    database: { ...database, sslMode: "verify-full", tls: { existingSecret: "ca" } },
    approve: "efa92661cbc3dd64",
    settings: { lockWait: "1m" },
    placeholders: { APP_USER: "app" },
    migrations: { existingConfigMaps: ["a"] },
    schema: { path: "/schema" },
    serve: { auth: { existingSecret: "tokens" } },
  };
  const manifests = await render({ values });

  const { initContainers, containers } = pick(manifests, "Deployment")["spec"].template.spec;
  const known = new Set([
    ...SETTINGS_LIST.map((setting) => setting.env),
    ...Object.keys(OTHER_VARIABLES),
    ...["POD_NAME", "POD_NAMESPACE", "POD_UID", "PGSSLMODE", "PGSSLROOTCERT"],
  ]);
  const unknown = [...initContainers, ...containers]
    .flatMap((container) => container.env.map((variable: Manifest) => variable["name"]))
    .filter((name) => !known.has(name) && !name.startsWith("SLIPWAY_VAR_"));
  expect(unknown).toEqual([]);
});

test("the chart installs the release that it comes with, and the example takes this chart", () => {
  const { version, appVersion } = parse(readFileSync(`${CHART}/Chart.yaml`, "utf8"));
  const example = parse(readFileSync(`${CHART}/../../examples/your-chart/Chart.yaml`, "utf8"));

  expect([version, appVersion]).toEqual([manifest.version, manifest.version]);
  expect(example.dependencies[0].version).toBe(version);
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

function leaves(schema: Schema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, each]) =>
    each.properties === undefined ? [`${prefix}${name}`] : leaves(each, `${prefix}${name}.`),
  );
}
