import { didYouMean, findNearest } from "./nearest.ts";

/**
 * libpq's reading of a connection URL, into parameters by libpq's names.
 *
 * No complaint quotes the URL. A password with an unescaped `/`, `@` or `?` shifts all the borders in it, so
 * that any part, and not only the one after the first colon, may be a piece of the password.
 */
export interface UrlReading {
  readonly parameters: ReadonlyMap<string, string>;
  readonly complaints: readonly Complaint[];
}

export interface Complaint {
  readonly complaint: string;
  readonly hint?: string;
}

/** What slipway acts upon. */
const SUPPORTED = [
  "host",
  "port",
  "user",
  "password",
  "passfile",
  "dbname",
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "channel_binding",
  "connect_timeout",
  "options",
  "application_name",
] as const;

export type Parameter = (typeof SUPPORTED)[number];

// What hosting providers and other drivers put into their URLs and a single short session can do without.
// Where a list stands, other values would change what is connected to, or how safely.
const IGNORED: Readonly<Record<string, readonly string[] | "any value">> = {
  keepalives: "any value",
  keepalives_idle: "any value",
  keepalives_interval: "any value",
  keepalives_count: "any value",
  tcp_user_timeout: "any value",
  fallback_application_name: "any value",
  sslcompression: "any value",
  sslsni: "any value",
  uselibpqcompat: "any value",
  client_encoding: ["auto", "utf8", "UTF8", "utf-8", "UTF-8"],
  gssencmode: ["disable", "prefer"],
  sslnegotiation: ["postgres"],
  target_session_attrs: ["any", "read-write", "primary"],
};

const UNSUPPORTED = new Set([
  "hostaddr",
  "service",
  "servicefile",
  "replication",
  "requirepeer",
  "require_auth",
  "krbsrvname",
  "gsslib",
  "gssdelegation",
  "sslcertmode",
  "sslcrl",
  "sslcrldir",
  "sslpassword",
  "ssl_min_protocol_version",
  "ssl_max_protocol_version",
  "min_protocol_version",
  "max_protocol_version",
  "load_balance_hosts",
]);

export function readDatabaseUrl(url: string): UrlReading {
  const [, rest = ""] = /^postgres(?:ql)?:\/\/(.*)$/s.exec(url) ?? [];
  const [, userinfo, afterUser = ""] = /^(?:([^@/]*)@)?(.*)$/s.exec(rest) ?? [];
  if (afterUser.includes("@")) {
    return refuse(
      "holds an @ after the host",
      "in user, password and parameters write @ as %40 and / as %2F",
    );
  }
  const [, hosts = "", path, query] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(afterUser) ?? [];
  if (hosts.includes(","))
    return refuse("names several hosts; slipway supports one host", "name the primary");
  const [matched, host, port] = /^(\[[^\]]+\]|[^:[\]]*)(?::(.*))?$/s.exec(hosts) ?? [];
  if (matched === undefined)
    return refuse("has a host that is no name and no address", "write IPv6 in brackets");
  if (port !== undefined && !/^\d*$/.test(port)) {
    return refuse(
      "has a port that is no number",
      "write IPv6 in brackets, and in user and password / as %2F",
    );
  }

  const raw = new Map<string, string>();
  const complaints: Complaint[] = [];
  const setUnlessEmpty = (name: Parameter, text: string | undefined): void => {
    if (text !== undefined && text !== "") raw.set(name, text);
  };
  const [, user, password] = /^([^:]*)(?::(.*))?$/s.exec(userinfo ?? "") ?? [];
  setUnlessEmpty("user", user);
  setUnlessEmpty("password", password);
  setUnlessEmpty("host", host?.replace(/^\[(.*)\]$/, "$1"));
  setUnlessEmpty("port", port);
  setUnlessEmpty("dbname", path);
  for (const pair of query === undefined || query === "" ? [] : query.split("&")) {
    const [name = "", value, ...more] = pair.split("=");
    if (value === undefined || more.length > 0) {
      complaints.push({ complaint: "has a parameter that is not name=value" });
      continue;
    }
    addParameter(name, value, raw, complaints);
  }
  return decodeAll(raw, complaints);
}

function addParameter(name: string, value: string, raw: Map<string, string>, complaints: Complaint[]): void {
  const ignored = IGNORED[name];
  if (isSupported(name)) {
    raw.set(name, value);
  } else if (name === "ssl" && value === "true") {
    // JDBC's manner, which libpq takes too.
    raw.set("sslmode", "require");
  } else if (ignored !== undefined) {
    if (ignored === "any value" || ignored.includes(value)) return;
    complaints.push({ complaint: `has a ${name} that slipway does not support`, hint: ignored.join(" or ") });
  } else if (UNSUPPORTED.has(name)) {
    complaints.push({ complaint: `has the parameter ${name}, which slipway does not support` });
  } else {
    const shown = /^[A-Za-z_]{1,40}$/.test(name) ? `the unknown parameter ${name}` : "an unknown parameter";
    complaints.push({ complaint: `has ${shown}`, ...didYouMean(findNearest(name, SUPPORTED)) });
  }
}

function isSupported(name: string): name is Parameter {
  return SUPPORTED.some((known) => known === name);
}

function decodeAll(raw: ReadonlyMap<string, string>, complaints: Complaint[]): UrlReading {
  const parameters = new Map<string, string>();
  for (const [name, text] of raw) {
    const decoded = decode(text);
    if (decoded === undefined) {
      complaints.push({ complaint: `has a ${name} with a wrong %-escape`, hint: "write % itself as %25" });
    } else {
      parameters.set(name, decoded);
    }
  }
  return { parameters, complaints };
}

function decode(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text);
    return decoded.includes("\0") ? undefined : decoded;
  } catch {
    return undefined;
  }
}

function refuse(complaint: string, hint: string): UrlReading {
  return { parameters: new Map(), complaints: [{ complaint, hint }] };
}
