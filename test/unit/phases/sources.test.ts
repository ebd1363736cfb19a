import { expect, test } from "vitest";
import { formatProblem, type Problem, ProblemsError } from "../../../src/errors.ts";
import type { SourceConfig } from "../../../src/source/files.ts";
import { readSources } from "../../../src/source/sources.ts";
import { createFolder } from "../source/support.ts";

type Files = Readonly<Record<string, string>>;

const SCHEMA = "schemas/a.sql";
const SOUND: Files = { [SCHEMA]: "create schema app;" };

function configOf(folders: { readonly schemaPath?: string; readonly migrationsPath?: string }): SourceConfig {
  return {
    schemaPath: folders.schemaPath,
    migrationsPath: folders.migrationsPath,
    vars: {},
    migrationPlaceholders: false,
    extras: "keep",
    onOlder: "keep",
    drift: "apply",
    missing: "warn",
    gap: "warn",
    outOfOrder: "warn",
  };
}

/** What is wrong with a schema folder of these files, with the folder's own path taken out. */
function problemsOf(files: Files, vars: SourceConfig["vars"] = {}): readonly Problem[] {
  const schemaPath = createFolder(files);
  try {
    readSources({ ...configOf({ schemaPath }), vars });
  } catch (error) {
    if (!(error instanceof ProblemsError) || error.code !== "SOURCE_INVALID") throw error;
    return error.problems.map((problem) => ({
      ...problem,
      at:
        typeof problem.at === "string"
          ? problem.at
          : { ...problem.at, file: problem.at.file.slice(schemaPath.length + 1) },
    }));
  }
  return [];
}

const ONE_TIME = "is a one-time action, which a schema file cannot hold (move it to a migration)";
const SERVER = "concerns the whole server (move it to bootstrap.sql)";
const TRANSACTION = "a schema file describes a state and has no transactions (remove it)";
const DROP =
  "a schema file describes what is there, not what to drop (leave the object out: it is dropped when it was in the files before)";

const REFUSED: ReadonlyArray<readonly [statement: string, complaint: string]> = [
  ["insert into app.t values (1)", `INSERT ${ONE_TIME}`],
  ["update app.t set a = 1", `UPDATE ${ONE_TIME}`],
  ["delete from app.t", `DELETE ${ONE_TIME}`],
  ["merge into app.t using app.u on true when matched then delete", `MERGE ${ONE_TIME}`],
  ["truncate app.t", `TRUNCATE ${ONE_TIME}`],
  ["copy app.t from '/tmp/x'", `COPY ${ONE_TIME}`],
  ["call app.p()", `CALL ${ONE_TIME}`],
  ["lock table app.t", `LOCK ${ONE_TIME}`],
  ["refresh materialized view app.m", `REFRESH ${ONE_TIME}`],
  ["begin", TRANSACTION],
  ["BEGIN ISOLATION LEVEL SERIALIZABLE", TRANSACTION],
  ["start transaction", TRANSACTION],
  ["commit", TRANSACTION],
  ["end", TRANSACTION],
  ["rollback", TRANSACTION],
  ["savepoint a", TRANSACTION],
  ["release a", TRANSACTION],
  [
    "create index concurrently i on app.t (a)",
    "a schema file describes a state: how an index is built is slipway's business (remove CONCURRENTLY)",
  ],
  [
    "create unique index concurrently i on app.t (a)",
    "a schema file describes a state: how an index is built is slipway's business (remove CONCURRENTLY)",
  ],
  ["drop index concurrently app.i", "DROP INDEX CONCURRENTLY describes no state (move it to a migration)"],
  ["reindex index concurrently app.i", "REINDEX CONCURRENTLY describes no state (move it to a migration)"],
  ["vacuum app.t", "VACUUM describes no state (move it to a migration)"],
  ["alter system set work_mem = '1GB'", "ALTER SYSTEM describes no state (move it to a migration)"],
  ["create role app", `CREATE ROLE ${SERVER}`],
  ["create user app", `CREATE USER ${SERVER}`],
  ["alter role app login", `ALTER ROLE ${SERVER}`],
  ["drop role app", `DROP ROLE ${SERVER}`],
  ["drop role if exists app", `DROP ROLE ${SERVER}`],
  ["create group app", `CREATE GROUP ${SERVER}`],
  ["alter database shop set work_mem = '1GB'", `ALTER DATABASE ${SERVER}`],
  ["drop table app.t", DROP],
  ["DROP VIEW app.v", DROP],
  ["drop function app.f(integer)", DROP],
  ["drop schema app cascade", DROP],
  ["drop type app.e", DROP],
  ["drop policy p on app.t", DROP],
];
test.each(REFUSED)("`%s` has no place in a schema file, and the file says where", (statement, complaint) => {
  const problems = problemsOf({ [SCHEMA]: `create schema app;\n\n  -- why\n  ${statement};\n` });

  expect(problems.map(formatProblem)).toEqual([`${SCHEMA}:4:3: ${complaint}`]);
  expect(problems[0]?.excerpt).toBe(`  4 |   ${statement};\n    |   ^`);
});

