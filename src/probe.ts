import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { type ConfigWithDatabase, formatStatusTarget, parseConfig } from "./config/config.ts";
import { loadSettingsFile } from "./config/file.ts";
import { openSession } from "./postgres/connect.ts";
import { findUpToDate, readStanding, type Standing } from "./records/standing.ts";
import { RELEASE } from "./release.ts";
import { readSourceFiles } from "./source/files.ts";
import { quoteIdent } from "./sql/quote.ts";

const TIMEOUT = /^--timeout=\d+(?:ms|s|m|h)$/;

async function findNothingToDo(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  bundledSchemaPath: string,
): Promise<boolean> {
  const command = argv[0] ?? "run";
  if (command !== "run" && command !== "wait") return false;
  // How long to wait doesn't matter to a waiter that need not.
  const isPlain = argv.length < 2 || (argv.length === 2 && command === "wait" && TIMEOUT.test(argv[1] ?? ""));
  if (!isPlain) return false;
  const file = await loadSettingsFile({ env });
  const config = parseConfig({
    flags: {},
    env,
    file,
    needsDatabase: true,
    bundledSchemaPath,
    readFile: readIfThere,
    listFolder: listIfThere,
  });
  const session = await openSession(config.database, {
    applicationName: `slipway/${RELEASE} ${env["POD_NAME"] ?? hostname()}`,
    statementTimeoutMs: config.statementTimeoutMs,
    waitMs: 0,
    signal: AbortSignal.timeout(5_000),
  });
  const asking = readStanding(session, quoteIdent(config.stateSchema));
  // In good order also when the answer is not waited for: the server would log a connection that broke off.
  const closing = asking.catch(() => undefined).finally(() => session.close());
  const isAnswered = await answer(command, config, asking, env);
  if (!isAnswered) await closing;
  return isAnswered;
}

async function answer(
  command: "run" | "wait",
  config: ConfigWithDatabase,
  asking: Promise<Standing | undefined>,
  env: NodeJS.ProcessEnv,
): Promise<boolean> {
  const { createLog } = await import("./log/log.ts");
  const { COMPLETED, FILES_WORDS, READY, repeatWarnings, reportReady, reportUnchanged } = await import(
    "./report/unchanged.ts"
  );
  const { writeTermination } = await import("./report/termination.ts");
  const files = readSourceFiles(config, "ups");
  // Where a run is shown is no concern of a waiter.
  const shownIn = command === "run" ? formatStatusTarget(config) : undefined;
  const last = findUpToDate(await asking, files.hash, shownIn);
  if (last === undefined) return false;

  const isTerminal = process.stderr.isTTY === true;
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat,
    fd: 2,
    isTerminal,
    database: config.databaseName,
    colour: isTerminal && (env["NO_COLOR"] ?? "") === "",
  });
  for (const warning of files.warnings) log.warn({ at: warning.at }, warning.message);
  if (command === "run") {
    reportUnchanged(log, last);
  } else {
    repeatWarnings(log, last);
    reportReady(log, FILES_WORDS, 0);
  }
  writeTermination(config.terminationLog, {
    line: command === "run" ? COMPLETED : READY,
    code: "OK",
    exit: 0,
  });
  return true;
}

function listIfThere(path: string): string[] | undefined {
  try {
    return readdirSync(path);
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/**
 * The one thing that a restarted pod mostly needs: `slipway run`, or `wait`, on a database that is up to date. True
 * when that was the case and is said; on anything else, errors included, false, and the program itself
 * starts from the beginning. So nothing is decided here but that there is nothing to do.
 *
 * It is a file of its own, with little in it, because starting Node and compiling the program would take
 * longer than asking; what else is needed is loaded while the server thinks.
 */
export async function probe(bundledSchemaPath: string): Promise<boolean> {
  return findNothingToDo(process.argv.slice(2), process.env, bundledSchemaPath).catch(() => false);
}
