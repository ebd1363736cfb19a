import type { V1ConfigMap } from "@kubernetes/client-node";
import type { Answer, KubernetesClient } from "./client.ts";

/** A ConfigMap whose namespace is known. */
export interface ConfigMapRef {
  readonly namespace: string;
  readonly name: string;
}

export function readConfigMap(client: KubernetesClient, ref: ConfigMapRef): Promise<Answer<V1ConfigMap>> {
  return client.ask({ method: "GET", path: pathOf(ref) });
}

export interface Applied {
  /** Owns the keys that it applies; one that it applied before and leaves out now is deleted. */
  readonly fieldManager: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, string>>;
}

/**
 * Creates the object, or takes over the keys given and leaves the others alone (server-side apply; Kubernetes,
 * "Server-Side Apply"). It is owned by nobody: an owner that is collected, such as a Job, would take it along.
 */
export function applyConfigMap(
  client: KubernetesClient,
  ref: ConfigMapRef,
  { fieldManager, labels, data }: Applied,
): Promise<Answer<V1ConfigMap>> {
  return client.ask({
    method: "PATCH",
    path: `${pathOf(ref)}?fieldManager=${encodeURIComponent(fieldManager)}&force=true`,
    contentType: "application/apply-patch+yaml",
    body: { apiVersion: "v1", kind: "ConfigMap", metadata: { ...ref, labels }, data },
  });
}

/**
 * Takes an annotation away, or leaves the rest of its value, if it still is what was read: of two that try,
 * one succeeds.
 */
export function takeAnnotation(
  client: KubernetesClient,
  ref: ConfigMapRef,
  { name, value, rest }: { readonly name: string; readonly value: string; readonly rest: string },
): Promise<Answer<V1ConfigMap>> {
  // RFC 6901: a slash in a name is ~1.
  const path = `/metadata/annotations/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  return client.ask({
    method: "PATCH",
    path: `${pathOf(ref)}?fieldManager=slipway`,
    contentType: "application/json-patch+json",
    body: [
      { op: "test", path, value },
      rest === "" ? { op: "remove", path } : { op: "replace", path, value: rest },
    ],
  });
}

function pathOf({ namespace, name }: ConfigMapRef): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps/${encodeURIComponent(name)}`;
}
