import { expect } from "vitest";
import { CHART, onHelm, refusal } from "../support/chart.ts";
import { writeFolder } from "../support/folder.ts";
import { copyChart } from "./copy-chart.ts";

const database = { existingSecret: "shop-database" };

/** Values that the chart refuses, and words of the refusal that say why. */
const REFUSED: Readonly<Record<string, readonly [values: object, words: string]>> = {
  "another mode": [
    { database, mode: "sidecar" },
    "value must be one of 'initContainer', 'job', 'hook', 'library'",
  ],
  "an unknown key": [{ databse: database }, "additional properties 'databse' not allowed"],
  "an unknown key within": [
    { database, migrationsPersistence: { storageclass: "nfs" } },
    "at '/migrationsPersistence': additional properties 'storageclass' not allowed",
  ],
  "an unknown setting": [
    { database, settings: { lockWiat: "1m" } },
    "at '/settings': additional properties 'lockWiat' not allowed",
  ],
  "a setting that the chart itself sets": [
    { database, settings: { migrations: { path: "/elsewhere" } } },
    "at '/settings/migrations': additional properties 'path' not allowed",
  ],
  "another hook's provider": [
    { database, hook: { provider: "flux" } },
    "value must be one of 'helm', 'argocd'",
  ],
  "a plan id that YAML reads as a number": [
    { database, approve: 1234 },
    "at '/approve': got number, want string",
  ],
  "a relative folder": [
    { database, config: { database: { userMigrationsPath: "migrations" } } },
    "at '/config/database/userMigrationsPath': 'migrations' does not match pattern",
  ],
  "no database": [{}, "no database: set database.existingSecret, database.url or database.host"],
  "a preset without its Secret": [
    { database: { preset: "cloudnativepg" } },
    `database.preset "cloudnativepg" names the keys of a Secret: set database.existingSecret`,
  ],
  "a preset without a host": [
    { database: { preset: "bitnami", existingSecret: "pg" } },
    `database.preset "bitnami": its Secret has a password only, set database.host`,
  ],
  "two sources": [
    { database, migrations: { existingConfigMaps: ["a"], existingClaim: "b" } },
    "migrations: files come from ConfigMaps, from a claim or from an image, and here from configMap and claim",
  ],
  "a migration in a folder of its own": [
    { database, migrations: { inline: { "a/001_a.up.sql": "" } } },
    `migrations: "a/001_a.up.sql" is in a folder of its own, and a folder of migrations is flat`,
  ],
  "a name that is no key": [
    { database, migrations: { inline: { "001 a.up.sql": "" } } },
    `migrations: "001 a.up.sql" can't be a key of a ConfigMap`,
  ],
  "two files with one key": [
    { database, schema: { inline: { "schemas/a__b.sql": "", "schemas/a/b.sql": "" } } },
    `"schemas/a/b.sql" and "schemas/a__b.sql" would be the same key of a ConfigMap`,
  ],
  "a file that no ConfigMap can hold": [
    { database, migrations: { inline: { "001_a.up.sql": "x".repeat(1_048_577) } } },
    `"001_a.up.sql" has 1048577 bytes and a ConfigMap holds at most 1048576: put it into an image or a volume claim`,
  ],
  "a glob that matches nothing": [
    { database, migrations: { files: "migrations/*.sql" } },
    `migrations.files: no file of the chart matches "migrations/*.sql"`,
  ],
  "many databases before every pod": [
    { databases: { existingSecret: "all", names: ["a"] }, app: { image: "shop:1" } },
    "databases: many databases need a Job, set mode to job or hook",
  ],
  "many databases without their Secret": [
    { mode: "job", databases: { names: ["a"] }, app: { enabled: false } },
    "databases.existingSecret: the Secret that holds the URLs of databases.names",
  ],
  "one database beside many": [
    { mode: "job", database, databases: { existingSecret: "all", names: ["a"] }, app: { enabled: false } },
    "databases: the URLs of many databases are in databases.existingSecret, leave out database.url",
  ],
  "the admin API of many databases": [
    { mode: "job", databases: { existingSecret: "all", names: ["a"] } },
    "databases: the admin API shows one database; set app.image to your app's, or app.enabled to false",
  ],
  "a claim that is not there when the hook runs": [
    { database, mode: "hook", migrationsPersistence: { enabled: true } },
    "the chart's own claim would not be there when the hook runs",
  ],
  "a loader of nothing": [
    { database, migrationsPersistence: { loader: { enabled: true } } },
    "migrationsPersistence.loader: there is no claim to load",
  ],
};

for (const [what, [values, words]] of Object.entries(REFUSED)) {
  onHelm(`${what} is refused, and why`, async () => {
    expect(await refusal({ values })).toContain(words);
  });
}

onHelm("Helm 3 refuses in words as clear", async () => {
  const values = { database, mode: "sidecar", databse: {} };

  const words = await refusal({ values, helm: "oldest" });

  expect(words).toContain(`mode must be one of the following: "initContainer", "job", "hook", "library"`);
  expect(words).toContain("Additional property databse is not allowed");
});

onHelm("an image volume is refused where the API server would make an empty folder of it", async () => {
  const values = { database, migrations: { image: { reference: "sql:1" } } };

  const words = await refusal({ values, args: ["--kube-version", "1.30.0"] });

  expect(words).toContain("migrations.image: image volumes came with Kubernetes 1.31, and this is v1.30.0");
});

onHelm("a file that is in the chart and in the values is refused", async () => {
  const chart = copyChart(CHART, writeFolder({ "slipway/migrations/001_a.up.sql": "select 1;" }));
  const migrations = { files: "migrations/*.sql", inline: { "001_a.up.sql": "select 2;" } };

  const words = await refusal({ chart, values: { database, migrations } });

  expect(words).toContain(`migrations.inline: "001_a.up.sql" is among migrations.files too`);
});
