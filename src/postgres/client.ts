import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { Client, Connection } from "pg";
import type { DatabaseTarget } from "../config/database.ts";
import { SlipwayError } from "../errors.ts";

/**
 * Settings pinned for every session of slipway, sent in the startup packet so that a `RESET ALL`
 * returns to them.
 *
 * TimeZone, DateStyle and IntervalStyle decide how PostgreSQL deparses constants, and so the text that
 * schemas are compared by; a role or a database may have set them to anything. A frozen pod must not
 * hold locks for ever (idle_in_transaction_session_timeout), yet may sit idle while it waits for its
 * turn (idle_session_timeout). client_connection_check_interval ends the statement of a client that died.
 */
const PINNED: Readonly<Record<string, string>> = {
  TimeZone: "UTC",
  DateStyle: "ISO,MDY",
  IntervalStyle: "postgres",
  client_encoding: "UTF8",
  default_transaction_isolation: "read\\ committed",
  idle_in_transaction_session_timeout: "5min",
  idle_session_timeout: "0",
  client_connection_check_interval: "5s",
  tcp_keepalives_idle: "30",
  tcp_keepalives_interval: "10",
  tcp_keepalives_count: "3",
};

export const PINNED_NAMES: readonly string[] = [...Object.keys(PINNED), "statement_timeout"];

/** Of the pinned ones, what decides how constants are written, as ParameterStatus reports it. */
export const REPORTED: Readonly<Record<string, string>> = {
  TimeZone: "UTC",
  DateStyle: "ISO, MDY",
  IntervalStyle: "postgres",
  client_encoding: "UTF8",
};

export interface ClientSettings {
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

/**
 * When the network swallows everything, a client that only waits for an answer never hears of it. Left to
 * itself, Linux asks after two hours; the server's settings above are for the server's end.
 */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 30_000 } as const;

type TlsAttempt = false | ConnectionOptions;

/**
 * The order of attempts that libpq makes for an sslmode (PostgreSQL manual, "SSL Support", table of
 * modes). `require` encrypts without checking the certificate, unless a root certificate is given, as
 * libpq does for compatibility.
 */
export async function tlsAttempts(target: DatabaseTarget): Promise<readonly TlsAttempt[]> {
  if (target.host.startsWith("/")) return [false];
  const { mode, rootCert, cert, key } = target.ssl;
  const files: ConnectionOptions = {
    ...(rootCert === undefined ? {} : { ca: await readAuthorities(rootCert) }),
    ...(cert === undefined ? {} : { cert: readPem(cert, "sslcert") }),
    ...(key === undefined ? {} : { key: readPem(key, "sslkey") }),
  };
  const unchecked: ConnectionOptions = { ...files, rejectUnauthorized: false };
  const chainOnly: ConnectionOptions = { ...files, checkServerIdentity: () => undefined };
  switch (mode) {
    case "disable":
      return [false];
    case "allow":
      return [false, unchecked];
    case "prefer":
      return [unchecked, false];
    case "require":
      return [rootCert === undefined ? unchecked : chainOnly];
    case "verify-ca":
      return [chainOnly];
    default:
      return [files];
  }
}

function readPem(path: string, setting: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    throw new SlipwayError("CONFIG_INVALID", `the file of ${setting}, ${path}, cannot be read: ${why}`, {
      cause,
      next: `check the path and its mount (PG${setting.toUpperCase()}, or ${setting} in DATABASE_URL)`,
    });
  }
}

async function readAuthorities(rootCert: string): Promise<string | string[]> {
  if (rootCert !== "system") return readPem(rootCert, "sslrootcert");
  // Loaded when it is asked for: a connection in clear has no use for it, and a run with nothing to do is short.
  const { getCACertificates } = await import("node:tls");
  return getCACertificates("system");
}

/** Of the driver's connection, what its types leave out. */
interface Wire {
  readonly stream: NodeJS.EventEmitter;
  connect(port: number, host: string): void;
  attachListeners(stream: NodeJS.EventEmitter): void;
  emit(event: "sslconnect"): void;
}

/**
 * `prefer` as libpq does it: a server without TLS answers `N` to the request, and the same socket goes on
 * in clear (PostgreSQL manual, "SSL Session Encryption"). The driver would give up and need a second one.
 */
function createPreferTls(tls: ConnectionOptions): Connection {
  const connection = new Connection({ ssl: tls, ...KEEP_ALIVE });
  const wire = connection as unknown as Wire;
  const connect = wire.connect.bind(wire);
  wire.connect = (port, host) => {
    connect(port, host);
    const [whenAnswered] = wire.stream.listeners("data");
    wire.stream.removeAllListeners("data");
    wire.stream.once("data", (answer: Buffer) => {
      if (answer.toString("latin1") !== "N") {
        whenAnswered?.call(wire.stream, answer);
        return;
      }
      wire.attachListeners(wire.stream);
      wire.emit("sslconnect");
    });
  };
  return connection;
}

/** A driver client for the target, not yet connected. */
export function createClient(target: DatabaseTarget, tls: TlsAttempt, settings: ClientSettings): Client {
  const pinned = { ...PINNED, statement_timeout: String(settings.statementTimeoutMs) };
  const options = Object.entries(pinned).map(([name, value]) => `-c ${name}=${value}`);
  return new Client({
    host: target.host,
    port: target.port,
    user: target.user,
    // An empty password keeps the driver from looking for one by itself: config is the only reader.
    password: target.password ?? "",
    database: target.database,
    ssl: tls,
    application_name: settings.applicationName,
    options: [...(target.options === undefined ? [] : [target.options]), ...options].join(" "),
    connectionTimeoutMillis: settings.connectTimeoutMs,
    ...KEEP_ALIVE,
    ...(tls !== false && target.ssl.mode === "prefer" ? { connection: createPreferTls(tls) } : {}),
  });
}

/** True when the other encryption is worth a try: the server has no TLS, or its rules refused this one. */
export function isTlsRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.message.includes("does not support SSL") ||
    error.message.includes("no pg_hba.conf entry") ||
    error.message.includes("pg_hba.conf rejects")
  );
}
