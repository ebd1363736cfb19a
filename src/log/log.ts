import { writeSync } from "node:fs";
import { type Logger, pino } from "pino";
import { redact } from "./redact.ts";

/** pino's logger: constant message, data in fields (`log.info({ path }, "Running user migrations...")`). */
export type Log = Logger;

export interface LogOptions {
  readonly level: string;
  readonly format: "json" | "pretty" | "auto";
  /** File descriptor that lines go to. Logs go to stderr; stdout is for results. */
  readonly fd: number;
  readonly isTerminal: boolean;
  readonly colour: boolean;
  /** The one of a list that this process is for: on every line. */
  readonly database?: string | undefined;
}

/**
 * Lines are written synchronously, so that the last one is out before the process ends, and pass through
 * the redactor.
 */
export function createLog(options: LogOptions): Log {
  const pretty = options.format === "pretty" || (options.format === "auto" && options.isTerminal);
  const destination = {
    write(line: string): void {
      writeAll(options.fd, redact(pretty ? toPretty(line, options.colour) : line));
    },
  };
  return pino(
    {
      level: options.level,
      base: options.database === undefined ? null : { database: options.database },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: "msg",
    },
    destination,
  );
}

/** A pipe whose reader is slow answers EAGAIN; the line must get out all the same. */
export function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += writeSync(fd, bytes, offset);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

const COLOURS: Readonly<Record<string, number>> = { warn: 33, error: 31, fatal: 31, debug: 90, trace: 90 };

/** `INFO Running user migrations... path=/migrations/user` */
function toPretty(line: string, colour: boolean): string {
  const { level, time: _time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const label = String(level).toUpperCase();
  const code = COLOURS[String(level)];
  const head = colour && code !== undefined ? `\u001b[${code}m${label}\u001b[0m` : label;
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${formatValue(value)}`);
  return `${head} ${String(msg)}${pairs.join("")}\n`;
}

function formatValue(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
