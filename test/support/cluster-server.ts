import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestProject } from "vitest/node";
import { findFreePort } from "../../src/commands/embedded-server.ts";
import { findClusterAssets } from "./cluster-assets.ts";

/** A control plane without nodes: etcd and kube-apiserver, no controllers. Plain data. */
export interface ClusterServer {
  readonly host: string;
  readonly port: number;
  /** PEM; what a pod finds as `ca.crt`. */
  readonly ca: string;
  /** Of a member of `system:masters`. */
  readonly adminToken: string;
  /** The same as a file for kubectl and helm. */
  readonly kubeconfig: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    /** Null when there is none to be had; `skippedCluster` says why. */
    readonly cluster: ClusterServer | null;
    readonly skippedCluster: string;
  }
}

const HOST = "127.0.0.1";
const START_WITHIN_MS = 60_000;
const NO_ASSETS = "there is no etcd and kube-apiserver; `make cluster-assets` gets them";

const children: ChildProcess[] = [];
let folder: string | undefined;

/** Starts the API server that the cluster tests run on; without its programs they are skipped, loudly. */
export async function setup(project: TestProject): Promise<void> {
  const assets = findClusterAssets();
  if (assets === undefined) {
    if (process.env["SLIPWAY_REQUIRE_CLUSTER"] === "1") throw new Error(NO_ASSETS);
    console.warn(`\nSKIPPED: ${NO_ASSETS}; nothing is tested on Kubernetes\n`);
  }
  project.provide("cluster", assets === undefined ? null : await startCluster(assets));
  project.provide("skippedCluster", assets === undefined ? NO_ASSETS : "");
}

export async function teardown(): Promise<void> {
  // What they hold dies with the folder, so nothing has to come to a good end.
  for (const child of children.splice(0)) child.kill("SIGKILL");
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

async function startCluster(assets: string): Promise<ClusterServer> {
  folder = mkdtempSync(join(tmpdir(), "slipway-cluster-"));
  try {
    return await startApiServer(assets, folder, await startEtcd(assets, folder));
  } catch (error) {
    await teardown();
    throw error;
  }
}

async function startEtcd(assets: string, home: string): Promise<string> {
  const client = `http://${HOST}:${await findFreePort()}`;
  const peer = `http://${HOST}:${await findFreePort()}`;
  const child = start(join(assets, "etcd"), home, [
    `--data-dir=${join(home, "etcd")}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    "--unsafe-no-fsync",
    "--log-level=warn",
  ]);
  await waitUntilUp(child, async () => (await fetch(`${client}/health`)).ok);
  return client;
}

async function startApiServer(assets: string, home: string, etcd: string): Promise<ClusterServer> {
  const port = await findFreePort();
  const adminToken = randomBytes(16).toString("hex");
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const privateKey = join(home, "service-accounts.key");
  const publicKey = join(home, "service-accounts.pub");
  const tokens = join(home, "tokens.csv");
  writeFileSync(privateKey, keys.privateKey.export({ type: "sec1", format: "pem" }), { mode: 0o600 });
  writeFileSync(publicKey, keys.publicKey.export({ type: "spki", format: "pem" }));
  writeFileSync(tokens, `${adminToken},admin,admin,"system:masters"\n`, { mode: 0o600 });
  const certificates = join(home, "certificates");
  const child = start(join(assets, "kube-apiserver"), home, [
    `--etcd-servers=${etcd}`,
    // Signed by itself: the file holds the authority as well.
    `--cert-dir=${certificates}`,
    `--bind-address=${HOST}`,
    `--advertise-address=${HOST}`,
    `--secure-port=${port}`,
    "--endpoint-reconciler-type=none",
    "--service-cluster-ip-range=10.0.0.0/24",
    `--service-account-issuer=https://${HOST}:${port}/`,
    `--service-account-key-file=${publicKey}`,
    `--service-account-signing-key-file=${privateKey}`,
    `--token-auth-file=${tokens}`,
    "--authorization-mode=RBAC",
    // It wants the account `default` of each namespace, which a controller makes.
    "--disable-admission-plugins=ServiceAccount",
    "--allow-privileged=true",
    "--profiling=false",
    "--enable-priority-and-fairness=false",
  ]);
  const certificate = join(certificates, "apiserver.crt");
  await waitUntilUp(child, async () => isReady(port, readFileSync(certificate, "utf8")));
  const ca = readFileSync(certificate, "utf8");
  const kubeconfig = join(home, "kubeconfig");
  writeFileSync(kubeconfig, toKubeconfig(port, ca, adminToken), { mode: 0o600 });
  return { host: HOST, port, ca, adminToken, kubeconfig };
}

function start(program: string, home: string, args: readonly string[]): ChildProcess {
  const log = openSync(join(home, `${program.split("/").at(-1)}.log`), "a");
  const child = spawn(program, args, { cwd: home, stdio: ["ignore", log, log] });
  closeSync(log);
  children.push(child);
  // However this process ends, the servers must not stay.
  process.once("exit", () => void child.kill("SIGKILL"));
  return child;
}

async function waitUntilUp(child: ChildProcess, isUp: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + START_WITHIN_MS;
  for (;;) {
    if (await isUp().catch(() => false)) return;
    if (child.exitCode !== null || performance.now() > deadline) {
      const log = join(`${folder}`, `${child.spawnfile.split("/").at(-1)}.log`);
      throw new Error(`${child.spawnfile} did not start: ${readFileSync(log, "utf8").slice(-2_000)}`);
    }
    await sleep(50);
  }
}

/** Up, and past its first start: the roles and namespaces that every cluster has are there. */
function isReady(port: number, ca: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: HOST, port, ca, path: "/readyz", timeout: 5_000 }, (answer) => {
      answer.resume().once("end", () => resolve(answer.statusCode === 200));
    });
    asking.once("error", reject).end();
  });
}

function toKubeconfig(port: number, ca: string, token: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "test",
        cluster: {
          server: `https://${HOST}:${port}`,
          "certificate-authority-data": Buffer.from(ca).toString("base64"),
        },
      },
    ],
    users: [{ name: "admin", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "admin", namespace: "default" } }],
    "current-context": "test",
  });
}
