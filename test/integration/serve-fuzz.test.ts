import { connect } from "node:net";
import { expect } from "vitest";
import { onNewestServer, openTestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { SCHEMA } from "../support/gate.ts";
import { type Described, Document } from "../support/openapi.ts";
import { type Answer, type Ask, startServe } from "../support/serve.ts";
import { runSlipway } from "../support/slipway.ts";

interface Malformed {
  readonly what: string;
  readonly path: string;
  readonly ask: Ask;
}

const VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  "",
  "x".repeat(5_000),
  "'; drop table runs; --",
  '"\u0000"',
  "../../../../etc/passwd",
  "\ud800",
  [],
  [[[]]],
  {},
  { $ref: "#/x" },
];

const BODIES: readonly string[] = [
  "",
  "{",
  "[]",
  "null",
  '"text"',
  "\u0000",
  '{"__proto__":{"x":1}}',
  '{"constructor":{"prototype":{"x":1}}}',
  '{"id":1,"id":2}',
  `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
  `{"schema":"${"x".repeat(80_000)}"}`,
  '{"id":1e9999}',
  "\ufeff{}",
];

const SEGMENTS = [
  "%00",
  "%",
  "%zz",
  "..%2f..%2fetc%2fpasswd",
  "%C0%AF",
  "'--",
  "x".repeat(300),
  " ",
  "\u{1f600}",
  "*",
];

/** What could be sent to an operation and is none of what it describes. */
function malformed(operation: Described): Malformed[] {
  const { method, path, parameters = [] } = operation;
  const takes = (where: string): boolean => parameters.some((each) => each.in === where);
  const headers = { "content-type": "application/json" };
  const filled = path.replace("{id}", "00000000-0000-7000-8000-000000000000");
  const fields = ["id", "approve", "schema", "other", "__proto__"];
  const bodies = method === "GET" ? [] : BODIES;
  const values = method === "GET" ? [] : VALUES;
  return [
    ...bodies.map((body) => ({
      what: `body ${body.slice(0, 30)}`,
      path: filled,
      ask: { method, body, headers },
    })),
    ...values.flatMap((value) =>
      fields.map((field) => ({
        what: `${field}=${JSON.stringify(value).slice(0, 30)}`,
        path: filled,
        ask: { method, body: `{${JSON.stringify(field)}:${JSON.stringify(value)}}`, headers },
      })),
    ),
    ...(method === "GET"
      ? []
      : ["text/plain", "application/xml", "multipart/form-data", "application/json; charset=utf-7", "x"]
    ).map((type) => ({
      what: `type ${type}`,
      path: filled,
      ask: { method, body: "{}", headers: { "content-type": type } },
    })),
    // Where no query is described, none is looked at.
    ...(takes("query")
      ? [
          "?limit=-1",
          "?limit=x",
          "?limit=1&limit=2",
          "?wait=perhaps",
          "?%00",
          "?__proto__[x]=1",
          `?${"a=b&".repeat(500)}`,
        ]
      : ["?%00"]
    ).map((query) => ({ what: `query ${query.slice(0, 30)}`, path: `${filled}${query}`, ask: { method } })),
    ...(path.includes("{id}")
      ? SEGMENTS.map((id) => ({
          what: `id ${id.slice(0, 30)}`,
          path: path.replace("{id}", id),
          ask: { method },
        }))
      : []),
    ...(takes("header") ? ["x", "-1", "9".repeat(400)] : ["x"]).map((id) => ({
      what: `last-event-id ${id.slice(0, 30)}`,
      path: filled,
      ask: { method, headers: { "last-event-id": id, accept: "image/png;q=x" } },
    })),
    ...["PUT", "DELETE", "PATCH", "OPTIONS"].map((other) => ({
      what: `method ${other}`,
      path: filled,
      ask: { method: other },
    })),
  ];
}

function expectCalm(what: string, { status, headers, text, body }: Answer): void {
  expect(status, `${what}: ${text}`).toBeLessThan(500);
  if (status < 400) return;
  expect(headers.get("content-type"), what).toMatch(/^application\/problem\+json/);
  expect(body, what).toMatchObject({
    status,
    code: expect.any(String),
    detail: expect.any(String),
    next: expect.any(String),
  });
  expect(text, what).not.toMatch(/\bat .*\.[cm]?js:\d+|node_modules|\/dist\//);
}

onNewestServer(
  "malformed requests get a 4xx and a problem, never a 5xx nor a stack, and change nothing",
  async (server) => {
    await using database = await openTestDatabase(server);
    const options = { database, schema: writeFolder(SCHEMA) };
    expect(await runSlipway(["run"], options)).toExit(0);
    await using served = await startServe(options);
    const api = await Document.read(served);
    const answered = new Map<number, number>();

    for (const operation of api.operations) {
      for (const { what, path, ask } of malformed(operation)) {
        // An endless stream is no malformed request.
        if (
          operation.operationId === "listen" &&
          ask.method === "GET" &&
          ask.headers?.["last-event-id"] === undefined
        )
          continue;
        const answer = await served.ask(path, ask);
        expectCalm(`${operation.method} ${operation.path} ${what}`, answer);
        answered.set(answer.status, (answered.get(answer.status) ?? 0) + 1);
        // The rate limit is another test's.
        if (answer.status === 429) throw new Error("the fuzz ran into the rate limit");
      }
    }

    expect([...answered.keys()].sort()).toEqual([200, 400, 404, 406, 413, 415]);
    expect(await database.value("select count(*)::int from migrations.runs")).toBe(1);
    expect((await served.ask("/healthz")).status).toBe(200);
  },
);

onNewestServer(
  "what is no HTTP at all is answered with a problem, and the connection ends",
  async (server) => {
    await using database = await openTestDatabase(server);
    await using served = await startServe({ database, schema: writeFolder(SCHEMA) });
    const port = Number(new URL(served.origin).port);

    for (const bytes of [
      "\u0000\u0001\u0002\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      `GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(40_000)}\r\n\r\n`,
    ]) {
      const text = await sendRaw(port, bytes);

      expect(text).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(text).toContain("application/problem+json");
    }
    expect((await served.ask("/healthz")).status).toBe(200);
  },
);

function sendRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    socket.on("error", () => undefined).on("close", () => resolve(text));
  });
}
