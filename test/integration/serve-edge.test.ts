import { connect } from "node:net";
import { expect, test } from "vitest";
import { findFreePort } from "../../src/commands/embedded-server.ts";
import { onNewestServer } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { countLocks, findBackend, GATE, openGated, SCHEMA } from "../support/gate.ts";
import { ADMIN, fetchAnswer, READER, startServe } from "../support/serve.ts";
import { lastLineOf, runSlipway } from "../support/slipway.ts";
import { waitFor } from "../support/wait.ts";

/** Nothing listens there. */
const NOWHERE = { url: "postgres://postgres@127.0.0.1:1/nowhere" };
const SCHEMA_FOLDER = writeFolder(SCHEMA);
const OTHER = "another-admin-s-token-for-later";

test("who has no token, a wrong one or one that may only read is told so", async () => {
  await using served = await startServe({ database: NOWHERE, schema: SCHEMA_FOLDER });
  const body = { id: "0123456789abcdef" };

  const none = await served.ask("runs", { token: "" });
  const wrong = await served.ask("runs", { token: `${ADMIN}x` });
  const basic = await served.ask("runs", {
    token: "",
    headers: { authorization: `Basic ${btoa(`a:${ADMIN}`)}` },
  });
  const reader = await served.ask("internal-schema/apply", { token: READER, body });
  const others = await Promise.all(
    ["/", "/healthz", "/openapi.json", "/metrics"].map((path) => served.ask(path, { token: "" })),
  );

  for (const answer of [none, wrong, basic]) {
    expect(answer).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED", status: 401 } });
    expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="slipway"');
  }
  expect(reader).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
  expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(served.stderr()).not.toContain(ADMIN);
});

test("a file of tokens is read again when it changes, and kept when it is wrong", async () => {
  const folder = writeFolder({ tokens: `# comment\n\nadmin:${OTHER}1\nread:bob:${READER}1\n` });
  const env = { SLIPWAY_API_TOKENS: "", SLIPWAY_API_TOKENS_FILE: `${folder}/tokens` };
  await using served = await startServe({ database: NOWHERE, schema: SCHEMA_FOLDER, env });
  const isLetIn = async (token: string): Promise<boolean> =>
    (await served.ask("runs", { token })).status === 503;

  expect(await isLetIn(`${OTHER}1`)).toBe(true);
  expect(await isLetIn(`${READER}1`)).toBe(true);
  writeFiles(folder, { tokens: `admin:${OTHER}2\n` });
  expect(await waitFor(() => isLetIn(`${OTHER}2`))).toBe(true);
  expect(await isLetIn(`${OTHER}1`)).toBe(false);
  writeFiles(folder, { tokens: "nonsense" });
  await waitFor(async () => {
    await isLetIn(`${OTHER}2`);
    return served.stderr().includes("Tokens could not be read again");
  });
  expect(await isLetIn(`${OTHER}2`)).toBe(true);
});

test.each([
  { what: "no token", args: [], env: {}, says: "there is no token" },
  {
    what: "a token that is too short",
    args: [],
    env: { SLIPWAY_API_TOKENS: "admin:short" },
    says: "at least 16",
  },
  {
    what: "an unknown role",
    args: [],
    env: { SLIPWAY_API_TOKENS: `root:${OTHER}` },
    says: "must be read:token",
  },
  {
    what: "a token given twice",
    args: [],
    env: { SLIPWAY_API_TOKENS: `admin:${OTHER},read:${OTHER}` },
    says: "twice",
  },
  {
    what: "a file that is not there",
    args: [],
    env: { SLIPWAY_API_TOKENS_FILE: "/nowhere" },
    says: "can't be read: ENOENT",
  },
  {
    what: "no authentication on all addresses",
    args: ["--insecure-no-auth", "--listen", "0.0.0.0:0"],
    env: {},
    says: "does not go with 0.0.0.0",
  },
  {
    what: "no authentication beside tokens",
    args: ["--insecure-no-auth"],
    env: { SLIPWAY_API_TOKENS: `admin:${OTHER}` },
    says: "exclude each other",
  },
  {
    what: "no address",
    args: ["--listen", "8080"],
    env: { SLIPWAY_API_TOKENS: `admin:${OTHER}` },
    says: "must look like 127.0.0.1:8080",
  },
])("it refuses to start with $what", async ({ args, env, says }) => {
  const refused = await runSlipway(["serve", ...args], { database: NOWHERE, schema: SCHEMA_FOLDER, env });

  expect(refused).toExit(10);
  expect(lastLineOf(refused).msg).toContain("CONFIG_INVALID (exit 10)");
  expect(refused.stderr).toContain(says);
  expect(refused.stderr).not.toContain(OTHER);
});

