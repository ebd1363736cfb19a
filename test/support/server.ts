import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { findFreePort } from "../../src/commands/embedded-server.ts";

/** The user that PostgreSQL runs as when the tests are root's; PostgreSQL itself refuses root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** A server that a test may use. Plain data: it goes from vitest's main process to its workers. */
export interface TestServer {
  readonly major: number;
  readonly port: number;
  /** Of the superuser `postgres`. */
  readonly password: string;
  /** Folder of `postgres`, `initdb` and, on a full installation, of `pg_basebackup` and the like. */
  readonly bin: string;
  /** A folder that the server's user may write to. */
  readonly folder: string;
  readonly account?: Account | undefined;
}

export interface RunningServer extends TestServer, AsyncDisposable {
  readonly pid: number;
}

const HOST = "127.0.0.1";
const START_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 30_000;

// Nothing of it has to outlive the tests, so nothing has to reach the disk.
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: HOST,
  unix_socket_directories: "",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  max_connections: "100",
  log_min_messages: "warning",
};

/** The account for servers, undefined where the tests run as an ordinary user. */
export function findAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((flag) => spawnSync("id", [flag, name], { encoding: "utf8" }));
    if (uid?.status === 0 && gid?.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error("PostgreSQL does not run as root, and there is neither a user postgres nor nobody");
}

/** Makes a folder that belongs to the server's user alone. */
export function makeServerFolder(path: string, account: Account | undefined): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (account !== undefined) chownSync(path, account.uid, account.gid);
  return path;
}

/** Runs one of PostgreSQL's programs to its end, as the server's user. */
export function runProgram(
  program: string,
  args: readonly string[],
  account: Account | undefined,
  env: Readonly<Record<string, string>> = {},
): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    ...account,
    cwd: "/",
    env: { PATH: process.env["PATH"], LC_ALL: "C", ...env },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr}`);
  return stdout;
}

/** Creates a cluster with password logins only, and starts it. `standby` makes it wait for WAL, read-only. */
export async function createCluster(options: {
  readonly bin: string;
  readonly folder: string;
  readonly account: Account | undefined;
  readonly standby?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
}): Promise<RunningServer> {
  const { bin, account } = options;
  const folder = makeServerFolder(options.folder, account);
  const password = "the-superuser's-own";
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account !== undefined) chownSync(passwordFile, account.uid, account.gid);
  const data = join(folder, "data");
  const initdb = [
    `--pgdata=${data}`,
    "--username=postgres",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
  ];
  runProgram(join(bin, "initdb"), [...initdb, "--encoding=UTF8", "--locale=C", "--no-sync"], account);
  if (options.standby === true) writeFileSync(join(data, "standby.signal"), "");
  return startServer({ bin, folder, account, password, settings: options.settings ?? {} });
}

/** Starts a server on the cluster in `folder`/data. Disposed, it has ended. */
export async function startServer(options: {
  readonly bin: string;
  readonly folder: string;
  readonly account: Account | undefined;
  readonly password: string;
  /** A free one unless given. */
  readonly port?: number;
  readonly settings?: Readonly<Record<string, string>>;
}): Promise<RunningServer> {
  const { bin, folder, account, password } = options;
  const data = join(folder, "data");
  const log = join(folder, "server.log");
  const port = options.port ?? (await findFreePort());
  const descriptor = openSync(log, "a");
  const settings = Object.entries({ ...SETTINGS, ...options.settings }).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
  const child = spawn(join(bin, "postgres"), ["-D", data, "-p", String(port), ...settings], {
    ...account,
    cwd: "/",
    env: { PATH: process.env["PATH"], LC_ALL: "C" },
    stdio: ["ignore", descriptor, descriptor],
  });
  closeSync(descriptor);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${bin}/postgres cannot be started`);
  // SIGINT is PostgreSQL's fast shutdown. However this process ends, the server must not stay.
  const endWithUs = (): void => void child.kill("SIGINT");
  process.once("exit", endWithUs);
  const major = Number.parseInt(readFileSync(join(data, "PG_VERSION"), "utf8"), 10);
  const stop = async (): Promise<void> => {
    process.removeListener("exit", endWithUs);
    await stopChild(child);
  };
  const server: RunningServer = {
    major,
    port,
    password,
    bin,
    folder,
    account,
    pid,
    [Symbol.asyncDispose]: stop,
  };
  try {
    await waitUntilUp(server, child, log);
  } catch (error) {
    await stop();
    throw error;
  }
  return server;
}

/** The URL of a database on the server, as the superuser unless another login is given. */
export function urlOf(
  server: Pick<TestServer, "port" | "password">,
  database: string,
  login: { readonly user: string; readonly password: string } = {
    user: "postgres",
    password: server.password,
  },
): string {
  const [user, password, name] = [login.user, login.password, database].map(encodeURIComponent);
  return `postgres://${user}:${password}@${HOST}:${server.port}/${name}`;
}

async function waitUntilUp(server: TestServer, child: ChildProcess, log: string): Promise<void> {
  const deadline = performance.now() + START_WITHIN_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: urlOf(server, "postgres") });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      const hasEnded = child.exitCode !== null || child.signalCode !== null;
      if (hasEnded || performance.now() > deadline) {
        throw new Error(`the server did not start: ${readFileSync(log, "utf8").slice(-2_000)}`, {
          cause: error,
        });
      }
      await sleep(50);
    }
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  if (hasEnded()) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGINT");
  const late = new AbortController();
  const force = sleep(STOP_WITHIN_MS, undefined, { signal: late.signal }).then(
    () => void child.kill("SIGQUIT"),
    () => undefined,
  );
  await ended;
  late.abort();
  await force;
}
