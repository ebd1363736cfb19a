import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseTarget } from "../config/database.ts";
import { SlipwayError } from "../errors.ts";
import { type ClientSettings, createClient, isTlsRefusal, tlsAttempts } from "./client.ts";
import { Session } from "./session.ts";
import { AUTHENTICATION, hasSqlState, isServerError, NOT_UP_YET } from "./sqlstate.ts";

/** Said while the server is not up: what the last attempt met, and how long the wait goes on. */
export interface ConnectProgress {
  readonly reason: string;
  readonly elapsedMs: number;
  readonly waitMs: number;
}

export interface ConnectOptions {
  readonly applicationName: string;
  readonly statementTimeoutMs: number;
  /** How long to go on trying while the server is not up. 0 means one attempt. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** May throw, which ends the waiting. */
  readonly onWait?: (progress: ConnectProgress) => Promise<void>;
}

const ATTEMPT_TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;
const SAY_EVERY_MS = 5_000;

/**
 * A session on the target once its server accepts connections.
 *
 * A server that is not up yet is waited for. A wrong password, a missing database and a broken
 * certificate are told at once: waiting does not mend them, and the pod that is restarted tries again.
 */
export async function openSession(target: DatabaseTarget, options: ConnectOptions): Promise<Session> {
  const start = performance.now();
  let pause = FIRST_PAUSE_MS;
  let nextWord = 0;
  for (;;) {
    options.signal.throwIfAborted();
    try {
      return await connectOnce(target, options);
    } catch (error) {
      if (error instanceof SlipwayError) throw error;
      const elapsedMs = performance.now() - start;
      if (!isNotUpYet(error)) throw explain(target, error);
      if (elapsedMs + pause > options.waitMs) throw unreachable(target, error, elapsedMs);
      if (elapsedMs >= nextWord) {
        await options.onWait?.({ reason: reasonOf(error), elapsedMs, waitMs: options.waitMs });
        nextWord = elapsedMs + SAY_EVERY_MS;
      }
    }
    await sleep(pause * (0.8 + Math.random() * 0.4), undefined, { signal: options.signal }).catch(() =>
      options.signal.throwIfAborted(),
    );
    pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS);
  }
}

async function connectOnce(target: DatabaseTarget, options: ConnectOptions): Promise<Session> {
  const settings: ClientSettings = {
    applicationName: options.applicationName,
    connectTimeoutMs: ATTEMPT_TIMEOUT_MS,
    statementTimeoutMs: options.statementTimeoutMs,
  };
  const attempts = await tlsAttempts(target);
  for (const [index, tls] of attempts.entries()) {
    const client = createClient(target, tls, settings);
    const parameters = new Map<string, string>();
    // The driver keeps ParameterStatus to itself; its connection hands each one on as an event.
    const wire = (client as unknown as { connection: NodeJS.EventEmitter }).connection;
    wire.on("parameterStatus", (message: { parameterName: string; parameterValue: string }) => {
      parameters.set(message.parameterName, message.parameterValue);
    });
    client.on("error", () => undefined);
    try {
      await client.connect();
      client.removeAllListeners("error");
      return new Session(client, target, parameters);
    } catch (error) {
      await client.end().catch(() => undefined);
      if (index + 1 < attempts.length && isTlsRefusal(error)) continue;
      throw error;
    }
  }
  throw new Error("no TLS attempt was made");
}

const SOCKET_NOT_UP: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EPIPE",
  "ENOENT",
]);

function isNotUpYet(error: unknown): boolean {
  if (isServerError(error)) return NOT_UP_YET.has(error.code);
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.every(isNotUpYet);
  if ("code" in error && typeof error.code === "string") return SOCKET_NOT_UP.has(error.code);
  return /timeout expired|Connection terminated/i.test(error.message);
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}

function unreachable(target: DatabaseTarget, error: unknown, elapsedMs: number): SlipwayError {
  const waited = elapsedMs < 1_000 ? "" : ` within ${Math.round(elapsedMs / 1_000)} s`;
  return new SlipwayError(
    "DATABASE_UNREACHABLE",
    `the server at ${target.describe} did not accept connections${waited}: ${reasonOf(error)}`,
    {
      cause: error,
      next: "check host, port and network policy; it is safe to run again, or raise SLIPWAY_CONNECT_WAIT",
    },
  );
}

function explain(target: DatabaseTarget, error: unknown): SlipwayError {
  const why = reasonOf(error);
  if (hasSqlState(error, AUTHENTICATION) || /password must be a string|no password/i.test(why)) {
    return new SlipwayError(
      "DATABASE_UNREACHABLE",
      `the server at ${target.describe} refused the login: ${why}`,
      {
        cause: error,
        next: "check user and password (DATABASE_URL, PGUSER, PGPASSWORD or the Secret behind them) and pg_hba.conf",
      },
    );
  }
  if (hasSqlState(error, new Set(["3D000"]))) {
    return new SlipwayError("DATABASE_UNREACHABLE", `the server is up, but ${why}`, {
      cause: error,
      next: `create it (\`create database ${JSON.stringify(target.database)}\`) or correct the database name`,
    });
  }
  if (hasSqlState(error, new Set(["08P01"])) && /unsupported startup parameter/i.test(why)) {
    return new SlipwayError(
      "UNSAFE_DATABASE",
      `a connection pooler stands in front of the database: ${why}`,
      {
        cause: error,
        next: "use a URL that goes directly to the server (not PgBouncer, port 6432, or a `-pooler` host)",
      },
    );
  }
  return new SlipwayError("DATABASE_UNREACHABLE", `cannot connect to ${target.describe}: ${why}`, {
    cause: error,
  });
}