const ALLOWED = [
  "create table app.t (a int)",
  "create table if not exists app.t (a int)",
  "create or replace view app.v as select 1",
  "create index i on app.t (a)",
  "create function app.f() returns int language sql as 'insert into t values (1); select 1'",
  "create procedure app.p() language sql begin atomic delete from app.t; end",
  "alter table app.t enable row level security",
  "alter table app.t drop constraint if exists c",
  "create policy p on app.t using (true)",
  "create trigger delete before delete on app.t execute function app.f()",
  "grant select on app.t to app",
  "revoke all on app.t from public",
  "comment on table app.t is 'drop table app.t'",
  "alter default privileges in schema app grant select on tables to app",
  "set search_path = app",
  "do $$ begin perform 1; end $$",
  "select app.add_job('nightly')",
  "drop table if exists app.t",
  "DROP VIEW IF EXISTS app.v CASCADE",
  "drop trigger if exists tr on app.t",
  "drop function\n  if   exists app.f(integer)",
];
test.each(ALLOWED)("`%s` may stand in a schema file", (statement) => {
  expect(problemsOf({ [SCHEMA]: `${statement};` }).map(formatProblem)).toEqual([]);
});

const BEHIND_WITH = [
  "with n as (select 1) insert into app.t select * from n",
  "with gone as (delete from app.t returning a) select a from gone",
];
test.each(BEHIND_WITH)("`%s` is a one-time action, though it begins with WITH", (statement) => {
  expect(problemsOf({ [SCHEMA]: `${statement};` })).toHaveLength(1);
});

const CONTROL = "bootstrap.sql is one transaction: it cannot begin or end one itself";

const BOOTSTRAP_REFUSED: ReadonlyArray<readonly [statement: string, complaint: string]> = [
  ["begin", CONTROL],
  ["start transaction", CONTROL],
  ["commit", CONTROL],
  ["commit and chain", CONTROL],
  ["end transaction", CONTROL],
  ["rollback", CONTROL],
  ["abort", CONTROL],
  ["prepare transaction 'x'", CONTROL],
  ["vacuum", "VACUUM cannot run in bootstrap.sql, which is one transaction"],
  ["create database shop", "CREATE DATABASE cannot run in bootstrap.sql, which is one transaction"],
  ["alter system set work_mem = '1GB'", "ALTER SYSTEM cannot run in bootstrap.sql, which is one transaction"],
  [
    "create index concurrently i on app.t (a)",
    "CREATE INDEX CONCURRENTLY cannot run in bootstrap.sql, which is one transaction",
  ],
];
test.each(BOOTSTRAP_REFUSED)("`%s` cannot run in bootstrap.sql", (statement, complaint) => {
  const problems = problemsOf({ "bootstrap.sql": `create role a;\n  ${statement};\ncreate role b;` });

  expect(problems.map(formatProblem)).toEqual([`bootstrap.sql:2:3: ${complaint}`]);
});

const BOOTSTRAP_ALLOWED = [
  "create role app login password 'x'",
  "insert into app.t values (1)",
  "drop role app",
  "savepoint a; create role b; rollback to a; release a",
  "-- slipway: optional\ncreate extension pgcrypto",
  "do $$ begin if true then create role app; end if; end $$",
];
test.each(BOOTSTRAP_ALLOWED)("`%s` may stand in bootstrap.sql", (statement) => {
  expect(problemsOf({ "bootstrap.sql": `${statement};` }).map(formatProblem)).toEqual([]);
});

test("only an extension can be optional", () => {
  const problems = problemsOf({ "bootstrap.sql": "-- slipway: optional\ncreate role app;" });

  expect(problems.map(formatProblem)).toEqual(["bootstrap.sql:2:1: only `create extension` can be optional"]);
});

test("everything that is wrong is told at once, of all files", () => {
  const problems = problemsOf({
    "bootstrap.sql": "begin;\ncommit;",
    "schemas/a.sql": "insert into t values (1);\nselect 1;\ndrop table t;",
    "schemas/b/c.sql": "\\i other.sql\ncreate role {{OWNER}};",
  });

  expect(problems.map((problem) => formatProblem(problem).split(": ")[0])).toEqual([
    "bootstrap.sql:1:1",
    "bootstrap.sql:2:1",
    "schemas/a.sql:1:1",
    "schemas/a.sql:3:1",
    "schemas/b/c.sql:2:13",
    "schemas/b/c.sql:1:1",
    "schemas/b/c.sql:2:1",
  ]);
});

test("a place is that of the user's file, whatever the placeholders before it became", () => {
  const files = {
    [SCHEMA]: "create table {{A}} (); create table {{B}} ();\ndrop table {{A}}; insert into t values ('😀');",
  };

  const problems = problemsOf(files, { A: "a_rather_long_name", B: "b" });

  expect(problems.map((problem) => formatProblem(problem).split(": ")[0])).toEqual([
    "schemas/a.sql:2:1",
    "schemas/a.sql:2:19",
  ]);
});

