import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { expect, inject } from "vitest";
import type { TestDatabase } from "./database.ts";
import { writeFolder } from "./folder.ts";
import type { Account } from "./server.ts";

/** One line of the log; `msg` is stable, the fields carry the detail. */
export interface LogLine extends Readonly<Record<string, unknown>> {
  readonly level: string;
  readonly msg: string;
}

export interface SlipwayResult {
  /** Null when a signal ended the process. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly lines: readonly LogLine[];
  /** What stands on stderr and is no line of the log: a stack trace, a warning of Node's. */
  readonly stray: readonly string[];
  readonly ms: number;
}

export interface SlipwayOptions {
  readonly database?: TestDatabase | { readonly url: string };
  /** The folder of bootstrap.sql and schemas/; a small one unless given. */
  readonly schema?: string;
  readonly migrations?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** An empty folder unless given. */
  readonly cwd?: string;
  readonly account?: Account;
  readonly timeoutMs?: number;
  /** The path of slipway.js; the program that was built unless given. */
  readonly program?: string;
}

export interface SlipwayProcess extends AsyncDisposable {
  readonly pid: number;
  /** When the process has ended. */
  readonly result: Promise<SlipwayResult>;
  kill(signal: NodeJS.Signals): void;
  /** What it has written to stderr so far. */
  stderr(): string;
}

declare module "vitest" {
  interface Matchers<T> {
    /** The exit code; when it is another one, what slipway said is part of the failure. */
    toExit(code: number): T;
  }
}

expect.extend({
  toExit(result: SlipwayResult, code: number) {
    const { exitCode, signal, stderr, stdout } = result;
    return {
      pass: exitCode === code,
      actual: exitCode ?? signal,
      expected: code,
      message: () =>
        `expected exit code ${code}, not ${exitCode ?? signal}\nstdout:\n${stdout}\nstderr:\n${stderr}`,
    };
  },
});

const SMALL_SCHEMA = {
  "schemas/10_app.sql": "create schema app;\ncreate table app.things (id int primary key);\n",
};

/** Starts the built program in a process of its own, with nothing of this process's environment. */
export function startSlipway(args: readonly string[], options: SlipwayOptions = {}): SlipwayProcess {
  const { database, timeoutMs = 60_000 } = options;
  const start = performance.now();
  const child = spawn(process.execPath, [options.program ?? inject("program"), ...args], {
    ...options.account,
    cwd: options.cwd ?? writeFolder(),
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      // No ~/.pgpass.
      HOME: "/nonexistent",
      NODE_COMPILE_CACHE: join(dirname(inject("program")), "../cache"),
      SLIPWAY_CONNECT_WAIT: "10s",
      SLIPWAY_LOCK_WAIT: "30s",
      SLIPWAY_SCHEMA_PATH: options.schema ?? writeFolder(SMALL_SCHEMA),
      ...(database === undefined ? {} : { DATABASE_URL: database.url }),
      ...(options.migrations === undefined ? {} : { DB_USER_MIGRATIONS_PATH: options.migrations }),
      ...options.env,
    },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const result = new Promise<SlipwayResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, signal) => {
      clearTimeout(timer);
      resolve({ exitCode, signal, stdout, stderr, ...parseLog(stderr), ms: performance.now() - start });
    });
  });
  // Whoever is interested awaits it; a test that failed before that must not end as an unhandled rejection.
  result.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    result,
    kill: (signal) => void child.kill(signal),
    stderr: () => stderr,
    async [Symbol.asyncDispose]() {
      if (!hasEnded(child)) child.kill("SIGKILL");
      await result.catch(() => undefined);
    },
  };
}

/** Runs the built program to its end. */
export async function runSlipway(
  args: readonly string[],
  options: SlipwayOptions = {},
): Promise<SlipwayResult> {
  await using slipway = startSlipway(args, options);
  return await slipway.result;
}

/** The messages of the log, in order. */
export function messagesOf(result: SlipwayResult): readonly string[] {
  return result.lines.map(({ msg }) => msg);
}

/** The last line of the log, which says how the run went. */
export function lastLineOf(result: SlipwayResult): LogLine {
  const last = result.lines.at(-1);
  if (last === undefined) throw new Error(`nothing was logged: ${result.stderr}`);
  return last;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

export function parseLog(stderr: string): Pick<SlipwayResult, "lines" | "stray"> {
  const lines: LogLine[] = [];
  const stray: string[] = [];
  for (const line of stderr.split("\n").filter((each) => each !== "")) {
    try {
      lines.push(JSON.parse(line) as LogLine);
    } catch {
      stray.push(line);
    }
  }
  return { lines, stray };
}
