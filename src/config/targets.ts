import { type Problem, ProblemsError } from "../errors.ts";
import type { DatabaseInput, DatabaseReading, DatabaseTarget } from "./database.ts";
import { readDatabase } from "./database.ts";
import { findDatabaseVariables } from "./database-parameters.ts";
import { readDatabaseUrl } from "./database-url.ts";
import type { Given } from "./layers.ts";
import { SETTINGS } from "./settings.ts";

export interface Targets {
  readonly database?: DatabaseTarget | undefined;
  readonly shadow?: DatabaseTarget | undefined;
  readonly problems: readonly Problem[];
}

export interface TargetsInput extends Pick<DatabaseInput, "env" | "readFile"> {
  /** `refused`: it was given and already has its complaint; nothing else may stand in for it. */
  readonly url: Given | "refused" | undefined;
  readonly shadowUrl: Given | undefined;
  readonly needsDatabase: boolean;
}

export function readTargets(input: TargetsInput): Targets {
  const { shadowUrl, env, readFile } = input;
  const main = readMain(input);
  const shadow = shadowUrl === undefined ? undefined : readShadow(shadowUrl, { env, readFile });
  const problems = [...main.problems, ...(shadow?.problems ?? [])];
  if (shadowUrl !== undefined && isSame(main.target, shadow?.target)) {
    problems.push({
      at: shadowUrl.from,
      message: "names the database itself",
      hint: "name an empty one beside it",
    });
  }
  return { database: main.target, shadow: shadow?.target, problems };
}

function readMain({ url, env, readFile, needsDatabase }: TargetsInput): DatabaseReading {
  if (url === "refused") return { problems: [] };
  if (url === undefined && findDatabaseVariables(env).length === 0) {
    return { problems: needsDatabase ? [NO_DATABASE] : [] };
  }
  return readDatabase({ url, env, readFile });
}

const NO_DATABASE: Problem = {
  at: SETTINGS.database.env,
  message: "is not set, and neither are PGHOST, PGUSER and PGDATABASE",
  hint: `set ${SETTINGS.database.env}=postgres://user:password@host:5432/database or pass ${SETTINGS.database.flag}`,
};

// A development schema is built there, over whatever the place holds: that libpq's variables complete the
// URL to the real database must not happen.
const NOT_FOR_SHADOW = ["PGHOST", "PGPORT", "PGDATABASE", "PGHOSTADDR", "PGSERVICE"];

function readShadow(url: Given, { env, readFile }: Pick<DatabaseInput, "env" | "readFile">): DatabaseReading {
  const { parameters, complaints } = readDatabaseUrl(url.text);
  if (complaints.length === 0 && !(parameters.has("host") && parameters.has("dbname"))) {
    return { problems: [{ at: url.from, message: "must name both a host and a database" }] };
  }
  const ownEnv = Object.fromEntries(Object.entries(env).filter(([name]) => !NOT_FOR_SHADOW.includes(name)));
  return readDatabase({ url, env: ownEnv, readFile });
}

/** A server named by a flag of one command: its URL says all of it. Throws CONFIG_INVALID. */
export function readServer(flag: string, text: string): DatabaseTarget {
  const { target, problems } = readShadow({ text, from: flag }, { env: {} });
  if (target === undefined) throw new ProblemsError("CONFIG_INVALID", problems);
  return target;
}

function isSame(one: DatabaseTarget | undefined, other: DatabaseTarget | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return one.host === other.host && one.port === other.port && one.database === other.database;
}
