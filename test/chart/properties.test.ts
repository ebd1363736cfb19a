import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { CHART, type Manifest, onHelm, pick, render, renderText } from "../support/chart.ts";
import { writeFolder } from "../support/folder.ts";
import { copyChart } from "./copy-chart.ts";

const base = { database: { existingSecret: "shop-database" } };
const job = { ...base, mode: "job", app: { image: "shop:1" } };
const migration = { "001_a.up.sql": "select 1;" };

onHelm("rendering twice gives the same bytes", async () => {
  const values = { ...job, migrations: { inline: migration }, settings: { lockWait: "1m" } };

  expect(await renderText({ values })).toBe(await renderText({ values }));
});

onHelm(
  "one byte of a migration changes the Job's name, the ConfigMap's and the checksum of the pods",
  async () => {
    const before = await render({ values: { ...job, migrations: { inline: migration } } });
    const after = await render({
      values: { ...job, migrations: { inline: { "001_a.up.sql": "select 2;" } } },
    });

    expect(pick(after, "Job").metadata.name).not.toBe(pick(before, "Job").metadata.name);
    expect(pick(after, "ConfigMap").metadata.name).not.toBe(pick(before, "ConfigMap").metadata.name);
    expect(checksum(after)).not.toBe(checksum(before));
  },
);

onHelm("so does what the chart can't see, by its revision", async () => {
  const migrations = { existingConfigMaps: ["shop-migrations"] };
  const before = await render({ values: { ...job, migrations } });
  const after = await render({ values: { ...job, migrations: { ...migrations, revision: 2 } } });

  expect(pick(after, "Job").metadata.name).not.toBe(pick(before, "Job").metadata.name);
  expect(checksum(after)).not.toBe(checksum(before));
});

const SAME_JOB: Readonly<Record<string, object>> = {
  "more replicas": { replicaCount: 5 },
  "another image of the app": { app: { image: "shop:2" } },
  "a longer wait": { wait: { timeout: "30m" } },
  "a Job that waits for its queue": { job: { suspend: true } },
};

const OTHER_JOB: Readonly<Record<string, object>> = {
  "another image of slipway": { image: { tag: "9.9.9" } },
  "an approval": { approve: "efa92661cbc3dd64" },
  "another setting": { settings: { lockWait: "1m" } },
  "a nonce": { job: { nonce: "again" } },
  "a longer deadline": { job: { activeDeadlineSeconds: 60 } },
};

for (const [what, more] of Object.entries(SAME_JOB)) {
  onHelm(`${what} makes no new Job`, async () => {
    const [before, after] = await Promise.all([
      render({ values: job }),
      render({ values: { ...job, ...more } }),
    ]);

    expect(pick(after, "Job").metadata.name).toBe(pick(before, "Job").metadata.name);
  });
}

for (const [what, more] of Object.entries(OTHER_JOB)) {
  onHelm(`${what} makes a new Job`, async () => {
    const [before, after] = await Promise.all([
      render({ values: job }),
      render({ values: { ...job, ...more } }),
    ]);

    expect(pick(after, "Job").metadata.name).not.toBe(pick(before, "Job").metadata.name);
  });
}

onHelm("names stay within what Kubernetes allows, and two long ones apart", async () => {
  const long = "a".repeat(53);
  const values = { ...job, fullnameOverride: `${long}-one` };
  const [one, two] = await Promise.all([
    render({ values, release: long }),
    render({ values: { ...values, fullnameOverride: `${long}-two` }, release: long }),
  ]);

  expect(pick(one, "CronJob").metadata.name.length).toBeLessThanOrEqual(52);
  for (const { metadata } of one) {
    expect(metadata.name.length).toBeLessThanOrEqual(63);
    for (const label of Object.values(metadata.labels ?? {})) expect(label.length).toBeLessThanOrEqual(63);
  }
  expect(pick(one, "Deployment").metadata.name).not.toBe(pick(two, "Deployment").metadata.name);
});

