import { spawn } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, inject, test } from "vitest";
import { configOf, openNamespace } from "../support/cluster.ts";
import { openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { kubeTools, NO_KUBE_TOOLS } from "../support/kube-tools.ts";
import { findMissing, type RunStep, type Step, stepsOf } from "./page.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDER = join(ROOT, "docs/how-to");
const pages = readdirSync(FOLDER).filter((name) => name.endsWith(".md"));

test("there are pages to walk through", () => {
  expect(pages.length).toBeGreaterThan(0);
});

test.for(pages)("whoever does what docs/how-to/%s says sees what it shows", async (name, context) => {
  const steps = stepsOf(readFileSync(join(FOLDER, name), "utf8"));
  const [server] = inject("servers");
  if (server === undefined) throw new Error("there is no server");
  await using database = await openTestDatabase(server);
  const folder = writeFolder({});
  // Pages that begin in a clone of the repository.
  for (const part of ["helm", "examples"]) symlinkSync(join(ROOT, part), join(folder, part));
  const env = { ...environmentOf(database, folder), ...(await clusterEnvironment(steps)) };
  for (const step of steps) {
    if (step.kind === "file") writeFiles(folder, { [step.path]: step.text });
    else if (isAtHand(step)) await walk(step, `docs/how-to/${name}:${step.line}`, folder, env);
  }
  if (needsCluster(steps) && !hasCluster())
    context.skip(`in part: ${inject("skippedCluster")}${NO_KUBE_TOOLS}`);
});

async function walk(step: RunStep, at: string, cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { exitCode, answer } = await runShell(step.script, cwd, env);
  expect(exitCode, `${at}\n${step.script}\nanswered:\n${answer}`).toBe(step.exit);
  const missing = findMissing(step.output, answer);
  expect(missing, `${at}: the answer has no such line. It is:\n${answer}`).toBeUndefined();
}

/** There is an API server to test on, and no kubelet that would run a pod. */
function isAtHand({ needs }: RunStep): boolean {
  return needs.every((need) => need === "cluster" && hasCluster());
}

function hasCluster(): boolean {
  return inject("cluster") !== null && NO_KUBE_TOOLS === "";
}

function needsCluster(steps: readonly Step[]): boolean {
  return steps.some((step) => step.kind === "run" && step.needs.includes("cluster"));
}

/** helm and kubectl, in a namespace of the page's own. */
async function clusterEnvironment(steps: readonly Step[]): Promise<NodeJS.ProcessEnv> {
  const cluster = inject("cluster");
  if (cluster === null || !hasCluster() || !needsCluster(steps)) return {};
  const namespace = await openNamespace(cluster);
  const config = configOf(cluster);
  config.contexts = config.contexts.map((each) => ({ ...each, namespace: namespace.name }));
  const folder = writeFolder({ kubeconfig: config.exportConfig() });
  return { KUBECONFIG: join(folder, "kubeconfig") };
}

/** A reader's shell: slipway and the tools of PostgreSQL and Kubernetes on PATH, a database of their own. */
function environmentOf(database: TestDatabase, folder: string): NodeJS.ProcessEnv {
  const bin = writeFolder({
    slipway: `#!/bin/sh\nexec '${process.execPath}' '${inject("program")}' "$@"\n`,
  });
  chmodSync(join(bin, "slipway"), 0o755);
  const [older] = inject("servers").slice(-1);
  const url = new URL(database.url);
  return {
    PATH: [
      bin,
      older?.bin,
      ...(NO_KUBE_TOOLS === "" ? [dirname(kubeTools().helm)] : []),
      process.env["PATH"],
    ].join(":"),
    HOME: folder,
    DATABASE_URL: database.url,
    // For `psql`, and for a role of the reader's own.
    PGHOST: url.hostname,
    PGPORT: url.port,
    PGUSER: url.username,
    PGPASSWORD: decodeURIComponent(url.password),
    PGDATABASE: database.name,
    SLIPWAY_LOG_FORMAT: "pretty",
    NO_COLOR: "1",
  };
}

function runShell(
  script: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly exitCode: number | null; readonly answer: string }> {
  return new Promise((resolve, reject) => {
    const shell = spawn("bash", ["-eu", "-o", "pipefail", "-c", script], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let answer = "";
    for (const stream of [shell.stdout, shell.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (answer += text));
    }
    shell.once("error", reject);
    shell.once("close", (exitCode) => resolve({ exitCode, answer }));
  });
}
