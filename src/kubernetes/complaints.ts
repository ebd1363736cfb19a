import type { Log } from "../log/log.ts";
import type { Trouble } from "./client.ts";

/** What was asked of the API server, in the words of RBAC. */
export interface Permission {
  readonly verb: string;
  readonly resource: "configmaps" | "events";
  /** Absent where a rule cannot name the object. */
  readonly name?: string;
  readonly namespace: string;
}

/** Says each trouble with the cluster once: the database is ready all the same. */
export class Complaints {
  readonly #log: Log;
  readonly #said = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  say(trouble: Trouble, asked: Permission): void {
    if (trouble.kind === "refused") this.#sayRefused(trouble.words, asked);
    else this.sayUnwritten(trouble.words, asked);
  }

  sayUnwritten(reason: string, about: Omit<Permission, "verb">): void {
    const { resource, name, namespace } = about;
    this.#once("unwritten", () =>
      this.#log.warn({ reason, resource, name, namespace }, "Kubernetes was not told of this run"),
    );
  }

  #sayRefused(words: string, asked: Permission): void {
    // A patch that would create the object needs the right to create it as well; the server says which it was.
    const verb = /cannot (\w+) resource/.exec(words)?.[1] ?? asked.verb;
    const { resource, name, namespace } = asked;
    this.#once(`${verb} ${resource}`, () =>
      this.#log.warn(
        { verb, resource, name, namespace, reason: words },
        "Kubernetes refuses what a status needs: the service account lacks a permission",
      ),
    );
  }

  #once(key: string, say: () => void): void {
    if (this.#said.has(key)) return;
    this.#said.add(key);
    say();
  }
}
