import type { Problem } from "../errors.ts";
import type { Parameter } from "./database-url.ts";
import { readDatabaseUrl } from "./database-url.ts";
import type { Given, Origin } from "./layers.ts";
import { toProblem } from "./layers.ts";
import type { Reader } from "./readers.ts";

/** libpq's variable for each parameter; what a URL leaves open comes from here. */
export const LIBPQ_VARIABLES: Readonly<Record<Parameter, string>> = {
  host: "PGHOST",
  port: "PGPORT",
  user: "PGUSER",
  password: "PGPASSWORD",
  passfile: "PGPASSFILE",
  dbname: "PGDATABASE",
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  channel_binding: "PGCHANNELBINDING",
  connect_timeout: "PGCONNECT_TIMEOUT",
  options: "PGOPTIONS",
  application_name: "PGAPPNAME",
};

// These two decide which server is meant: to pass over them would be to connect to another one.
const UNSUPPORTED: Readonly<Record<string, string>> = {
  PGHOSTADDR: "put the address into PGHOST",
  PGSERVICE: "set PGHOST, PGUSER and PGDATABASE",
};

type Env = Readonly<Record<string, string | undefined>>;

/** The variables of libpq that are set and say which database is meant. */
export function findDatabaseVariables(env: Env): readonly string[] {
  const naming = ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", ...Object.keys(UNSUPPORTED)];
  return naming.filter((name) => isSet(env[name]));
}

/** Connection parameters from a URL first and libpq's variables second, and what is wrong with them. */
export class DatabaseParameters {
  readonly problems: Problem[] = [];
  readonly #url: Given | undefined;
  readonly #fromUrl: ReadonlyMap<string, string>;
  readonly #env: Env;

  constructor(url: Given | undefined, env: Env) {
    const reading = url === undefined ? undefined : readDatabaseUrl(url.text);
    for (const complaint of reading?.complaints ?? []) {
      this.problems.push(toProblem(url?.from ?? "", complaint, undefined));
    }
    this.#url = url;
    this.#fromUrl = reading?.parameters ?? new Map();
    this.#env = env;
    if (!this.#fromUrl.has("host")) this.#refuseUnsupported();
  }

  find(name: Parameter): string | undefined {
    const inUrl = this.#fromUrl.get(name);
    const variable = this.#env[LIBPQ_VARIABLES[name]];
    if (isSet(inUrl)) return inUrl;
    return isSet(variable) ? variable : undefined;
  }

  read<T>(name: Parameter, reader: Reader<T>): T | undefined {
    const text = this.find(name);
    const reading = text === undefined ? undefined : reader(text);
    if (reading === undefined) return undefined;
    if ("value" in reading) return reading.value;
    this.complain(name, reading);
    return undefined;
  }

  complain(
    name: Parameter,
    { complaint, hint }: { readonly complaint: string; readonly hint?: string },
  ): void {
    const isInUrl = isSet(this.#fromUrl.get(name));
    const rest = hint === undefined ? {} : { hint };
    const at: Origin = isInUrl ? (this.#url?.from ?? name) : LIBPQ_VARIABLES[name];
    if (isInUrl) this.problems.push({ at, message: `the URL's ${name} ${complaint}`, ...rest });
    else this.problems.push(toProblem(at, { complaint, ...rest }, this.find(name)));
  }

  #refuseUnsupported(): void {
    for (const [variable, hint] of Object.entries(UNSUPPORTED)) {
      if (!isSet(this.#env[variable])) continue;
      this.problems.push({ at: variable, message: "is not supported by slipway", hint });
    }
  }
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}
