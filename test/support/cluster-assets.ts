import { accessSync, constants, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The Go module that names the versions of both programs. */
export const MODULE = fileURLToPath(new URL("../cluster-assets", import.meta.url));

const PROGRAMS = ["etcd", "kube-apiserver"] as const;

/** Outside of the repository, and named by the versions: what was built once is found again by every clone. */
export function cacheFolder(): string {
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const { kubernetes, etcd } = readVersions();
  const name = `kubernetes-${kubernetes}-etcd-${etcd}-${process.platform}-${process.arch}`;
  return join(cache, "slipway/cluster-assets", name);
}

export interface AssetVersions {
  readonly kubernetes: string;
  readonly etcd: string;
}

export function readVersions(): AssetVersions {
  const text = readFileSync(join(MODULE, "go.mod"), "utf8");
  const versionOf = (module: string): string => {
    const [, version] = new RegExp(`^\\s*${module} v(\\S+)`, "m").exec(text) ?? [];
    if (version === undefined) throw new Error(`${MODULE}/go.mod does not require ${module}`);
    return version;
  };
  return { kubernetes: versionOf("k8s.io/kubernetes"), etcd: versionOf("go.etcd.io/etcd/server/v3") };
}

/**
 * The folder of etcd and kube-apiserver: KUBEBUILDER_ASSETS, as for controller-runtime's envtest, or what
 * `make cluster-assets` built. Undefined when there is none.
 */
export function findClusterAssets(): string | undefined {
  return [process.env["KUBEBUILDER_ASSETS"], cacheFolder()].find(
    (folder) => folder !== undefined && PROGRAMS.every((program) => isProgram(join(folder, program))),
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
