import { chmodSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { findFreePort } from "../../src/commands/embedded-server.ts";
import { openListener } from "../support/between.ts";
import { openTestDatabase, type TestDatabase } from "../support/database.ts";
import { type Files, writeFolder } from "../support/folder.ts";
import { findAccount, urlOf } from "../support/server.ts";
import { lastLineOf, runSlipway, type SlipwayResult } from "../support/slipway.ts";

// What is wrong is found out without the server or by its first words, which are the same in every major.
const [server] = inject("servers");
if (server === undefined) throw new Error("no server was started");

const nothingIn = async (database: TestDatabase): Promise<void> => {
  expect(
    await database.query(
      `select nspname || '.' || relname as left_behind from pg_class c join pg_namespace n on n.oid = relnamespace
        where c.oid >= 16384 and nspname !~ '^pg_'
       union all
       select nspname from pg_namespace where oid >= 16384 and nspname !~ '^pg_'`,
    ),
  ).toEqual([]);
};

/** Every problem in its words, whether there is one or many. */
const problemsOf = (result: SlipwayResult): readonly string[] => {
  const { problems, what } = lastLineOf(result);
  return Array.isArray(problems) ? problems.map(String) : [String(what)];
};

const saysWhatWithoutStack = (result: SlipwayResult): void => {
  expect(result.stray).toEqual([]);
  expect(result.stderr).not.toMatch(/\bat [\w./<>]+ \(|\bat (file|node):|"stack"/);
  expect(lastLineOf(result).msg).toMatch(/^[A-Z_]+ \(exit \d+\): .*Next: ./s);
};

interface Case {
  readonly name: string;
  readonly schema?: Files;
  readonly migrations?: Files;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly cwd?: Files;
  readonly exit: number;
  /** One for each problem, in their order. */
  readonly words: readonly RegExp[];
}

const CASES: readonly Case[] = [
  {
    name: "a schema folder that is not there",
    env: { SLIPWAY_SCHEMA_PATH: "/nowhere/schema" },
    exit: 11,
    words: [/\/nowhere\/schema.*does not exist|\/nowhere\/schema.*no such/i],
  },
  {
    name: "a migrations folder that is not there",
    env: { DB_USER_MIGRATIONS_PATH: "/nowhere/migrations" },
    exit: 11,
    words: [/\/nowhere\/migrations/],
  },
  {
    name: "a migrations path that is a file",
    env: { DB_USER_MIGRATIONS_PATH: "/etc/hostname" },
    exit: 11,
    words: [/\/etc\/hostname/],
  },
  {
    name: "a schema folder without bootstrap.sql and schemas/",
    schema: { "notes.txt": "" },
    exit: 11,
    words: [/neither bootstrap\.sql nor schemas\//],
  },
  {
    name: "a desired schema without a statement",
    schema: { "schemas/10.sql": "-- nothing\n" },
    exit: 11,
    words: [/holds no SQL statement/],
  },
  {
    name: "two migrations of one version",
    migrations: { "001_a.up.sql": "select 1;", "1_b.up.sql": "select 1;", "2_c.up.sql": "select 1;" },
    exit: 11,
    words: [/1_b\.up\.sql.*version 1.*001_a\.up\.sql/],
  },
  {
    name: "file names that are no migrations, each with the nearest right form",
    migrations: {
      "001_good.up.sql": "select 1;",
      "V2__flyway.sql": "select 1;",
      "003-dashes.up.sql": "select 1;",
      "004_no_direction.sql": "select 1;",
      "005_down.dwon.sql": "select 1;",
      "create_table.sql": "select 1;",
      "README.md": "fine",
    },
    exit: 11,
    words: [
      /003-dashes\.up\.sql.*003_dashes\.up\.sql/,
      /004_no_direction\.sql.*004_no_direction\.up\.sql/,
      /005_down\.dwon\.sql.*005_down\.down\.sql/,
      /V2__flyway\.sql.*2_flyway\.up\.sql/,
      /create_table\.sql.*NNN_create_table\.up\.sql/,
    ],
  },
  {
    name: "a version that fits no bigint",
    migrations: { "99999999999999999999_big.up.sql": "select 1;" },
    exit: 11,
    words: [/version is above 9223372036854775807/],
  },
  {
    name: "a way back without a way there",
    migrations: { "1_a.down.sql": "select 1;" },
    exit: 11,
    words: [/1_a\.down\.sql.*1_a\.up\.sql/],
  },
  {
    name: "bytes that are not UTF-8",
    migrations: {
      "1_latin.up.sql": Buffer.from("select 1;\nselect 'gr\xfc\xdfe';\n", "latin1"),
      "2_wide.up.sql": Buffer.from("\ufeffselect 1;", "utf16le"),
    },
    exit: 11,
    words: [/1_latin\.up\.sql:2:11: byte 0xFC/, /2_wide\.up\.sql:1: is UTF-16/],
  },
  {
    name: "commands of psql",
    migrations: {
      "1_psql.up.sql": "\\set x 1\nselect 1;\n\\i other.sql\n",
      "2_vars.up.sql": "select :'name';",
    },
    exit: 11,
    words: [
      /1_psql\.up\.sql:1:1: \\set/,
      /1_psql\.up\.sql:3:1: \\i/,
      /2_vars\.up\.sql:1:8: a variable of psql/,
    ],
  },
  {
    name: "COPY FROM stdin",
    migrations: { "1_copy.up.sql": "create table t (a int);\nCOPY t (a) FROM stdin;\n1\n\\.\n" },
    exit: 11,
    words: [/1_copy\.up\.sql:2:1: COPY FROM STDIN.*INSERT/],
  },
  {
    name: "transaction control that doesn't add up",
    migrations: {
      "1_open.up.sql": "begin;\nselect 1;\n",
      "2_bare.up.sql": "select 1;\ncommit;\n",
      "3_back.up.sql": "begin;\nselect 1;\nrollback;\n",
    },
    exit: 11,
    words: [
      /1_open\.up\.sql:1:1: .*never ends/,
      /2_bare\.up\.sql:2:1: COMMIT without BEGIN/,
      /3_back\.up\.sql:3:1: ROLLBACK/,
    ],
  },
  {
    name: "a literal that is never closed",
    migrations: { "1_open.up.sql": "select 1;\nselect 'it''s;\nselect 2;" },
    exit: 11,
    words: [/1_open\.up\.sql:2:8: .*never closed/],
  },
  {
    name: "placeholders that nobody filled, in all files",
    schema: {
      "bootstrap.sql": "create schema {{TENANT}};\ncreate role {{APP_ROLE}};",
      "schemas/10.sql": "create table public.t (a text default {{GREETING}});",
    },
    env: { SLIPWAY_VAR_TENANT: "acme", SLIPWAY_VAR_APP_ROL: "x" },
    exit: 11,
    words: [/bootstrap\.sql:2:13: .*APP_ROLE/, /schemas\/10\.sql:1:39: .*GREETING/],
  },
  {
    name: "bootstrap.sql with a transaction of its own or a statement that wants none",
    schema: { "bootstrap.sql": "begin;\ncreate schema a;\ncommit;\nvacuum;" },
    exit: 11,
    words: [/bootstrap\.sql:1:1/, /bootstrap\.sql:3:1/, /bootstrap\.sql:4:1: VACUUM/],
  },
  {
    name: "schema files that do something instead of describing",
    schema: {
      "schemas/10.sql":
        "create table public.t (a int);\ninsert into public.t values (1);\ndrop table public.old;\ncreate role somebody;\ncreate index concurrently on public.t (a);\n",
    },
    exit: 11,
    words: [
      /10\.sql:2:1: INSERT/,
      /10\.sql:3:1: .*not what to drop/,
      /10\.sql:4:1: CREATE ROLE/,
      /10\.sql:5:1: /,
    ],
  },
  {
    name: "problems of several folders, all at once",
    schema: { "schemas/10.sql": "insert into t values (1);" },
    migrations: { "1_a.up.sql": "commit;" },
    exit: 11,
    words: [/10\.sql:1:1: INSERT/, /1_a\.up\.sql:1:1: COMMIT/],
  },
  {
    name: "an unknown key in slipway.yaml, with the nearest known one",
    cwd: { "slipway.yaml": "migrations:\n  paht: ./migrations\nlockWiat: 5m\n" },
    exit: 10,
    words: [
      /slipway\.yaml:2:3: .*migrations\.paht.*migrations\.path/,
      /slipway\.yaml:3:1: .*lockWiat.*lockWait/,
    ],
  },
  {
    name: "a slipway.yaml that is no YAML",
    cwd: { "slipway.yaml": "a: [1,\n" },
    exit: 10,
    words: [/slipway\.yaml/],
  },
  {
    name: "a settings file that is not there",
    args: ["run", "--config", "/nowhere.yaml"],
    exit: 10,
    words: [/--config: \/nowhere\.yaml does not exist/],
  },
  {
    name: "an unknown variable, with the nearest known one",
    env: { SLIPWAY_LOCK_WIAT: "5m" },
    exit: 10,
    words: [/SLIPWAY_LOCK_WIAT.*SLIPWAY_LOCK_WAIT/],
  },
  {
    name: "settings that mean nothing, each with where it came from",
    args: ["run", "--lock-wait", "soon"],
    env: { SLIPWAY_CONNECT_WAIT: "-1", SLIPWAY_DRIFT: "maybe" },
    cwd: { "slipway.yaml": "extras: lose\n" },
    exit: 10,
    words: [
      /SLIPWAY_CONNECT_WAIT/,
      /--lock-wait.*soon/,
      /SLIPWAY_DRIFT.*apply, refuse (or|,) warn/,
      /slipway\.yaml:1:9.*extras|slipway\.yaml:1:\d+: .*keep or drop/,
    ],
  },
  {
    name: "an unknown flag",
    args: ["run", "--lock-wiat", "5m"],
    exit: 2,
    words: [/--lock-wiat.*--lock-wait/s],
  },
  { name: "an unknown command", args: ["rnu"], exit: 2, words: [/rnu/] },
  {
    name: "a database URL that is none",
    env: { DATABASE_URL: "mysql://root:s3cret@db/shop" },
    exit: 10,
    words: [/DATABASE_URL/],
  },
];

for (const { name, schema, migrations, env = {}, args = ["run"], cwd, exit, words } of CASES) {
  test(`${name}: exit ${exit}, said in words, nothing left behind`, async () => {
    await using database = await openTestDatabase(server);

    const result = await runSlipway(args, {
      database,
      ...(schema === undefined ? {} : { schema: writeFolder(schema) }),
      ...(migrations === undefined ? {} : { migrations: writeFolder(migrations) }),
      ...(cwd === undefined ? {} : { cwd: writeFolder(cwd) }),
      env,
    });

    expect(result).toExit(exit);
    saysWhatWithoutStack(result);
    const problems = problemsOf(result);
    for (const each of words) expect(problems).toContainEqual(expect.stringMatching(each));
    expect(problems.length).toBe(words.length);
    expect(result.stderr).not.toContain("s3cret");
    await nothingIn(database);
  });
}

test("a folder that may not be read: exit 11, said in words", async (context) => {
  const account = findAccount();
  await using database = await openTestDatabase(server);
  const schema = writeFolder({ "schemas/10.sql": "create schema app;" });
  const migrations = writeFolder({ "1_a.up.sql": "select 1;" });
  chmodSync(join(migrations, "1_a.up.sql"), 0o000);
  chmodSync(join(schema, "schemas"), 0o000);
  const options = { database, schema, migrations, ...(account === undefined ? {} : { account }) };

  const result = await runSlipway(["run"], options).catch(() => undefined);
  chmodSync(join(schema, "schemas"), 0o755);

  // root reads everything, so slipway runs as somebody else, who may not get to node itself.
  context.skip(result === undefined, "the user that servers run as cannot start node");
  if (result === undefined) return;
  expect(result).toExit(11);
  saysWhatWithoutStack(result);
  expect(problemsOf(result)).toEqual([
    expect.stringMatching(/schemas.*permission/i),
    expect.stringMatching(/1_a\.up\.sql.*permission/i),
  ]);
});

test("no database at all: exit 10, said what to set", async () => {
  const result = await runSlipway(["run"]);

  expect(result).toExit(10);
  saysWhatWithoutStack(result);
  expect(problemsOf(result)).toEqual([expect.stringMatching(/DATABASE_URL.*PGHOST.*postgres:\/\//)]);
});

test("a wrong password: exit 20 at once, without the password", async () => {
  await using database = await openTestDatabase(server);
  const url = urlOf(server, database.name, { user: "postgres", password: "mistaken-for-another" });

  const result = await runSlipway(["run"], { database: { url } });

  expect(result).toExit(20);
  saysWhatWithoutStack(result);
  expect(lastLineOf(result).msg).toMatch(/refused the login.*PGPASSWORD/);
  expect(result.stderr).not.toContain("mistaken-for-another");
  expect(result.ms).toBeLessThan(5_000);
  await nothingIn(database);
});

test("libpq's variables name the database as well as a URL does", async () => {
  await using database = await openTestDatabase(server);
  const passfile = join(writeFolder({ pgpass: `127.0.0.1:*:*:postgres:${server.password}\n` }), "pgpass");
  chmodSync(passfile, 0o600);
  const env = {
    PGHOST: "127.0.0.1",
    PGPORT: String(server.port),
    PGUSER: "postgres",
    PGDATABASE: database.name,
    PGPASSFILE: passfile,
  };

  const result = await runSlipway(["run"], { env });

  expect(result).toExit(0);
  expect(await database.value("select to_regclass('app.things') is not null")).toBe(true);
});

test("encryption that the server does not have, where it is required: exit 20, said in words", async () => {
  await using database = await openTestDatabase(server);

  const result = await runSlipway(["run"], { database: { url: `${database.url}?sslmode=require` } });

  expect(result).toExit(20);
  saysWhatWithoutStack(result);
  expect(lastLineOf(result).msg).toMatch(/SSL|TLS/);
});

test("a database that is not there: exit 20 at once, with the statement that makes it", async () => {
  const result = await runSlipway(["run"], { database: { url: urlOf(server, "no such database") } });

  expect(result).toExit(20);
  saysWhatWithoutStack(result);
  expect(lastLineOf(result).msg).toMatch(
    /"no such database" does not exist.*create database "no such database"/,
  );
  expect(result.ms).toBeLessThan(5_000);
});

test("nothing listening: waits as long as it was told, then exit 20", async () => {
  const url = urlOf({ port: await findFreePort(), password: server.password }, "shop");

  const result = await runSlipway(["run"], { database: { url }, env: { SLIPWAY_CONNECT_WAIT: "1500ms" } });

  expect(result).toExit(20);
  saysWhatWithoutStack(result);
  expect(lastLineOf(result).msg).toMatch(
    /127\.0\.0\.1:\d+\/shop as postgres did not accept connections.*ECONNREFUSED.*SLIPWAY_CONNECT_WAIT/,
  );
  expect(result.lines[0]?.msg).toMatch(/^Waiting for the database/);
  expect(result.ms).toBeGreaterThan(1_000);
});

test("broken files are told before the server is waited for", async () => {
  const url = urlOf({ port: await findFreePort(), password: "" }, "shop");
  const migrations = writeFolder({ "1_a.up.sql": "commit;" });

  const result = await runSlipway(["run"], {
    database: { url },
    migrations,
    env: { SLIPWAY_CONNECT_WAIT: "30s" },
  });

  expect(result).toExit(11);
  expect(result.ms).toBeLessThan(10_000);
});

test("a run that is refused says goodbye to every session it opened", async () => {
  await using database = await openTestDatabase(server);
  await using listener = await openListener(database);
  const refused = [
    { migrations: writeFolder({ "1-a.sql": "select 1;" }) },
    { migrations: writeFolder({ "1_a.up.sql": "commit;" }) },
    { migrations: writeFolder({ "1_a.up.sql": "select 1 / 0;" }) },
    { env: { SLIPWAY_LOCK_WIAT: "1m" } },
  ];

  for (const options of refused) await runSlipway(["run"], { database: listener, ...options });

  expect(listener.connections.filter(({ isClosed }) => !isClosed)).toEqual([]);
});

test("config prints what is in force and where it came from, secrets masked", async () => {
  const cwd = writeFolder({ "slipway.yaml": "lockWait: 7m\ndrift: warn\n" });
  const url = urlOf(server, "shop", { user: "app", password: "s3cret-of-app" });

  const config = await runSlipway(["config", "--connect-wait", "9s"], {
    database: { url },
    cwd,
    env: { SLIPWAY_DRIFT: "refuse", SLIPWAY_LOCK_WAIT: "" },
  });

  expect(config).toExit(0);
  expect(config.stdout).not.toContain("s3cret-of-app");
  expect(config.stdout).toMatch(/lockWait.*7m.*slipway\.yaml/);
  expect(config.stdout).toMatch(/drift.*refuse.*SLIPWAY_DRIFT/);
  expect(config.stdout).toMatch(/connectWait.*9s.*--connect-wait/);
});
