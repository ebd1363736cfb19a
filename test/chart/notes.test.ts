import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "vitest";
import { parse } from "yaml";
import { CHART, onHelm, render } from "../support/chart.ts";
import { writeFolder } from "../support/folder.ts";
import { kubeTools } from "../support/kube-tools.ts";

const VALUES = fileURLToPath(new URL("values", import.meta.url));
const run = promisify(execFile);

for (const file of readdirSync(VALUES)) {
  onHelm(`what is printed for ${file} names objects of this very release`, async () => {
    const values: object = parse(readFileSync(`${VALUES}/${file}`, "utf8"));

    const [text, manifests] = await Promise.all([notesOf(values), render({ values })]);

    const there = manifests.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
    const named = text.match(/\b(deployment|job|cronjob)\/[\w-]+/g) ?? [];
    expect(named.length).toBeGreaterThan(0);
    expect(there).toEqual(expect.arrayContaining(named));
    // Every command says in which namespace.
    for (const command of text.match(/^ +kubectl .*/gm) ?? []) expect(command).toContain("-n store ");
  });
}

const database = { existingSecret: "shop-database" };

const NOTED: Readonly<Record<string, readonly [values: object, words: string]>> = {
  "a claim that binds pods to one node": [
    { database, migrationsPersistence: { enabled: true, accessModes: ["ReadWriteOnce"] } },
    "every pod that mounts it must run on the same node",
  ],
  "an empty claim": [
    { database, migrationsPersistence: { enabled: true } },
    "--set migrationsPersistence.loader.enabled=true",
  ],
  "a claim with its loader": [
    { database, migrationsPersistence: { enabled: true, loader: { enabled: true } } },
    "kubectl -n store cp ./migrations/. shop-slipway-loader:/migrations",
  ],
  "an image volume, which not every cluster has": [
    { database, migrations: { image: { reference: "sql:1" } } },
    "before Kubernetes 1.35 image volumes are behind the feature gate",
  ],
  "a password among the values": [
    { database: { url: "postgres://a:b@c/d" } },
    "in database.existingSecret, is not",
  ],
  "an old name": [
    { database, config: { database: { user_migrations_path: "/sql" } } },
    "is an older name of config.database.userMigrationsPath",
  ],
  "a hook": [{ database, mode: "hook" }, "the hook runs before everything else of the release"],
  "Argo CD's hook": [
    { database, mode: "hook", hook: { provider: "argocd" } },
    "hook.provider argocd is for Argo CD",
  ],
};

for (const [what, [values, words]] of Object.entries(NOTED)) {
  onHelm(`${what} has its word after the installation`, async () => {
    expect(await notesOf(values)).toContain(words);
  });
}

async function notesOf(values: object): Promise<string> {
  const folder = writeFolder({ "values.yaml": JSON.stringify(values) });
  const { stdout } = await run(
    kubeTools().helm,
    [
      "install",
      "shop",
      CHART,
      "--namespace",
      "store",
      "--dry-run=client",
      "--values",
      `${folder}/values.yaml`,
    ],
    { env: { ...process.env, HOME: folder, KUBECONFIG: "/dev/null" } },
  );
  const [, notes = ""] = stdout.split("\nNOTES:\n");
  return notes;
}
