import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { openTestDatabase, type TestDatabase } from "../support/database.ts";
import { type Files, writeFolder } from "../support/folder.ts";
import { lastLineOf, runSlipway } from "../support/slipway.ts";

// What is wrong is found without the server, or is said in words that are the same in every major.
const [server] = inject("servers");
if (server === undefined) throw new Error("no server was started");

interface Case {
  readonly files: Files;
  readonly env?: Readonly<Record<string, string>>;
  /** For what no file's content makes. */
  readonly prepare?: (folder: string) => void;
  /** One for each problem, in their order; after the code, where a statement failed. */
  readonly words: readonly RegExp[];
}

const PLACEHOLDERS = { SLIPWAY_MIGRATIONS_PLACEHOLDERS: "true" };

/** Found before anything runs: exit 11. */
const REFUSED: Readonly<Record<string, Case>> = {
  "no direction": {
    files: { "001_a.sql": "select 1;" },
    words: [/001_a\.sql: .*rename it to 001_a\.up\.sql/],
  },
  "an ending in capitals": { files: { "001_a.up.SQL": "select 1;" }, words: [/rename it to 001_a\.up\.sql/] },
  "a direction in capitals": {
    files: { "001_a.UP.sql": "select 1;" },
    words: [/rename it to 001_a\.up\.sql/],
  },
  "a dash for the underscore": {
    files: { "001-a.up.sql": "select 1;" },
    words: [/rename it to 001_a\.up\.sql/],
  },
  "a space behind the number": {
    files: { "001 a.up.sql": "select 1;" },
    words: [/rename it to 001_a\.up\.sql/],
  },
  "no number": { files: { "init.up.sql": "select 1;" }, words: [/rename it to NNN_init\.up\.sql/] },
  "a number and nothing else": {
    files: { "001.up.sql": "select 1;" },
    words: [/rename it to 001_name\.up\.sql/],
  },
  "Flyway's name": { files: { "V7__a.sql": "select 1;" }, words: [/rename it to 7_a\.up\.sql/] },
  "Flyway's undo": { files: { "U7__a.sql": "select 1;" }, words: [/rename it to 7_a\.down\.sql/] },
  "Flyway's repeatable one": {
    files: { "R__views.sql": "select 1;" },
    words: [/rename it to NNN_views\.up\.sql/],
  },
  "a misspelt down": {
    files: { "1_a.up.sql": "select 1;", "1_a.donw.sql": "select 1;" },
    words: [/1_a\.donw\.sql: .*rename it to 1_a\.down\.sql/],
  },
  "a misspelt up": { files: { "1_a.pu.sql": "select 1;" }, words: [/rename it to 1_a\.up\.sql/] },
  "two ups of one version": {
    files: { "001_a.up.sql": "select 1;", "1_b.up.sql": "select 1;" },
    words: [/1_b\.up\.sql: has version 1, and so has 001_a\.up\.sql/],
  },
  "two downs of one version": {
    files: { "1_a.up.sql": "select 1;", "01_a.down.sql": "select 1;", "1_a.down.sql": "select 1;" },
    words: [/1_a\.down\.sql: has version 1, and so has 01_a\.down\.sql/],
  },
  "a way back without a way there": {
    files: { "1_a.up.sql": "select 1;", "2_b.down.sql": "select 1;" },
    words: [/2_b\.down\.sql: has no 2_b\.up\.sql beside it/],
  },
  "a version above a bigint": {
    files: { "9223372036854775808_a.up.sql": "select 1;" },
    words: [/version is above 9223372036854775807/],
  },
  "a folder named like a migration": {
    files: { "1_a.up.sql": "select 1;" },
    prepare: (folder) => mkdirSync(join(folder, "2_b.up.sql")),
    words: [/2_b\.up\.sql: is a folder, and is named like a migration/],
  },
  "a link that leads nowhere": {
    files: { "1_a.up.sql": "select 1;" },
    prepare: (folder) => symlinkSync("gone.sql", join(folder, "2_b.up.sql")),
    words: [/2_b\.up\.sql: is a symlink to nothing: gone\.sql/],
  },
  "a link that leads in a circle": {
    files: {},
    prepare: (folder) => symlinkSync("1_a.up.sql", join(folder, "1_a.up.sql")),
    words: [/1_a\.up\.sql: /],
  },
  "Latin-1": {
    files: { "1_a.up.sql": Buffer.from("select 'gr\xfc\xdfe';", "latin1") },
    words: [/1_a\.up\.sql:1:11: byte 0xFC at offset 10 is not UTF-8/],
  },
  "UTF-16, little end first": {
    files: { "1_a.up.sql": Buffer.from("\ufeffselect 1;", "utf16le") },
    words: [/1_a\.up\.sql:1: is UTF-16/],
  },
  "UTF-16, big end first": {
    files: { "1_a.up.sql": Buffer.from("\ufeffselect 1;", "utf16le").swap16() },
    words: [/1_a\.up\.sql:1: is UTF-16/],
  },
  "a zero byte": {
    files: { "1_a.up.sql": "select 1;\nselect\0 2;" },
    words: [/1_a\.up\.sql:2:7: .*zero byte/],
  },
  "a character that breaks off": {
    files: { "1_a.up.sql": Buffer.from([0x2d, 0x2d, 0x20, 0xe2, 0x82]) },
    words: [/1_a\.up\.sql:1:4: byte 0xE2/],
  },
  "a setting of psql": {
    files: { "1_a.up.sql": "\\set ON_ERROR_STOP on\nselect 1;" },
    words: [/1:1: \\set is a command of psql/],
  },
  "an include of psql": {
    files: { "1_a.up.sql": "select 1;\n\\i b.sql" },
    words: [/2:1: \\i .*copy the other file's statements/],
  },
  "another database": {
    files: { "1_a.up.sql": "\\c other\n" },
    words: [/1:1: \\c .*can't change the database/],
  },
  "output of pg_dump": {
    files: { "1_a.up.sql": "\\restrict abc\nselect 1;\n\\unrestrict abc\n" },
    words: [/1:1: \\restrict .*pg_dump/, /3:1: \\unrestrict .*pg_dump/],
  },
  "\\copy": { files: { "1_a.up.sql": "\\copy t from 'x.csv'" }, words: [/\\copy .*INSERT/] },
  "\\gexec": { files: { "1_a.up.sql": "select 'select 1' \\gexec" }, words: [/\\gexec .*DO block/] },
  "a variable of psql": { files: { "1_a.up.sql": "select :id;" }, words: [/1:8: a variable of psql/] },
  "a quoted variable of psql": {
    files: { "1_a.up.sql": "select :'name';" },
    words: [/1:8: a variable of psql/],
  },
  "COPY FROM stdin": {
    files: { "1_a.up.sql": "copy t (a) from stdin;\n1\n2\n\\.\nselect 1;" },
    words: [/1:1: COPY FROM STDIN.*pg_dump --inserts/],
  },
  "COPY TO stdout": { files: { "1_a.up.sql": "copy (select 1) to stdout;" }, words: [/COPY TO STDOUT/] },
  "BEGIN without an end": {
    files: { "1_a.up.sql": "begin;\nselect 1;" },
    words: [/1:1: .*never ends.*COMMIT/],
  },
  "COMMIT without a beginning": {
    files: { "1_a.up.sql": "select 1;\ncommit;" },
    words: [/2:1: COMMIT without BEGIN/],
  },
  ROLLBACK: { files: { "1_a.up.sql": "begin;\nselect 1;\nrollback;" }, words: [/3:1: ROLLBACK undoes/] },
  "BEGIN in BEGIN": {
    files: { "1_a.up.sql": "begin;\nbegin;\nselect 1;\ncommit;" },
    words: [/2:1: BEGIN inside the transaction that line 1 began.*SAVEPOINT/],
  },
  "PREPARE TRANSACTION": {
    files: { "1_a.up.sql": "begin;\nselect 1;\nprepare transaction 'x';" },
    words: [/3:1: PREPARE TRANSACTION/],
  },
  "an index built concurrently in a transaction": {
    files: { "1_a.up.sql": "begin;\ncreate index concurrently i on t (a);\ncommit;" },
    words: [/2:1: CREATE INDEX CONCURRENTLY can't run in the transaction that line 1 began.*behind COMMIT/],
  },
  "VACUUM in a transaction": {
    files: { "1_a.up.sql": "begin;\nvacuum;\ncommit;" },
    words: [/2:1: VACUUM can't run/],
  },
  "a directive that contradicts BEGIN": {
    files: { "1_a.up.sql": "begin;\n-- slipway: no-transaction\nselect 1;\ncommit;" },
    words: [/3:1: a no-transaction directive in the transaction/],
  },
  "a literal that is never closed": {
    files: { "1_a.up.sql": "select 1;\nselect 'it''s;" },
    words: [/2:8: a literal that is never closed/],
  },
  "an escape that keeps a literal open": {
    files: { "1_a.up.sql": "select E'a\\';" },
    words: [/1:8: .*backslash/],
  },
  "a comment that is never closed": {
    files: { "1_a.up.sql": "/* /* */ select 1;" },
    words: [/1:1: a comment.*nest/],
  },
  "a body that is never closed": {
    files: { "1_a.up.sql": "do $do$ begin end $DO$;" },
    words: [/1:4: .*close it with \$do\$/],
  },
  "a name that is never closed": {
    files: { "1_a.up.sql": 'create table "a (id int);' },
    words: [/1:14: a quoted name/],
  },
  "literals read another way": {
    files: { "1_a.up.sql": "set standard_conforming_strings = off;" },
    words: [/1:1: SET standard_conforming_strings/],
  },
  "another encoding": {
    files: { "1_a.up.sql": "set client_encoding = 'LATIN1';" },
    words: [/1:1: SET client_encoding/],
  },
  "goose's file with both directions": {
    files: { "1_a.up.sql": "-- +goose Up\nselect 1;\n-- +goose Down\nselect 2;" },
    words: [/3:1: the part of another tool's file that undoes.*\.down\.sql/],
  },
  "dbmate's file with both directions": {
    files: { "1_a.up.sql": "-- migrate:up\nselect 1;\n-- migrate:down\nselect 2;" },
    words: [/3:1: the part of another tool's file/],
  },
  "a placeholder where none are filled": {
    files: { "1_a.up.sql": "create schema {{TENANT}};" },
    words: [/1:15: \{\{TENANT\}\} is a placeholder.*SLIPWAY_MIGRATIONS_PLACEHOLDERS/],
  },
  "a placeholder that nobody set": {
    files: { "1_a.up.sql": "create schema {{TENANT}};" },
    env: PLACEHOLDERS,
    words: [/1:15: \{\{TENANT\}\} is not set.*SLIPWAY_VAR_TENANT/],
  },
  "what is no placeholder": {
    files: { "1_a.up.sql": "select {{ .Values.name }};" },
    env: PLACEHOLDERS,
    words: [/1:8: this is no placeholder.*\{\{NAME\}\}/],
  },
  "a placeholder in a language of its own": {
    files: { "1_a.up.sql": "create function f() returns int language plpython3u as $$ return {{N}} $$;" },
    env: { ...PLACEHOLDERS, SLIPWAY_VAR_N: "1" },
    words: [/1:\d+: a placeholder in the language plpython3u/],
  },
  "names and contents of several files, all at once": {
    files: {
      "1_a.up.sql": "commit;",
      "2-b.up.sql": "select 1;",
      "3_c.up.sql": "\\q",
      "4_d.up.sql": "select '",
      "5_e.up.sql": Buffer.from([0xff]),
    },
    words: [
      /2-b\.up\.sql: is not named/,
      /5_e\.up\.sql:1:1: byte 0xFF/,
      /1_a\.up\.sql:1:1: COMMIT/,
      /3_c\.up\.sql:1:1: \\q/,
      /4_d\.up\.sql:1:8: a literal/,
    ],
  },
};

/** Found by PostgreSQL: exit 30, and nothing of the file is there. `words` are of the last line. */
const FAILED: Readonly<Record<string, Case>> = {
  "a misspelt word": {
    files: { "1_a.up.sql": "select 1;\ncraete table t ();" },
    words: [/1_a\.up\.sql:2:1: 42601 syntax error at or near "craete"/],
  },
  "a table that is not there": {
    files: { "1_a.up.sql": "insert into public.none values (1);" },
    words: [/1:13: 42P01/],
  },
  "a place behind a byte order mark and CRLF": {
    files: { "1_a.up.sql": "\ufeff-- a\r\nselect 1;\r\n  select nope;\r\n" },
    words: [/1_a\.up\.sql:3:10: 42703/],
  },
  "a place behind characters of four bytes": {
    files: { "1_a.up.sql": "select '\u{1F600}\u{1F600}', nope;" },
    words: [/1:14: 42703/],
  },
  "an error at the very end": {
    files: { "1_a.up.sql": "create table t (" },
    words: [/1_a\.up\.sql:1:\d+: 42601 syntax error at end of input/],
  },
  "a body that fails": {
    files: { "1_a.up.sql": "do $$\nbegin\n  raise exception 'not today';\nend $$;" },
    words: [/1_a\.up\.sql:3.*P0001 not today/],
  },
  "a constraint that speaks up at COMMIT": {
    files: {
      "1_a.up.sql":
        "create table public.p (id int primary key); create table public.c (p int references public.p deferrable initially deferred); insert into public.c values (1);",
    },
    words: [/failed at its commit.*23503/],
  },
  "an enum's value that is used before its commit": {
    files: {
      "1_a.up.sql": "create type public.mood as enum ('sad');",
      "2_b.up.sql": "begin;\nalter type public.mood add value 'glad';\nselect 'glad'::public.mood;\ncommit;",
    },
    words: [/2_b\.up\.sql:3:8: 55P04/],
  },
  "a type that is not there": {
    files: { "1_a.up.sql": "create table public.t (\n  id itn\n);" },
    words: [/1_a\.up\.sql:2:6: 42704.*check the order of files/],
  },
  "what is there already": { files: { "1_a.up.sql": "create schema public;" }, words: [/42P06/] },
  "an extension that the server does not have": {
    files: { "1_a.up.sql": "create extension no_such_extension;" },
    words: [/1_a\.up\.sql:1:1: (?:0A000|58P01).*install its package/],
  },
  "a table that deferred constraints still look at": {
    files: {
      "1_a.up.sql":
        "create table public.p (id int primary key); create table public.c (p int references public.p deferrable initially deferred); insert into public.c values (1); alter table public.c add x int;",
    },
    words: [/55006.*set constraints all immediate/],
  },
  "a division by zero": { files: { "1_a.up.sql": "select 1 / 0;" }, words: [/22012 division by zero/] },
};

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase(server);
});
afterAll(() => database[Symbol.asyncDispose]());

const NO_STACK = /\bat [\w./<>]+ \(|\bat (file|node):|"stack"/;

function folderOf({ files, prepare }: Case): string {
  const folder = writeFolder(files);
  prepare?.(folder);
  return folder;
}

for (const [name, each] of Object.entries(REFUSED)) {
  test(`${name}: exit 11, said in words, nothing run`, async () => {
    const migrations = folderOf(each);

    const result = await runSlipway(["run"], { database, schema: "", migrations, env: { ...each.env } });

    expect(result).toExit(11);
    expect(result.stray).toEqual([]);
    expect(result.stderr).not.toMatch(NO_STACK);
    const { problems, msg } = lastLineOf(result);
    expect(problems).toEqual(each.words.map((words) => expect.stringMatching(words)));
    expect(msg).toMatch(/^SOURCE_INVALID \(exit 11\): .*Next: ./);
    expect(await database.value("select to_regnamespace('migrations') is null")).toBe(true);
  });
}

for (const [name, each] of Object.entries(FAILED)) {
  test(`${name}: exit 30, said in words, nothing of the file left`, async () => {
    await using own = await openTestDatabase(server);

    const result = await runSlipway(["run"], { database: own, schema: "", migrations: folderOf(each) });

    expect(result).toExit(30);
    expect(result.stray).toEqual([]);
    expect(result.stderr).not.toMatch(NO_STACK);
    for (const words of each.words) expect(lastLineOf(result).msg).toMatch(words);
    expect(
      await own.value("select count(*)::int from pg_class where relnamespace = 'public'::regnamespace"),
    ).toBe(0);
    expect(await own.value("select count(*)::int from migrations.app where status = 'failed'")).toBe(1);
  });
}
