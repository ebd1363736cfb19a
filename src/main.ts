import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { parseCommandLine } from "./cli/cli.ts";
import type { Conclusion, Environment } from "./commands/environment.ts";
import { parseConfig } from "./config/config.ts";
import { loadSettingsFile } from "./config/file.ts";
import { SETTINGS } from "./config/settings.ts";
import { ERRORS, SlipwayError } from "./errors.ts";
import { createLog, type Log, type LogOptions, writeAll } from "./log/log.ts";
import { keepSecret } from "./log/redact.ts";
import { type Ending, writeTermination } from "./report/termination.ts";

const { argv, env, stderr, stdout, stdin } = process;
const STDERR = 2;
const STDOUT = 1;

const colour = (isTerminal: boolean): boolean => isTerminal && (env["NO_COLOR"] ?? "") === "";
const logOptions = (level: string, format: LogOptions["format"]): LogOptions => ({
  level,
  format,
  fd: STDERR,
  isTerminal: stderr.isTTY === true,
  colour: colour(stderr.isTTY === true),
});
// Until the configuration is known; what is wrong with it must be said as well.
const isFormat = (text: string | undefined): text is "json" | "pretty" =>
  text === "json" || text === "pretty";
const format = isFormat(env["SLIPWAY_LOG_FORMAT"]) ? env["SLIPWAY_LOG_FORMAT"] : "auto";
let options = logOptions("info", format);
let log: Log = createLog(options);

let terminationLog: string | undefined = env["SLIPWAY_TERMINATION_LOG"] ?? SETTINGS.terminationLog.fallback;

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    // The second one ends at once. Left to the default it would not: the kernel spares process 1.
    if (stop.signal.aborted) process.exit(ERRORS.INTERRUPTED.exit);
    stop.abort(new SlipwayError("INTERRUPTED", `stopped by ${signal}`));
  });
}

async function main(): Promise<number | Conclusion> {
  const write = (text: string): void => writeAll(STDOUT, text);
  const invocation = await parseCommandLine(argv.slice(2), write);
  if (invocation === undefined) return 0;
  const { flags, needsDatabase, json, perform } = invocation;
  const configFlag = flags["config"];
  const file = await loadSettingsFile({
    env,
    ...(typeof configFlag === "string" ? { flag: configFlag } : {}),
  });
  const bundledSchemaPath = fileURLToPath(new URL("../schema", import.meta.url));
  const config = parseConfig({
    flags,
    env,
    file,
    needsDatabase,
    bundledSchemaPath,
    readFile: readIfThere,
    listFolder: listIfThere,
  });
  keepSecret(config.database?.password);
  keepSecret(config.shadow?.password);
  for (const value of Object.values(config.vars)) keepSecret(value.length >= 8 ? value : undefined);
  options = { ...logOptions(config.logLevel, config.logFormat), database: config.databaseName };
  log = createLog(options);
  terminationLog = config.terminationLog;
  const environment: Environment = {
    config,
    log,
    out: { write, isTerminal: stdout.isTTY === true, colour: colour(stdout.isTTY === true) },
    json,
    signal: stop.signal,
    pod: env["POD_NAME"] ?? env["HOSTNAME"] ?? hostname(),
    env,
    ask: stdin.isTTY === true && stderr.isTTY === true ? askAtTerminal : undefined,
  };
  return perform(environment);
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

async function askAtTerminal(question: string): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: stdin, output: stderr });
  try {
    return await terminal.question(question, { signal: stop.signal });
  } finally {
    terminal.close();
  }
}

/** The one place where an ending becomes a last line, a termination message and an exit code. */
async function conclude(conclusion: number | Conclusion): Promise<void> {
  const { endingOfAnswer, endingOfFailure } = await import("./report/ending.ts");
  let ending: Ending;
  if (typeof conclusion === "number") {
    ending = endingOfAnswer(conclusion);
  } else if ("line" in conclusion) {
    ending = { code: "OK", exit: 0, ...conclusion };
  } else {
    const { logFailure } = await import("./report/log-failure.ts");
    ending = endingOfFailure(logFailure(log, conclusion.error, options), conclusion.runId);
  }
  writeTermination(terminationLog, ending);
  process.exitCode = ending.exit;
}

await conclude(await main().catch((error: unknown) => ({ error, runId: undefined })));
// A handle that something forgot must not keep the pod waiting.
setTimeout(() => process.exit(), 1_000).unref();
