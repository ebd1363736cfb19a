import { join } from "node:path";
import { expect, test } from "vitest";
import { type Config, parseConfig } from "../../../src/config/config.ts";
import { formatProblem, ProblemsError } from "../../../src/errors.ts";

type Env = Readonly<Record<string, string>>;

/** As a mounted Secret lies there: the kubelet's own names begin with points. */
const SECRET: Env = {
  osprey: "postgres://app:s3cret-o@db/osprey\n",
  heron: "postgres://app:s3cret-h@db/heron",
  Wren: "postgres://app:s3cret-w@db/wren",
  "..data": "not a file",
  "..2026_01_02": "not a file",
};

const LIST = "/etc/databases";

function parse(env: Env, files: Env = SECRET, flags: Env = {}): Config {
  return parseConfig({
    flags,
    env: { SLIPWAY_DATABASES: LIST, ...env },
    needsDatabase: true,
    bundledSchemaPath: "/schema",
    readFile: (path) => Object.entries(files).find(([name]) => path === join(LIST, name))?.[1],
    listFolder: (path) => (path === LIST ? Object.keys(files) : undefined),
  });
}

function problemsOf(env: Env, files: Env = SECRET): readonly string[] {
  try {
    parse(env, files);
  } catch (error) {
    if (error instanceof ProblemsError && error.code === "CONFIG_INVALID")
      return error.problems.map(formatProblem);
    throw error;
  }
  return [];
}

test.each([
  ["0", "Wren", "wren"],
  ["1", "heron", "heron"],
  ["2", "osprey", "osprey"],
])(
  "pod %s of an Indexed Job takes the database of that place, in the order of bytes",
  (index, name, database) => {
    const config = parse({ JOB_COMPLETION_INDEX: index });

    expect(config.databaseName).toBe(name);
    expect(config.database?.database).toBe(database);
    expect(config.origins["database.url"]).toEqual({
      from: `${LIST}/${name}`,
      shown: `postgres://app:***@db:5432/${database}?sslmode=prefer`,
    });
  },
);

test("a name chooses, also in a pod that has an index", () => {
  const config = parse({ SLIPWAY_DATABASE_NAME: "osprey", JOB_COMPLETION_INDEX: "0" });

  expect(config.databaseName).toBe("osprey");
});

test("libpq's variables complete the URLs of a list, as they complete any", () => {
  const config = parse({ SLIPWAY_DATABASE_NAME: "heron", PGSSLMODE: "require" });

  expect(config.database?.ssl.mode).toBe("require");
});

test("a database by itself has no name in a list", () => {
  expect(parse({ SLIPWAY_DATABASES: "", DATABASE_URL: "postgres://u@db/x" }).databaseName).toBeUndefined();
});

const REFUSED: ReadonlyArray<readonly [what: string, env: Env, files: Env, problem: string]> = [
  [
    "nothing that chooses",
    {},
    SECRET,
    "SLIPWAY_DATABASES: lists Wren, heron, osprey, and nothing says which of them (set SLIPWAY_DATABASE_NAME, or run in an Indexed Job, which sets JOB_COMPLETION_INDEX)",
  ],
  [
    "an index beyond the list",
    { JOB_COMPLETION_INDEX: "3" },
    SECRET,
    "JOB_COMPLETION_INDEX: is 3, and the list counts from 0 to 2: Wren, heron, osprey (set completions of the Job to 3)",
  ],
  [
    "an index that is none",
    { JOB_COMPLETION_INDEX: "x" },
    SECRET,
    "JOB_COMPLETION_INDEX: is x, and the list counts from 0 to 2: Wren, heron, osprey (set completions of the Job to 3)",
  ],
  [
    "a name that is not in the list",
    { SLIPWAY_DATABASE_NAME: "hern" },
    SECRET,
    "SLIPWAY_DATABASE_NAME: names none of the list: Wren, heron, osprey (did you mean heron?)",
  ],
  [
    "a name without a list",
    { SLIPWAY_DATABASES: "", SLIPWAY_DATABASE_NAME: "heron", DATABASE_URL: "postgres://u@db/x" },
    SECRET,
    "SLIPWAY_DATABASE_NAME: names a database of a list, and there is none (set SLIPWAY_DATABASES)",
  ],
  [
    "one database beside the list",
    { DATABASE_URL: "postgres://u@db/x", JOB_COMPLETION_INDEX: "0" },
    SECRET,
    "SLIPWAY_DATABASES: stands beside database.url: there is one database, or a list of them (unset SLIPWAY_DATABASES or DATABASE_URL)",
  ],
  [
    "an empty folder",
    { JOB_COMPLETION_INDEX: "0" },
    { "..data": "" },
    "SLIPWAY_DATABASES: holds no file: /etc/databases",
  ],
  [
    "a folder that is not there",
    { SLIPWAY_DATABASES: "/nowhere", JOB_COMPLETION_INDEX: "0" },
    SECRET,
    "SLIPWAY_DATABASES: is no folder that can be read: /nowhere",
  ],
  [
    "a file that is no URL",
    { JOB_COMPLETION_INDEX: "0" },
    { heron: "mysql://app:s3cret@db/heron" },
    "/etc/databases/heron: must be a URL that starts with postgres:// or postgresql://",
  ],
  [
    "a name that could be no key of a ConfigMap",
    { JOB_COMPLETION_INDEX: "0" },
    { "heron one": "postgres://u@db/x" },
    "/etc/databases/heron one: must be a name of letters, digits, - _ and ., at most 63, with a letter or digit at both ends and no .json",
  ],
];
test.each(REFUSED)("%s is refused, and no secret is said", (_, env, files, problem) => {
  expect(problemsOf(env, files)).toEqual([problem]);
});