test("a port that is taken is said", async () => {
  await using served = await startServe({ database: NOWHERE, schema: SCHEMA_FOLDER });
  const { host } = new URL(served.origin);
  const env = { SLIPWAY_API_TOKENS: `admin:${OTHER}`, SLIPWAY_LISTEN: host };

  const refused = await runSlipway(["serve"], { database: NOWHERE, schema: SCHEMA_FOLDER, env });

  expect(refused).toExit(10);
  expect(lastLineOf(refused).msg).toContain(`cannot listen on ${host}: EADDRINUSE`);
});

test("without authentication only localhost is answered, whatever name points to it", async () => {
  await using served = await startServe({ database: NOWHERE, schema: SCHEMA_FOLDER }, ["--insecure-no-auth"]);

  const here = await served.ask("runs", { token: "" });
  const { port } = new URL(served.origin);
  const { status, text } = await rawGet(Number(port), "/api/v1/admin/runs", "evil.example");

  expect(here.status).toBe(503);
  expect(status).toBe(403);
  expect(text).toContain("FORBIDDEN");
  expect(served.stderr()).toContain("Nobody has to say who they are");
});

test("while the database is down the server lives, is not ready and says why", async () => {
  await using served = await startServe({ database: NOWHERE, schema: SCHEMA_FOLDER });
  const alive = await served.ask("/healthz");
  const ready = await served.ask("/readyz");
  const asked = await Promise.all([
    served.ask("internal-schema/status"),
    served.ask("internal-schema/plan", { method: "POST" }),
    served.ask("internal-schema/apply", { body: { id: "0123456789abcdef" } }),
    served.ask("runs"),
  ]);
  const metrics = await served.ask("/metrics");

  expect(alive.status).toBe(200);
  for (const each of [ready, ...asked]) {
    expect(each).toMatchObject({ status: 503, body: { code: "DATABASE_UNREACHABLE", exit: 20 } });
    expect(each.headers.get("retry-after")).toBe("5");
  }
  expect(metrics.text).toContain("slipway_database_up 0");
});

test("health has a listener of its own where one is named, and nothing else is there", async () => {
  const port = await findFreePort();
  const env = { SLIPWAY_HEALTH_LISTEN: `127.0.0.1:${port}` };
  await using served = await startServe({ database: NOWHERE, schema: SCHEMA_FOLDER, env });
  const there = (path: string) => fetchAnswer(`${served.healthOrigin}${path}`, { token: ADMIN });

  const found = [await there("/healthz"), await there("/readyz"), await there("/metrics")];
  const missing = [await there("/"), await there("/api/v1/admin/runs"), await there("/openapi.json")];
  const moved = await served.ask("/metrics");

  expect(found.map(({ status }) => status)).toEqual([200, 503, 200]);
  expect(missing.map(({ status }) => status)).toEqual([404, 404, 404]);
  expect(moved.status).toBe(404);
});

test("every answer keeps itself out of caches and frames, and the page loads nothing from elsewhere", async () => {
  await using served = await startServe({ database: NOWHERE, schema: SCHEMA_FOLDER });
  const answers = await Promise.all(
    ["/", "/page.js", "/page.css", "runs", "/nowhere", "/openapi.json"].map((path) => served.ask(path)),
  );

  for (const { headers } of answers) {
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toMatch(/^default-src 'none'; .*frame-ancestors 'none'$/);
    expect(headers.get("access-control-allow-origin")).toBeNull();
  }
});

test("whoever guesses tokens is put off, and the others are still answered", async () => {
  await using served = await startServe({ database: NOWHERE, schema: SCHEMA_FOLDER });
  const guesses = [];
  for (let index = 0; index < 25; index += 1)
    guesses.push(await served.ask("runs", { token: `guess-${index}` }));
  const known = await served.ask("runs");

  expect(guesses.slice(0, 20).every(({ status }) => status === 401)).toBe(true);
  expect(guesses.at(-1)).toMatchObject({ status: 429, body: { code: "TOO_MANY_REQUESTS" } });
  expect(guesses.at(-1)?.headers.get("retry-after")).toMatch(/^\d+$/);
  expect(known.status).toBe(503);
});

