import { createHash, randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, expect, inject, type TestContext, test } from "vitest";
import { type TestServer, urlOf } from "./server.ts";
import { waitFor } from "./wait.ts";

/** A further session on a test database, for what another program would do there. */
export interface Other extends AsyncDisposable {
  readonly pid: number;
  query<Row = Record<string, unknown>>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
}

export interface TestRole {
  readonly name: string;
  readonly url: string;
}

export interface TestDatabase extends AsyncDisposable {
  readonly server: TestServer;
  readonly name: string;
  /** As the superuser. */
  readonly url: string;
  query<Row = Record<string, unknown>>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
  /** The one value of a query of one row and column. */
  value<T = unknown>(sql: string, parameters?: readonly unknown[]): Promise<T>;
  openSession(): Promise<Other>;
  /** A login that is gone again with the database. */
  createRole(attributes?: string): Promise<TestRole>;
  /** A name for a role that something else makes; gone with the database as well. */
  nameRole(): string;
  /** Another database with the same content. */
  copy(): Promise<TestDatabase>;
}

/** One test on every server there is. */
export function onEachServer(
  name: string,
  body: (server: TestServer, context: TestContext) => Promise<void>,
  timeoutMs?: number,
): void {
  for (const server of inject("servers")) {
    test(`${name} [PostgreSQL ${server.major}]`, (context) => body(server, context), timeoutMs);
  }
}

/**
 * One test on one of the servers, its name decides on which: for what slipway does by itself, whatever the major.
 * `SLIPWAY_TEST_EACH=1` runs it on each of them.
 */
export function onSomeServer(
  name: string,
  body: (server: TestServer, context: TestContext) => Promise<void>,
  timeoutMs?: number,
): void {
  const servers = inject("servers");
  const chosen = createHash("sha256").update(name).digest().readUInt32BE(0) % servers.length;
  for (const server of process.env["SLIPWAY_TEST_EACH"] === "1"
    ? servers
    : servers.slice(chosen, chosen + 1)) {
    test(`${name} [PostgreSQL ${server.major}]`, (context) => body(server, context), timeoutMs);
  }
}

/** One test on the newest server: for what is the same on all of them. */
export function onNewestServer(
  name: string,
  body: (server: TestServer, context: TestContext) => Promise<void>,
  timeoutMs?: number,
): void {
  const [server] = inject("servers");
  if (server === undefined) throw new Error("there is no server");
  test(name, (context) => body(server, context), timeoutMs);
}

/** What slipway left on the server, of all databases of a test file. */
const leaks: string[] = [];

afterAll(() => {
  expect(leaks.splice(0)).toEqual([]);
});

/** A fresh database. Disposed, it is dropped, after a look at what slipway left running or locked in it. */
export async function openTestDatabase(server: TestServer, template = "template0"): Promise<TestDatabase> {
  const name = `t${randomBytes(6).toString("hex")}`;
  const url = urlOf(server, name);
  const roles: string[] = [];
  await onMaintenance(server, [`create database ${name} template ${template}`]);
  let own: pg.Client | undefined;
  const query = async <Row>(sql: string, parameters?: readonly unknown[]): Promise<Row[]> => {
    own ??= await connect(url, () => {
      own = undefined;
    });
    return rowsOf(await own.query(sql, parameters === undefined ? undefined : [...parameters]));
  };
  const nameRole = (): string => {
    const role = `r${randomBytes(6).toString("hex")}`;
    roles.push(role);
    return role;
  };
  return {
    server,
    name,
    url,
    query,
    async value<T>(sql: string, parameters?: readonly unknown[]): Promise<T> {
      const [row] = await query<Record<string, T>>(sql, parameters);
      const [value] = Object.values(row ?? {});
      return value as T;
    },
    async openSession() {
      const client = await connect(url);
      const [row] = rowsOf<{ pid: number }>(await client.query("select pg_backend_pid() as pid"));
      return {
        pid: row?.pid ?? 0,
        query: async <Row>(sql: string, parameters?: readonly unknown[]): Promise<Row[]> =>
          rowsOf(await client.query(sql, parameters === undefined ? undefined : [...parameters])),
        [Symbol.asyncDispose]: () => end(client),
      };
    },
    nameRole,
    async copy() {
      // Nobody may be connected to a template.
      if (own !== undefined) await end(own);
      own = undefined;
      return openTestDatabase(server, name);
    },
    async createRole(attributes = "") {
      const role = nameRole();
      const password = "the-role's-own";
      await query(`create role ${role} login password '${password.replaceAll("'", "''")}' ${attributes}`);
      return { name: role, url: urlOf(server, name, { user: role, password }) };
    },
    async [Symbol.asyncDispose]() {
      await collectLeaks(name, query);
      if (own !== undefined) await end(own);
      await onMaintenance(server, [
        `drop database ${name} with (force)`,
        ...roles.map((role) => `drop role if exists ${role}`),
      ]);
    },
  };
}

/** Statements on the database `postgres`, one by one. */
export async function onMaintenance(server: TestServer, statements: readonly string[]): Promise<void> {
  const client = await connect(urlOf(server, "postgres"));
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await end(client);
  }
}

async function connect(url: string, whenLost: () => void = () => undefined): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: "a test" });
  // A server that a test stops, or a session that it ends, is no surprise.
  client.on("error", whenLost);
  await client.connect();
  return client;
}

async function end(client: pg.Client): Promise<void> {
  await client.end().catch(() => undefined);
}

/** Several statements in one text give several results; the last one counts. */
function rowsOf<Row>(result: pg.QueryResult | pg.QueryResult[]): Row[] {
  const last = Array.isArray(result) ? result.at(-1) : result;
  return (last?.rows ?? []) as Row[];
}

const FIND_LEAKS = `
select 'session ' || a.pid || ' (' || a.application_name || ', ' || coalesce(a.state, '') || ': ' || a.query || ')' as leak
  from pg_stat_activity a
 where a.application_name like 'slipway%' and (a.datname = current_database() or a.datname like $1)
union all
select 'advisory lock ' || l.objid || ' of ' || l.pid
  from pg_locks l
 where l.locktype = 'advisory' and l.database = (select oid from pg_database where datname = current_database())
union all
select 'database ' || datname from pg_database where datname like $1`;

async function collectLeaks(name: string, query: TestDatabase["query"]): Promise<void> {
  const [row] = await query<{ oid: number }>(
    "select oid from pg_database where datname = current_database()",
  );
  const find = (): Promise<{ leak: string }[]> => query(FIND_LEAKS, [`slipway\\_shadow\\_${row?.oid}\\_%`]);
  // The server notices the end of a connection a moment after the process that had it is gone.
  const isClean = await waitFor(async () => (await find()).length === 0, 3_000).catch(() => false);
  if (isClean) return;
  const during = expect.getState().currentTestName ?? name;
  leaks.push(...(await find()).map(({ leak }) => `${during}: ${leak}`));
}
