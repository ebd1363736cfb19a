import { expect, test } from "vitest";
import type { Config, ConfigInput } from "../../../src/config/config.ts";
import { parseConfig } from "../../../src/config/config.ts";
import { parseSettingsFile } from "../../../src/config/file.ts";
import { formatProblem, ProblemsError } from "../../../src/errors.ts";

const DATABASE = "postgres://app:s3cret@db/shop";

function parse(input: Partial<ConfigInput> = {}): Config {
  return parseConfig({ flags: {}, env: {}, bundledSchemaPath: "/bundled", needsDatabase: false, ...input });
}

function problemsOf(input: Partial<ConfigInput>): readonly string[] {
  try {
    parse(input);
  } catch (error) {
    if (error instanceof ProblemsError && error.code === "CONFIG_INVALID")
      return error.problems.map(formatProblem);
    throw error;
  }
  return [];
}

test("with nothing set the defaults are in force", () => {
  expect(parse()).toEqual({
    database: undefined,
    shadow: undefined,
    schemaPath: "/bundled",
    migrationsPath: undefined,
    migrationPlaceholders: false,
    outOfOrder: "warn",
    missing: "warn",
    gap: "warn",
    approve: [],
    connectWaitMs: 300_000,
    lockWaitMs: 900_000,
    waitTimeoutMs: 600_000,
    lockTimeoutMs: 5_000,
    statementTimeoutMs: 0,
    stateSchema: "migrations",
    statusConfigMap: undefined,
    terminationLog: "/dev/termination-log",
    logLevel: "info",
    logFormat: "auto",
    drift: "apply",
    extras: "keep",
    onOlder: "keep",
    serve: {
      listen: { host: "127.0.0.1", port: 8080 },
      healthListen: undefined,
      tokensFile: undefined,
      tokens: "",
      corsOrigins: [],
      kubernetesAuth: false,
    },
    lintRules: {},
    vars: {},
    origins: expect.any(Object),
  });
});

test("a flag wins over the environment, the environment over the file, the file over the default", async () => {
  const file = await parseSettingsFile("slipway.yaml", "lockWait: 1s\nconnectWait: 1s\nlockTimeout: 1s\n");
  const config = parse({
    flags: { lockWait: "3s" },
    env: { SLIPWAY_LOCK_WAIT: "2s", SLIPWAY_CONNECT_WAIT: "2s" },
    file,
  });

  expect(config).toMatchObject({
    lockWaitMs: 3_000,
    connectWaitMs: 2_000,
    lockTimeoutMs: 1_000,
    statementTimeoutMs: 0,
  });
  expect(config.origins).toMatchObject({
    lockWait: { from: "--lock-wait", shown: "3s" },
    connectWait: { from: "SLIPWAY_CONNECT_WAIT", shown: "2s" },
    lockTimeout: { from: { file: "slipway.yaml", line: 3, column: 14 }, shown: "1s" },
    statementTimeout: { from: "default", shown: "off" },
  });
});

test("every problem is reported at once, each with where the value came from", async () => {
  const text = [
    "log:",
    "  level: loud",
    "lockwait: 5m",
    "database:",
    "  ulr: x",
    "colour: red",
    "status: x",
  ].join("\n");
  const file = await parseSettingsFile("slipway.yaml", text);
  const env = { SLIPWAY_LOCK_WAIT: "soon", SLIPWAY_LOG_FROMAT: "json", SLIPWAY_VAR_: "x" };

  expect(problemsOf({ flags: { extras: "lose" }, env, file, needsDatabase: true })).toEqual([
    "DATABASE_URL: is not set, and neither are PGHOST, PGUSER and PGDATABASE (set DATABASE_URL=postgres://user:password@host:5432/database or pass --database-url)",
    'SLIPWAY_LOCK_WAIT: must look like 500ms, 30s, 5m or 1h, not "soon"',
    'slipway.yaml:2:10: must be trace, debug, info, warn, error, fatal or silent, not "loud"',
    '--extras: must be keep or drop, not "lose"',
    "SLIPWAY_VAR_: must end in the name of a placeholder, such as APP_USER",
    "SLIPWAY_LOG_FROMAT: is not a setting of slipway (did you mean SLIPWAY_LOG_FORMAT?)",
    "slipway.yaml:3:1: unknown setting lockwait (did you mean lockWait?)",
    "slipway.yaml:5:3: unknown setting database.ulr (did you mean database.url?)",
    "slipway.yaml:6:1: unknown setting colour",
    "slipway.yaml:7:1: status is a group of settings: status.configMap",
  ]);
});

test("what is wrong with the file itself is reported together with the rest", async () => {
  const file = await parseSettingsFile("slipway.yaml", "a: 1\na: 2");

  expect(problemsOf({ file, env: { SLIPWAY_DRIFT: "x" } })).toEqual([
    "slipway.yaml:2:1: map keys must be unique",
    'SLIPWAY_DRIFT: must be apply, refuse or warn, not "x"',
  ]);
});

