import { spawnSync } from "node:child_process";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { memorySource } from "./command.mjs";
import { query } from "./database.mjs";
import { golangMigrateVersion, packageVersion, psqlVersion } from "./program.mjs";
import { SERVER_SETTINGS } from "./server.mjs";

/** What the numbers depend on, as pairs of name and words. */
export async function describeMachine(server, folder) {
  const processors = cpus();
  const [{ server_version: postgres }] = await query(server.url("postgres"), "show server_version");
  const settings = Object.entries(SERVER_SETTINGS).map(([name, value]) => `\`${name} = ${value}\``);
  return [
    ["Processor", `${processors[0]?.model.trim() ?? "unknown"}, ${processors.length} cores`],
    ["Memory", `${(totalmem() / 2 ** 30).toFixed(0)} GiB`],
    ["System", `${type()} ${release()}, data on ${fileSystem(folder)}`],
    ["Load when it began", loadavg()[0].toFixed(1)],
    ["Node", process.versions.node],
    ["PostgreSQL", `${postgres}, local TCP, no TLS, SCRAM`],
    ["Server settings", `fsync on; ${settings.join(", ")}`],
    ["slipway", packageVersion("slipway")],
    ["pg", packageVersion("pg")],
    ["pg-delta", packageVersion("@supabase/pg-delta")],
    ["psql", psqlVersion() ?? "none"],
    ["golang-migrate", golangMigrateVersion() ?? "none: not compared with"],
    ["Peak memory", memorySource],
  ];
}

function fileSystem(folder) {
  const { status, stdout } = spawnSync("stat", ["-f", "-c", "%T", folder], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : "an unknown file system";
}
