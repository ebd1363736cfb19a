import type { V1SubjectAccessReview, V1TokenReview, V1UserInfo } from "@kubernetes/client-node";
import type { Answer, KubernetesClient } from "./client.ts";
import type { ConfigMapRef } from "./config-map.ts";

/** Whose token it is, as the API server says; `user` is undefined for one that is nobody's. */
export async function reviewToken(
  client: KubernetesClient,
  token: string,
): Promise<Answer<{ readonly user: V1UserInfo | undefined }>> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } };
  const answer = await client.ask<V1TokenReview>({
    method: "POST",
    path: "/apis/authentication.k8s.io/v1/tokenreviews",
    body,
  });
  if ("trouble" in answer) return answer;
  const { status } = answer.object;
  return { object: { user: status?.authenticated === true ? status.user : undefined } };
}

/** Whether RBAC, or whatever else authorizes in this cluster, lets the user do this to the ConfigMap. */
export async function reviewAccess(
  client: KubernetesClient,
  user: V1UserInfo,
  verb: "get" | "update",
  { namespace, name }: ConfigMapRef,
): Promise<Answer<{ readonly isAllowed: boolean }>> {
  const { username, uid, groups, extra } = user;
  const resourceAttributes = { namespace, name, verb, group: "", version: "v1", resource: "configmaps" };
  const answer = await client.ask<V1SubjectAccessReview>({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: { user: username, uid, groups, extra, resourceAttributes },
    },
  });
  if ("trouble" in answer) return answer;
  return { object: { isAllowed: answer.object.status?.allowed === true } };
}