onNewestServer(
  "told to stop, it cancels the run as `run` would, records it and ends with 0",
  async (server) => {
    await using database = await openGated(server);
    const migrations = writeFolder({ "1_one.up.sql": "create table app.one ();", "2_slow.up.sql": GATE });
    await using served = await startServe({ database, schema: SCHEMA_FOLDER, migrations });
    const listener = await served.listen();
    const { body: planned } = await served.ask("internal-schema/plan", { method: "POST" });
    const accepted = await served.ask("internal-schema/apply", { body: { id: planned.id } });
    await waitFor(() => findBackend(database, "gate.opened"));

    served.kill("SIGTERM");
    const stopped = await served.result;
    await listener.ended;

    expect(accepted.status).toBe(202);
    expect(stopped).toExit(0);
    expect(stopped.stray).toEqual([]);
    expect(await countLocks(database)).toBe(0);
    expect(await database.query("select status, error_code from migrations.runs")).toEqual([
      { status: "interrupted", error_code: "INTERRUPTED" },
    ]);
    expect(await database.query("select name, status from migrations.app")).toEqual([
      { name: "1_one", status: "applied" },
    ]);
  },
);

onNewestServer("a session that is killed fails the run, and the server goes on", async (server) => {
  await using database = await openGated(server);
  const migrations = writeFolder({ "1_slow.up.sql": GATE });
  await using served = await startServe({ database, schema: SCHEMA_FOLDER, migrations });
  const { body: planned } = await served.ask("internal-schema/plan", { method: "POST" });
  const waiting = served.ask("internal-schema/apply?wait=true", { body: { id: planned.id } });
  const pid = await waitFor(() => findBackend(database, "gate.opened"));

  await database.query("select pg_terminate_backend($1)", [pid]);
  const lost = await waiting;
  const status = await served.ask("internal-schema/status");

  expect(lost).toMatchObject({ status: 503, body: { code: "SESSION_LOST", exit: 22 } });
  expect(status).toMatchObject({ status: 200, body: { up_to_date: false } });
});

test("who asks too often is put off for a while, and others and probes are not", async () => {
  await using served = await startServe({ database: NOWHERE, schema: SCHEMA_FOLDER });
  const statuses: number[] = [];
  for (let batch = 0; batch < 13; batch += 1) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => served.ask("runs?limit=0")));
    statuses.push(...answers.map(({ status }) => status));
  }
  const other = await served.ask("runs?limit=0", { token: READER });
  const probe = await served.ask("/healthz");

  expect(statuses.filter((status) => status === 400)).toHaveLength(600);
  expect(statuses.filter((status) => status === 429)).toHaveLength(50);
  expect(other.status).toBe(400);
  expect(probe.status).toBe(200);
});

test("pages of other websites are let in by name only", async () => {
  const env = { SLIPWAY_CORS_ORIGINS: "https://tools.example.com" };
  await using served = await startServe({ database: NOWHERE, schema: SCHEMA_FOLDER, env });
  const askFrom = (origin: string, method: string) =>
    served.ask("runs", {
      method,
      token: method === "OPTIONS" ? "" : ADMIN,
      headers: { origin, "access-control-request-method": "GET" },
    });

  const before = await askFrom("https://tools.example.com", "OPTIONS");
  const known = await askFrom("https://tools.example.com", "GET");
  const stranger = await askFrom("https://evil.example.com", "GET");
  const refused = await runSlipway(["serve", "--cors-origins", "*"], { database: NOWHERE });

  expect(before.status).toBe(204);
  expect(before.headers.get("access-control-allow-headers")).toContain("authorization");
  expect(known.headers.get("access-control-allow-origin")).toBe("https://tools.example.com");
  expect(stranger.headers.get("access-control-allow-origin")).toBeNull();
  expect(refused).toExit(10);
});

test("a request that does not come to its end is given up", async () => {
  await using served = await startServe({ database: NOWHERE, schema: SCHEMA_FOLDER });
  const socket = connect(Number(new URL(served.origin).port), "127.0.0.1");
  socket.on("error", () => undefined).write("GET / HTTP/1.1\r\nhost: localhost\r\n");

  const isBroken = await new Promise((resolve) => socket.once("close", resolve).resume());

  expect(isBroken).toBe(false);
});

test("HEAD of the stream of events is not there: nobody would read it to its end", async () => {
  await using served = await startServe({ database: NOWHERE, schema: SCHEMA_FOLDER });

  expect((await served.ask("events", { method: "HEAD" })).status).toBe(404);
  expect((await served.ask("/healthz", { method: "HEAD" })).status).toBe(200);
});

async function rawGet(port: number, path: string, host: string): Promise<{ status: number; text: string }> {
  const { request } = await import("node:http");
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, headers: { host } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on("error", reject)
      .end();
  });
}
