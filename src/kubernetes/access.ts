import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the kubelet mounts what a pod needs to speak to its API server. */
const ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The way from a pod to its API server. Token and authority are read at each request: both are rotated. */
export interface Access {
  readonly host: string;
  readonly port: number;
  /** Holds `token`, `ca.crt` and `namespace`. */
  readonly folder: string;
}

/** The pod that this process runs in, as the downward API tells it. */
export interface Pod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Undefined outside of a cluster. */
export function findAccess(env: Env): Access | undefined {
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (host === undefined || host === "") return undefined;
  const port = Number(env["KUBERNETES_SERVICE_PORT"] ?? 443);
  return { host, port, folder: env["SLIPWAY_SERVICEACCOUNT_DIR"] ?? ACCOUNT_FOLDER };
}

/** Undefined where the pod's spec does not tell all of it. */
export function findPod(env: Env): Pod | undefined {
  const { POD_NAME: name, POD_NAMESPACE: namespace, POD_UID: uid } = env;
  if (!name || !namespace || !uid) return undefined;
  return { name, namespace, uid };
}

/** The namespace that the pod runs in; undefined where nothing tells. */
export function findNamespace(env: Env, access: Access): string | undefined {
  return env["POD_NAMESPACE"] || readAccountFile(access, "namespace");
}

/** Undefined when there is no such file. */
export function readAccountFile(
  { folder }: Access,
  name: "token" | "ca.crt" | "namespace",
): string | undefined {
  try {
    return readFileSync(join(folder, name), "utf8").trim();
  } catch {
    return undefined;
  }
}
