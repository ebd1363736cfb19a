import { expect, test } from "vitest";
import { onEachServer, openTestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { lastLineOf, runSlipway } from "../support/slipway.ts";

const FILES = {
  "1_orders.up.sql":
    "create table public.orders (id int, note text);\ncreate index orders_id on public.orders (id);\n",
  "2_note.up.sql": "alter table public.orders\n  drop column note;\n",
  "2_note.down.sql": "alter table public.orders add column note text;\n",
};
const NOTHING = { SLIPWAY_SCHEMA_PATH: "" };

async function lint(args: readonly string[], migrations: string, env: Readonly<Record<string, string>> = {}) {
  return await runSlipway(["lint", ...args], { migrations, env: { ...NOTHING, ...env } });
}

interface Json {
  readonly judged: number;
  readonly passedOver: number;
  readonly findings: readonly { readonly rule: string; readonly line: number; readonly column: number }[];
}

test("lint says what it found on stdout, and exits 3", async () => {
  const migrations = writeFolder(FILES);

  const text = await lint([], migrations);

  expect(text).toExit(3);
  expect(text.stdout).toContain(`${migrations}/2_note.up.sql:1:1: warning: pods that still use note`);
  expect(text.stdout).toContain("[drop-column]");
  expect(text.stdout.trimEnd()).toMatch(/\n3 files judged: 0 errors, 1 warning, 0 notes$/);
  expect(text.stderr).toBe("");
});

test("lint finds nothing in safe files, and exits 0", async () => {
  const clean = await lint([], writeFolder({ "1_orders.up.sql": FILES["1_orders.up.sql"] }));

  expect(clean).toExit(0);
  expect(clean.stdout).toBe("1 file judged: nothing found\n");
});

test("lint with notes only exits 0", async () => {
  const noted = await lint([], writeFolder({ "1_a.up.sql": "set search_path = a;" }));

  expect(noted).toExit(0);
  expect(noted.stdout).toContain("[session-state]");
});

test("lint writes each of its formats", async () => {
  const migrations = writeFolder(FILES);

  const json = await lint(["--format", "json"], migrations);
  const short = await lint(["--json"], migrations);
  const github = await lint(["--format", "github"], migrations);
  const sarif = await lint(["--format", "sarif"], migrations);
  const unknown = await lint(["--format", "xml"], migrations);

  for (const each of [json, short, github, sarif]) expect(each).toExit(3);
  expect(JSON.parse(json.stdout)).toMatchObject({
    judged: 3,
    findings: [{ rule: "drop-column", severity: "warning", line: 1, column: 1 }],
  });
  expect(short.stdout).toBe(json.stdout);
  expect(github.stdout).toMatch(/^::warning file=.*2_note\.up\.sql,line=1,col=1,title=drop-column::/);
  expect(JSON.parse(sarif.stdout)).toMatchObject({
    version: "2.1.0",
    runs: [
      {
        results: [{ ruleId: "drop-column", locations: [{ physicalLocation: { region: { startLine: 1 } } }] }],
      },
    ],
  });
  expect(unknown).toExit(2);
});

test("lint exits 11 for what can't be run, names all of it, and says so in every format", async () => {
  const migrations = writeFolder({
    "1_a.up.sql": "select 1;\nselekt 2;\n",
    "2_b.up.sql": "rollback;\n",
    "3_c.up.sql": "drop index i;\n",
  });

  const text = await lint([], migrations);
  const json = await lint(["--json"], migrations);

  for (const each of [text, json]) expect(each).toExit(11);
  expect(lastLineOf(text)).toMatchObject({ code: "SOURCE_INVALID" });
  expect(lastLineOf(text)["problems"]).toEqual([
    expect.stringContaining('1_a.up.sql:2:1: syntax error at or near "selekt"'),
    expect.stringContaining("2_b.up.sql:1:1: ROLLBACK undoes what the file did"),
  ]);
  expect(text.stdout).toContain("[drop-index-not-concurrent]");
  expect((JSON.parse(json.stdout) as Json).findings.map(({ rule }) => rule)).toEqual([
    "invalid-file",
    "invalid-file",
    "drop-index-not-concurrent",
  ]);
});

test("lint reads names and bytes as a run does", async () => {
  const migrations = writeFolder({
    "V1__a.sql": "select 1",
    "1_a.up.sql": Buffer.from([0xff, 0xfe, 0x41, 0x00]),
  });

  const github = await lint(["--format", "github"], migrations);

  expect(github).toExit(11);
  expect(github.stdout.split("\n").filter((line) => line.startsWith("::error"))).toHaveLength(2);
});

test("rules are turned off and on by slipway.yaml, variable and flag, and unknown ones refused", async () => {
  const migrations = writeFolder(FILES);
  const cwd = writeFolder({ "slipway.yaml": "lint:\n  rules: [drop-column=off, down-missing=error]\n" });

  const file = await runSlipway(["lint", "--json"], { migrations, cwd, env: NOTHING });
  const variable = await lint(["--json"], migrations, { SLIPWAY_LINT_RULES: "drop-column=note" });
  const flag = await lint(["--lint-rules", "drop-colum=off"], migrations);

  expect(file).toExit(3);
  expect((JSON.parse(file.stdout) as Json).findings.map(({ rule }) => rule)).toEqual(["down-missing"]);
  expect(variable).toExit(0);
  expect(flag).toExit(10);
  expect(lastLineOf(flag)).toMatchObject({ code: "CONFIG_INVALID" });
  expect(flag.stderr).toContain("did you mean drop-column?");
});

test("schema files and bootstrap.sql are judged, placeholders without values included", async () => {
  const schema = writeFolder({
    "bootstrap.sql": "create role {{APP_ROLE}} connection limit 5 password {{APP_PASSWORD}};\n",
    "schemas/a.sql":
      "create table app.t (id int);\ncreate function app.f() returns int language sql security definer as 'select 1';\n",
  });

  const found = await lint(["--json"], writeFolder(), { SLIPWAY_SCHEMA_PATH: schema });

  expect(found).toExit(3);
  expect(JSON.parse(found.stdout)).toMatchObject({
    judged: 2,
    findings: [{ rule: "security-definer-search-path", file: `${schema}/schemas/a.sql`, line: 2, column: 1 }],
  });
});

test("the schema that ships with slipway is not judged, and that there is nothing else is said", async () => {
  const none = await runSlipway(["lint"], { env: { SLIPWAY_SCHEMA_PATH: "" } });

  expect(none).toExit(0);
  expect(none.lines.map(({ msg }) => msg)).toEqual([
    "There is nothing to judge: give --migrations-path or --schema-path",
  ]);
});

test("a database that is not there is not done without in silence", async () => {
  const env = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none", SLIPWAY_CONNECT_WAIT: "0" };
  const migrations = writeFolder(FILES);

  const refused = await lint([], migrations, env);
  const offline = await lint(["--offline"], migrations, env);

  expect(refused).toExit(20);
  expect(lastLineOf(refused)).toMatchObject({
    code: "DATABASE_UNREACHABLE",
    next: "to judge all files without a database: slipway lint --offline",
  });
  expect(offline).toExit(3);
});

onEachServer("with a database, what is applied there is not judged", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder({
    "schemas/a.sql": "create schema app;\ncreate table if not exists app.t (id int);\n",
  });
  const migrations = writeFolder(FILES);
  const options = { database, migrations, schema };
  const lintJson = async (...args: string[]): Promise<Json> =>
    JSON.parse((await runSlipway(["lint", "--json", ...args], options)).stdout) as Json;

  const before = await lintJson();
  expect(await runSlipway(["run"], options)).toExit(0);
  writeFiles(migrations, {
    "3_new.up.sql":
      "create table public.fresh (id int);\ndrop table public.orders; -- slipway: allow drop-table, destructive-without-down\n",
    "4_new.up.sql": "create index fresh_id on public.fresh (id);\ncreate index t_id on app.t (id);\n",
  });
  const after = await lintJson();
  const offline = await lintJson("--offline");
  const since = await lintJson("--offline", "--after", "3");

  // All migrations meet the empty database together: nobody uses the column yet.
  expect(before).toMatchObject({ judged: 4, passedOver: 0, findings: [{ rule: "if-not-exists" }] });
  expect(after).toMatchObject({
    judged: 2,
    passedOver: 4,
    findings: [{ rule: "index-not-concurrent", line: 2, column: 1 }],
  });
  expect(offline.findings.map(({ rule }) => rule)).toEqual([
    "if-not-exists",
    "drop-column",
    "index-not-concurrent",
    "index-not-concurrent",
  ]);
  expect(since.findings.map(({ rule, line }) => `${rule} ${line}`)).toEqual([
    "if-not-exists 2",
    "index-not-concurrent 1",
    "index-not-concurrent 2",
  ]);
});
