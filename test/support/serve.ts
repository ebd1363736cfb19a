import { type LogLine, type SlipwayOptions, type SlipwayProcess, startSlipway } from "./slipway.ts";
import { waitFor } from "./wait.ts";

export const ADMIN = "an-admin-s-token-in-the-tests";
export const READER = "a-reader-s-token-in-the-tests";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body where it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it, and fail where it is another
  readonly body: any;
}

export interface Ask {
  readonly method?: string;
  /** None with an empty text. */
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ServedEvent {
  readonly id: number;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>> & { readonly runId: string };
}

export interface Listener {
  /** What came so far. */
  readonly events: readonly ServedEvent[];
  /** When the server ended the stream. */
  readonly ended: Promise<void>;
  close(): void;
}

export interface Served extends SlipwayProcess {
  readonly origin: string;
  /** Of the listener for health, where it has one of its own. */
  readonly healthOrigin: string;
  /** As the admin unless told otherwise; a path without `/` at its start is below `/api/v1/admin/`. */
  ask(path: string, ask?: Ask): Promise<Answer>;
  listen(after?: number): Promise<Listener>;
}

/** `slipway serve` on a free port, once it answers. */
export async function startServe(options: SlipwayOptions, args: readonly string[] = []): Promise<Served> {
  const isOpen = args.includes("--insecure-no-auth");
  const tokens = isOpen ? {} : { SLIPWAY_API_TOKENS: `admin:alice:${ADMIN},read:${READER}` };
  const slipway = startSlipway(["serve", ...args], {
    ...options,
    env: { SLIPWAY_LISTEN: "127.0.0.1:0", ...tokens, ...options.env },
  });
  const wanted = options.env?.["SLIPWAY_HEALTH_LISTEN"] === undefined ? 1 : 2;
  const ended = slipway.result.then(({ exitCode, stderr }) => {
    throw new Error(`slipway serve ended with ${exitCode}: ${stderr}`);
  });
  ended.catch(() => undefined);
  const origins = await Promise.race([
    ended,
    waitFor(() => {
      const found = linesOf(slipway).flatMap(({ msg, at }) => (/^Serving /.test(msg) ? [String(at)] : []));
      return found.length === wanted ? found : undefined;
    }),
  ]);
  const [origin = "", healthOrigin = ""] = origins;
  const urlOf = (path: string): string =>
    path.startsWith("/") ? `${origin}${path}` : `${origin}/api/v1/admin/${path}`;
  return {
    ...slipway,
    origin,
    healthOrigin,
    ask: (path, ask = {}) => fetchAnswer(urlOf(path), ask),
    async listen(after) {
      const stop = new AbortController();
      const headers: Record<string, string> = { authorization: `Bearer ${READER}` };
      if (after !== undefined) headers["last-event-id"] = String(after);
      const response = await fetch(urlOf("events"), { headers, signal: stop.signal });
      const events: ServedEvent[] = [];
      const reading = readEvents(response, events);
      reading.catch(() => undefined);
      return { events, ended: reading, close: () => stop.abort() };
    },
  };
}

function linesOf(slipway: SlipwayProcess): LogLine[] {
  const whole = slipway.stderr().split("\n").slice(0, -1);
  return whole.map((line) => JSON.parse(line) as LogLine);
}

export async function fetchAnswer(
  url: string,
  { method, token = ADMIN, body, headers }: Ask,
): Promise<Answer> {
  const response = await fetch(url, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson && text !== "" ? JSON.parse(text) : undefined,
  };
}

async function readEvents(response: Response, events: ServedEvent[]): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(
        block
          .split("\n")
          .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      const event = fields.get("event");
      if (event === undefined) continue;
      events.push({ id: Number(fields.get("id")), event, data: JSON.parse(fields.get("data") ?? "{}") });
    }
  }
}
