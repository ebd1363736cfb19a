import { createHash } from "node:crypto";
import type { ConfigMapName } from "../config/readers.ts";
import { SlipwayError } from "../errors.ts";
import { findAccess, findNamespace } from "../kubernetes/access.ts";
import { type Answer, KubernetesClient } from "../kubernetes/client.ts";
import type { ConfigMapRef } from "../kubernetes/config-map.ts";
import { Patience } from "../kubernetes/patience.ts";
import { reviewAccess, reviewToken } from "../kubernetes/review.ts";
import type { Log } from "../log/log.ts";
import { ApiError } from "./operations/problem.ts";
import type { Caller } from "./tokens.ts";

/** As long as what the cluster said of a token is taken for granted: a right that is taken away ends by then. */
const GOOD_FOR_MS = 30_000;
const MOST_KEPT = 1_000;
const ANSWERS_WITHIN_MS = 5_000;

type Verdict = Caller | "nobody" | "stranger";

/**
 * The users of a cluster, who show a token of its API server. Who may `update` the status ConfigMap is an admin,
 * who may `get` it may read: whoever sees or writes a database's status there sees or writes it here.
 */
export class ClusterUsers {
  readonly #client: KubernetesClient;
  readonly #ref: ConfigMapRef;
  readonly #log: Log;
  readonly #known = new Map<string, { readonly at: number; readonly verdict: Verdict }>();

  constructor(client: KubernetesClient, ref: ConfigMapRef, log: Log) {
    this.#client = client;
    this.#ref = ref;
    this.#log = log;
  }

  /** Undefined for a token that is nobody's. Throws FORBIDDEN for a user who may neither. */
  async find(token: string): Promise<Caller | undefined> {
    const key = createHash("sha256").update(token).digest("base64");
    const known = this.#known.get(key);
    const isFresh = known !== undefined && performance.now() - known.at < GOOD_FOR_MS;
    const verdict = isFresh ? known.verdict : await this.#judge(token);
    if (!isFresh) this.#keep(key, verdict);
    if (verdict === "nobody") return undefined;
    if (verdict !== "stranger") return verdict;
    const { namespace, name } = this.#ref;
    throw new ApiError("FORBIDDEN", `you may not get the ConfigMap ${namespace}/${name}`);
  }

  close(): void {
    this.#client.close();
  }

  async #judge(token: string): Promise<Verdict> {
    const { user } = await this.#answer(reviewToken(this.#client, token));
    if (user?.username === undefined) return "nobody";
    const may = async (verb: "get" | "update"): Promise<boolean> =>
      (await this.#answer(reviewAccess(this.#client, user, verb, this.#ref))).isAllowed;
    if (await may("update")) return { role: "admin", name: user.username };
    return (await may("get")) ? { role: "read", name: user.username } : "stranger";
  }

  async #answer<T>(asking: Promise<Answer<T>>): Promise<T> {
    const answer = await new Patience(ANSWERS_WITHIN_MS).wait(asking);
    if (answer !== undefined && "object" in answer) return answer.object;
    const { kind, words } = answer?.trouble ?? { kind: "unreachable", words: "no answer in time" };
    this.#log.warn({ kind, reason: words }, "The cluster does not say whose a token is");
    throw new ApiError("AUTHENTICATION_UNAVAILABLE", "the cluster does not say whose this token is");
  }

  #keep(key: string, verdict: Verdict): void {
    const [oldest] = this.#known.keys();
    if (this.#known.size >= MOST_KEPT && oldest !== undefined) this.#known.delete(oldest);
    this.#known.delete(key);
    this.#known.set(key, { at: performance.now(), verdict });
  }
}

/** Throws CONFIG_INVALID where there is no cluster, or no ConfigMap to ask about. */
export function openClusterUsers(
  configMap: ConfigMapName | undefined,
  env: Readonly<Record<string, string | undefined>>,
  log: Log,
): ClusterUsers {
  const access = findAccess(env);
  const namespace = configMap?.namespace ?? (access && findNamespace(env, access));
  if (configMap === undefined || access === undefined || namespace === undefined) {
    const [what, next] =
      configMap === undefined
        ? ["there is no status ConfigMap", "set SLIPWAY_STATUS_CONFIGMAP"]
        : ["this is no pod of a cluster", "unset SLIPWAY_KUBERNETES_AUTH, or run it in a pod"];
    throw new SlipwayError("CONFIG_INVALID", `users of the cluster cannot be let in: ${what}`, { next });
  }
  return new ClusterUsers(new KubernetesClient(access), { namespace, name: configMap.name }, log);
}
