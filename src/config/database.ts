import type { Problem } from "../errors.ts";
import { DatabaseParameters } from "./database-parameters.ts";
import type { Given } from "./layers.ts";
import type { PasswordQuery } from "./passfile.ts";
import { findPassword } from "./passfile.ts";
import { oneOf, port, seconds } from "./readers.ts";

const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;

export type SslMode = (typeof SSL_MODES)[number];

export interface SslSettings {
  /** `disable` over a Unix socket, whatever was asked for: PostgreSQL has no TLS there. */
  readonly mode: SslMode;
  /** A path, or the word `system` for the certificates of the operating system. */
  readonly rootCert?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** One database, with all that is needed to connect to it. */
export interface DatabaseTarget {
  /** A name, an address without brackets, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database: string;
  readonly ssl: SslSettings;
  readonly channelBinding?: "disable" | "prefer" | "require";
  /** For one attempt; absent: no limit was asked for. */
  readonly connectTimeoutMs?: number;
  readonly options?: string;
  readonly applicationName?: string;
  /** `host:port/db as user`, for people; without the password. */
  readonly describe: string;
}

export interface DatabaseInput {
  readonly url?: Given | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Gives the text of a password file, nothing where there is none. */
  readonly readFile?: ((path: string) => string | undefined) | undefined;
}

export interface DatabaseReading {
  /** Absent when something is wrong with it. */
  readonly target?: DatabaseTarget;
  readonly problems: readonly Problem[];
}

export function readDatabase(input: DatabaseInput): DatabaseReading {
  const given = new DatabaseParameters(input.url, input.env);
  const { problems } = given;
  const host = given.find("host") ?? "localhost";
  if (host.includes(",")) given.complain("host", { complaint: "must be one host", hint: "name the primary" });
  const portNumber = given.read("port", port) ?? 5432;
  const ssl = readSsl(given, host.startsWith("/"));
  const channelBinding = given.read("channel_binding", oneOf("disable", "prefer", "require"));
  const connectTimeoutMs = given.read("connect_timeout", seconds);
  const options = given.find("options");
  const applicationName = given.find("application_name");

  // libpq asks the operating system who runs it; the environment mostly knows it too.
  const { USER: systemUser = "" } = input.env;
  const user = given.find("user") ?? systemUser;
  if (user === "" && problems.length === 0) {
    problems.push({
      at: input.url?.from ?? "PGUSER",
      message: "names no user to connect as",
      hint: "set PGUSER",
    });
  }
  if (problems.length > 0) return { problems };

  const database = given.find("dbname") ?? user;
  const query: PasswordQuery = { host, port: portNumber, database, user };
  const password = given.find("password") ?? passwordFromFile(given.find("passfile"), query, input);
  const target: DatabaseTarget = {
    host,
    port: portNumber,
    user,
    ...(password === undefined ? {} : { password }),
    database,
    ssl,
    ...(channelBinding === undefined ? {} : { channelBinding }),
    // 0 is libpq's way to say that there is no limit.
    ...(connectTimeoutMs === undefined || connectTimeoutMs === 0 ? {} : { connectTimeoutMs }),
    ...(options === undefined ? {} : { options }),
    ...(applicationName === undefined ? {} : { applicationName }),
    describe: `${bracketed(host)}:${portNumber}/${database} as ${user}`,
  };
  return { target, problems };
}

function readSsl(given: DatabaseParameters, isSocket: boolean): SslSettings {
  const asked = given.read("sslmode", oneOf(...SSL_MODES));
  const rootCert = given.find("sslrootcert");
  const cert = given.find("sslcert");
  const key = given.find("sslkey");
  // As in libpq: anyone can get a certificate that some public authority signs, so that with those only
  // the check of the host's name means anything.
  const isSystem = rootCert === "system";
  if (isSystem && asked !== undefined && asked !== "verify-full") {
    given.complain("sslmode", { complaint: "must be verify-full where sslrootcert is system" });
  }
  if ((cert === undefined) !== (key === undefined)) {
    given.complain(cert === undefined ? "sslkey" : "sslcert", {
      complaint: "must come with both sslcert and sslkey",
    });
  }
  const mode = asked ?? (isSystem ? "verify-full" : "prefer");
  return {
    mode: isSocket ? "disable" : mode,
    ...(rootCert === undefined ? {} : { rootCert }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

// Without complaint when there is no such file: libpq's manner, and there are logins without a password.
function passwordFromFile(
  passfile: string | undefined,
  query: PasswordQuery,
  input: DatabaseInput,
): string | undefined {
  const { HOME: home = "" } = input.env;
  const file = passfile ?? (home === "" ? undefined : `${home}/.pgpass`);
  const text = file === undefined ? undefined : input.readFile?.(file);
  return text === undefined ? undefined : findPassword(text, query);
}

/** As a URL with `***` for the password: `postgres://app:***@db:5432/shop?sslmode=require`. */
export function formatTarget(target: DatabaseTarget): string {
  const { host, user, password, database, ssl } = target;
  const isSocket = host.startsWith("/");
  const login = `${encodeURIComponent(user)}${password === undefined ? "" : ":***"}`;
  const address = isSocket ? "" : `${bracketed(host)}:${target.port}`;
  const query = isSocket ? `host=${host}&port=${target.port}` : `sslmode=${ssl.mode}`;
  return `postgres://${login}@${address}/${encodeURIComponent(database)}?${query}`;
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("/") ? `[${host}]` : host;
}
