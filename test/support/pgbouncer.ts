import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { findFreePort } from "../../src/commands/embedded-server.ts";
import type { Between } from "./between.ts";
import type { TestDatabase, TestRole } from "./database.ts";
import { makeServerFolder } from "./server.ts";
import { waitFor } from "./wait.ts";

/** Undefined where it is not installed. */
export function findPgBouncer(): string | undefined {
  return ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"].find(existsSync);
}

/** A PgBouncer of its own in front of the database, for the role; `settings` are lines of its `[pgbouncer]` section. */
export async function openPgBouncer(
  program: string,
  database: TestDatabase,
  role: TestRole,
  settings: readonly string[],
): Promise<Between> {
  const { server } = database;
  const port = await findFreePort();
  const folder = makeServerFolder(join(server.folder, `pgbouncer-${port}`), server.account);
  const { password } = new URL(role.url);
  const [users, ini, log] = ["users.txt", "pgbouncer.ini", "log"].map((name) => join(folder, name));
  // In clear: with a verifier alone it could not log in at the server by scram-sha-256.
  writeFileSync(`${users}`, `"${role.name}" "${decodeURIComponent(password)}"\n`);
  writeFileSync(
    `${ini}`,
    `[databases]
${database.name} = host=127.0.0.1 port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
logfile = ${log}
${settings.join("\n")}
`,
  );
  if (server.account !== undefined) spawnSync("chown", ["-R", String(server.account.uid), folder]);
  const child = spawn(program, ["-q", `${ini}`], { ...server.account, cwd: "/", stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const url = new URL(role.url);
  url.port = String(port);
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  try {
    await waitFor(() => canLogIn(url.href), 10_000);
  } catch (error) {
    await stop();
    throw new Error(existsSync(`${log}`) ? readFileSync(`${log}`, "utf8") : "no log", { cause: error });
  }
  return { url: url.href, [Symbol.asyncDispose]: stop };
}

async function canLogIn(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