function sourcesOf(schema: Files, migrations?: Files, more: Partial<SourceConfig> = {}) {
  const schemaPath = createFolder(schema);
  const migrationsPath = migrations === undefined ? undefined : createFolder(migrations);
  return readSources({
    ...configOf({ schemaPath, ...(migrationsPath === undefined ? {} : { migrationsPath }) }),
    ...more,
  });
}

test("sound files are scripts with names for what they ask for, together and each part apart", () => {
  const sources = sourcesOf(
    { "bootstrap.sql": "create role app;", ...SOUND },
    { "001_a.up.sql": "select 1; select 2" },
  );

  expect(sources.bootstrap?.script.statements.map(({ text }) => text)).toEqual(["create role app"]);
  expect(sources.schema?.scripts.map(({ statements }) => statements.length)).toEqual([1]);
  expect(sources.migrations?.map(({ name }) => name)).toEqual(["001_a"]);
  expect(new Set([sources.hash, sources.bootstrap?.hash, sources.schema?.hash]).size).toBe(3);
});

test("a folder that is turned off has no part in it", () => {
  const sources = readSources(configOf({}));

  expect(sources).toMatchObject({ bootstrap: undefined, schema: undefined, migrations: undefined });
});

const MEANINGS: ReadonlyArray<readonly [what: string, schema: Files, more: Partial<SourceConfig>]> = [
  ["another text", { [SCHEMA]: "create schema other;" }, {}],
  ["another name", { "schemas/b.sql": "create schema app;" }, {}],
  ["a file more", { ...SOUND, "schemas/b.sql": "create schema b;" }, {}],
  ["a bootstrap.sql", { ...SOUND, "bootstrap.sql": "create role app;" }, {}],
  ["drops of extras", SOUND, { extras: "drop" }],
  ["another policy for older files", SOUND, { onOlder: "apply" }],
];
test.each(MEANINGS)("%s is another wish", (_, schema, more) => {
  expect(sourcesOf(schema, undefined, more).hash).not.toBe(sourcesOf(SOUND).hash);
});

test("a variable is part of the wish where a file uses it, and no part of it elsewhere", () => {
  const using = { [SCHEMA]: "create schema {{ NAME }};" };

  const one = sourcesOf(using, undefined, { vars: { NAME: "a", OTHER: "x" } });
  const other = sourcesOf(using, undefined, { vars: { NAME: "b", OTHER: "x" } });
  const same = sourcesOf(using, undefined, { vars: { NAME: "a", OTHER: "y" } });

  expect(other.hash).not.toBe(one.hash);
  expect(other.schema?.hash).not.toBe(one.schema?.hash);
  expect(same.hash).toBe(one.hash);
});

test("line ends and blank space at the end are no part of the wish", () => {
  const lf = sourcesOf({ [SCHEMA]: "create schema\n app;" });
  const crlf = sourcesOf({ [SCHEMA]: "create schema\r\n app;\r\n\r\n" });

  expect(crlf.hash).toBe(lf.hash);
});

test("a migration is read once, and ready in both directions", () => {
  const sources = sourcesOf(SOUND, {
    "001_a.up.sql": "create table a (); create index concurrently i on a (b)",
    "001_a.down.sql": "drop table a",
  });
  const [migration] = sources.migrations ?? [];
  if (migration === undefined) throw new Error("there is no migration");

  const up = sources.scriptOf(migration, "up");
  const down = sources.scriptOf(migration, "down");

  expect(up.fileClass.groups.map(({ transactional }) => transactional)).toEqual([true, false]);
  expect(down.script.statements.map(({ text }) => text)).toEqual(["drop table a"]);
  expect(sources.scriptOf(migration, "up")).toBe(up);
});

test("migrations hold what happens once, transactions of their own among it", () => {
  const sources = sourcesOf(SOUND, {
    "001_a.up.sql": "begin; insert into t values (1); drop table t; create role app; commit;",
  });

  expect(sources.migrations).toHaveLength(1);
});

test("what is wrong in a down file does not keep the up file from running, and is told when it is to run", () => {
  const sources = sourcesOf(SOUND, { "001_a.up.sql": "select 1", "001_a.down.sql": "commit" });
  const [migration] = sources.migrations ?? [];
  if (migration === undefined) throw new Error("there is no migration");

  expect(() => sources.scriptOf(migration, "up")).not.toThrow();
  expect(() => sources.scriptOf(migration, "down")).toThrow(
    expect.objectContaining({ code: "SOURCE_INVALID" }),
  );
});

test("{{x}} is text like any other in migrations, unless placeholders are asked for", () => {
  const migrations = { "001_a.up.sql": "select '{{NAME}}'" };
  const textOf = (more: Partial<SourceConfig>): string | undefined => {
    const sources = sourcesOf(SOUND, migrations, { vars: { NAME: "shop" }, ...more });
    const [migration] = sources.migrations ?? [];
    return migration === undefined ? undefined : sources.scriptOf(migration, "up").script.text;
  };

  expect(textOf({})).toBe("select '{{NAME}}'");
  expect(textOf({ migrationPlaceholders: true })).toContain("shop");
});