const EMPTY: ReadonlyArray<readonly [variable: string, key: keyof Config, value: unknown]> = [
  ["SLIPWAY_SCHEMA_PATH", "schemaPath", undefined],
  ["DB_USER_MIGRATIONS_PATH", "migrationsPath", undefined],
  ["SLIPWAY_APPROVE", "approve", []],
  ["SLIPWAY_STATUS_CONFIGMAP", "statusConfigMap", undefined],
  ["SLIPWAY_LOCK_WAIT", "lockWaitMs", 900_000],
  ["SLIPWAY_LOG_LEVEL", "logLevel", "info"],
  ["SLIPWAY_STATE_SCHEMA", "stateSchema", "migrations"],
  ["DATABASE_URL", "database", undefined],
];
test.each(EMPTY)("an empty %s makes %s %j", (variable, key, value) => {
  expect(parse({ env: { [variable]: "" } })[key]).toEqual(value);
});

test("an empty variable wins over the file where it is a value, and not where it isn't", async () => {
  const file = await parseSettingsFile("slipway.yaml", "migrations:\n  path: /m\nlockWait: 1s");
  const env = { DB_USER_MIGRATIONS_PATH: "", SLIPWAY_LOCK_WAIT: "" };

  expect(parse({ file, env })).toMatchObject({ migrationsPath: undefined, lockWaitMs: 1_000 });
});

test("an empty flag is never taken for no flag", () => {
  expect(problemsOf({ flags: { lockWait: "" } })).toEqual([
    '--lock-wait: must look like 500ms, 30s, 5m or 1h, not ""',
  ]);
});

test("an empty schema path turns the bundled schema off", () => {
  expect(parse({ flags: { schemaPath: "" } }).schemaPath).toBeUndefined();
  expect(parse({ env: { SLIPWAY_SCHEMA_PATH: "/mine" } }).schemaPath).toBe("/mine");
});

test("a flag without an argument is a yes", () => {
  expect(parse({ flags: { migrationsPlaceholders: true } }).migrationPlaceholders).toBe(true);
});

test("flags of other parts are not looked at", () => {
  expect(problemsOf({ flags: { json: true, config: "x" } })).toEqual([]);
});

test("a database is named by a URL or by libpq's variables", () => {
  const byUrl = parse({ env: { DATABASE_URL: DATABASE }, needsDatabase: true });
  const byVariables = parse({ env: { PGHOST: "db", PGUSER: "app" }, needsDatabase: true });

  expect(byUrl.database?.describe).toBe("db:5432/shop as app");
  expect(byVariables.database?.describe).toBe("db:5432/app as app");
  expect(byVariables.origins["database.url"]).toEqual({
    from: "PGHOST, PGUSER",
    shown: "postgres://app@db:5432/app?sslmode=prefer",
  });
});

test("a password alone names no database", () => {
  expect(problemsOf({ env: { PGPASSWORD: "s3cret" }, needsDatabase: true })[0]).toContain(
    "DATABASE_URL: is not set",
  );
});

test("where a URL is refused, libpq's variables don't stand in for it", () => {
  const env = {
    DATABASE_URL: "mysql://root:s3cret@db",
    PGHOST: "other",
    SLIPWAY_SHADOW_URL: "postgres://db",
  };

  expect(problemsOf({ env, needsDatabase: true })).toEqual([
    "DATABASE_URL: must be a URL that starts with postgres:// or postgresql://",
    "SLIPWAY_SHADOW_URL: must name both a host and a database",
  ]);
});

test("no message and nothing shown holds a secret", async () => {
  const file = await parseSettingsFile(
    "slipway.yaml",
    "postgres://app:s3cret@db/x: 1\ndatabase:\n  url: s3cret",
  );
  const wrong = problemsOf({ file, env: { SLIPWAY_SHADOW_URL: "s3cret", SLIPWAY_VAR_PASSWORD: "s3cret" } });
  const right = parse({
    env: { DATABASE_URL: DATABASE, SLIPWAY_SHADOW_URL: "postgres://a:s3cret@db/empty" },
  });

  expect(wrong).toHaveLength(3);
  expect(wrong.join()).not.toContain("s3cret");
  expect(JSON.stringify(right.origins)).not.toContain("s3cret");
});

test("the shadow database stands on its own beside libpq's variables", () => {
  const env = { PGHOST: "db", PGPORT: "6432", PGDATABASE: "shop", PGUSER: "app", PGSSLMODE: "require" };
  const { shadow } = parse({ env: { ...env, SLIPWAY_SHADOW_URL: "postgres://scratch/empty" } });

  expect(shadow).toMatchObject({ host: "scratch", port: 5432, database: "empty", ssl: { mode: "require" } });
});

test("the database itself is refused as its own shadow", () => {
  expect(
    problemsOf({ env: { DATABASE_URL: DATABASE, SLIPWAY_SHADOW_URL: "postgres://other@db:5432/shop" } }),
  ).toEqual(["SLIPWAY_SHADOW_URL: names the database itself (name an empty one beside it)"]);
});

test("placeholders are filled from SLIPWAY_VAR_ variables, empty ones too", () => {
  expect(parse({ env: { SLIPWAY_VAR_APP_USER: "app", SLIPWAY_VAR_NONE: "", OTHER: "x" } }).vars).toEqual({
    APP_USER: "app",
    NONE: "",
  });
});

test("a configuration can't be changed", () => {
  const config = parse({ env: { SLIPWAY_VAR_A: "x" } });

  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.vars)).toBe(true);
  expect(Object.isFrozen(config.origins)).toBe(true);
});