onHelm("files of the chart arrive byte by byte, whatever is in them", async () => {
  const files: Readonly<Record<string, Buffer>> = {
    "001_bytes.up.sql": randomBytes(2_000),
    "002_latin1.up.sql": Buffer.from("select 'caf\xe9';\r\n", "latin1"),
    "003_text.up.sql": Buffer.from("select '{{ .Values }}', 'ä', E'\\t';\n\ttab\n  \n\n"),
    "004_marks.up.sql": Buffer.from("select 1; -- \ufeff \u2028 \u0000 \u0085 # not a comment: yes\n"),
    // A byte order mark at the very beginning is taken off by Helm, from every file of a chart.
    "005_replacement.up.sql": Buffer.from("select '\ufffd';"),
    "006_empty.up.sql": Buffer.from(""),
  };
  const chart = copyChart(
    CHART,
    writeFolder(
      Object.fromEntries(Object.entries(files).map(([name, it]) => [`slipway/migrations/${name}`, it])),
    ),
  );

  const manifests = await render({ chart, values: { ...base, migrations: { files: "migrations/*.sql" } } });

  const map = pick(manifests, "ConfigMap");
  expect(Object.keys(contentOf(map)).sort()).toEqual(Object.keys(files).sort());
  for (const [name, bytes] of Object.entries(files)) expect(contentOf(map)[name]).toEqual(bytes);
  // What is text stays readable.
  expect(Object.keys(map["data"])).toEqual(["003_text.up.sql", "005_replacement.up.sql", "006_empty.up.sql"]);
});

onHelm("files that one ConfigMap can't hold go into several, seen in one folder", async () => {
  const inline = Object.fromEntries(
    Array.from({ length: 5 }, (_, index) => [`00${index}_a.up.sql`, `-- ${index}`.repeat(100_000)]),
  );

  const manifests = await render({ values: { ...base, migrations: { inline } } });

  const maps = manifests.filter((each) => each.kind === "ConfigMap");
  expect(maps.map((map) => Object.keys(map["data"]).length)).toEqual(expect.arrayContaining([2, 2, 1]));
  for (const map of maps) {
    const size = Object.values(contentOf(map)).reduce((sum, each) => sum + each.length, 0);
    expect(size).toBeLessThanOrEqual(1_048_576);
    expect(map["immutable"]).toBe(true);
  }
  const { sources } = volumeOf(manifests, "slipway-migrations")["projected"];
  expect(
    sources.flatMap((each: Manifest) => each["configMap"].items.map((item: Manifest) => item["path"])),
  ).toEqual(Object.keys(inline));
});

onHelm("a schema keeps its folders, though the keys of a ConfigMap have none", async () => {
  const chart = copyChart(
    CHART,
    writeFolder({
      "slipway/db/bootstrap.sql": "select 1;",
      "slipway/db/.slipwayignore": "table app.x",
      "slipway/db/schemas/10_app.sql": "select 2;",
      "slipway/db/schemas/app/tables.sql": "select 3;",
    }),
  );

  const manifests = await render({ chart, values: { ...base, schema: { files: "db/**" } } });

  const paths = (name: string): string[] =>
    volumeOf(manifests, name)["projected"].sources.flatMap((each: Manifest) =>
      each["configMap"].items.map((item: Manifest) => item["path"]),
    );
  expect(paths("slipway-schemas")).toEqual(["10_app.sql", "app/tables.sql"]);
  expect(paths("slipway-schema")).toEqual([".slipwayignore", "bootstrap.sql"]);
});

onHelm("a null takes a default away: OpenShift chooses the user itself", async () => {
  const containerSecurityContext = { runAsUser: null, runAsGroup: null };

  const manifests = await render({ values: { ...base, containerSecurityContext } });

  const [slipway] = pick(manifests, "Deployment")["spec"].template.spec.initContainers;
  expect(Object.keys(slipway.securityContext)).toEqual([
    "allowPrivilegeEscalation",
    "capabilities",
    "readOnlyRootFilesystem",
  ]);
});

onHelm("without status there is no Role, no token and no name of a ConfigMap", async () => {
  const text = await renderText({ values: { ...base, status: { enabled: false } } });

  expect(text).not.toMatch(/kind: Role|serviceAccountToken|SLIPWAY_STATUS_CONFIGMAP/);
});

function checksum(manifests: readonly Manifest[]): string {
  return pick(manifests, "Deployment")["spec"].template.metadata.annotations["checksum/migrations"];
}

function volumeOf(manifests: readonly Manifest[], name: string): Manifest {
  const { volumes } = pick(manifests, "Deployment")["spec"].template.spec;
  return volumes.find((each: Manifest) => each["name"] === name);
}

/** What a pod reads of it. */
function contentOf(map: Manifest): Readonly<Record<string, Buffer>> {
  const entries = [
    ...Object.entries<string>(map["data"] ?? {}).map(([key, text]) => [key, Buffer.from(text)]),
    ...Object.entries<string>(map["binaryData"] ?? {}).map(([key, text]) => [
      key,
      Buffer.from(text, "base64"),
    ]),
  ];
  return Object.fromEntries(entries);
}
