import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { V1Status } from "@kubernetes/client-node";
import { cut } from "../report/cut.ts";
import { type Access, readAccountFile } from "./access.ts";

/** Why the API server did not do what it was asked for. */
export interface Trouble {
  /** `refused`: RBAC; `absent`: no such object; `unreachable`: nothing that could be called an answer. */
  readonly kind: "refused" | "absent" | "conflict" | "busy" | "invalid" | "unreachable";
  /** The server's words, or those of the network. */
  readonly words: string;
}

export type Answer<T> = { readonly object: T } | { readonly trouble: Trouble };

export interface Ask {
  readonly method: "GET" | "PATCH" | "POST";
  readonly path: string;
  readonly body?: unknown;
  /** The manner of a patch; `application/json` unless given. */
  readonly contentType?: string;
}

/** More is no answer of these calls. */
const LONGEST_ANSWER = 4 * 1_024 * 1_024;
/** They end up in a line of the log. */
const LONGEST_WORDS = 1_024;

/**
 * The API server by HTTPS, over connections that are kept. It never throws: that a cluster does not answer
 * is an ordinary answer here.
 *
 * The client library would do the same, at the price of 43 MB of memory (docs/adr/0009).
 */
export class KubernetesClient {
  readonly #access: Access;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #closed = new AbortController();

  constructor(access: Access) {
    this.#access = access;
  }

  async ask<T>(ask: Ask): Promise<Answer<T>> {
    const token = readAccountFile(this.#access, "token");
    const ca = readAccountFile(this.#access, "ca.crt");
    if (token === undefined || ca === undefined) {
      const words = `there is no ${token === undefined ? "token" : "ca.crt"} in ${this.#access.folder}`;
      return { trouble: { kind: "unreachable", words } };
    }
    try {
      const { status, text } = await this.#send(ask, token, ca);
      return toAnswer<T>(status, text);
    } catch (error) {
      return {
        trouble: { kind: "unreachable", words: error instanceof Error ? error.message : "no answer" },
      };
    }
  }

  /** Breaks off what is still being asked. */
  close(): void {
    this.#closed.abort();
    this.#agent.destroy();
  }

  #send(ask: Ask, token: string, ca: string): Promise<{ status: number; text: string }> {
    const { method, path, body, contentType = "application/json" } = ask;
    const { host, port } = this.#access;
    const text = body === undefined ? "" : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sending = request({
        method,
        host,
        port,
        path,
        ca,
        agent: this.#agent,
        signal: this.#closed.signal,
        headers: {
          accept: "application/json",
          authorization: `Bearer ${token}`,
          "user-agent": "slipway",
          ...(text === "" ? {} : { "content-type": contentType, "content-length": Buffer.byteLength(text) }),
        },
      });
      sending.once("error", reject);
      sending.once("response", (response) => {
        readText(response).then(
          (answer) => resolve({ status: response.statusCode ?? 0, text: answer }),
          (error: unknown) => {
            sending.destroy();
            reject(error);
          },
        );
      });
      sending.end(text);
    });
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response) {
    text += chunk as string;
    if (text.length > LONGEST_ANSWER) throw new Error("the answer is too long");
  }
  return text;
}

function toAnswer<T>(status: number, text: string): Answer<T> {
  const object = parse(text);
  if (object === undefined)
    return { trouble: { kind: "unreachable", words: `status ${status} without an object` } };
  if (status >= 200 && status < 300) return { object: object as T };
  const words = (object as V1Status).message ?? `status ${status}`;
  return { trouble: { kind: kindOf(status), words: cut(words, LONGEST_WORDS, "…") } };
}

function kindOf(status: number): Trouble["kind"] {
  if (status === 401 || status === 403) return "refused";
  if (status === 404) return "absent";
  if (status === 409) return "conflict";
  return status === 429 || status >= 500 ? "busy" : "invalid";
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
