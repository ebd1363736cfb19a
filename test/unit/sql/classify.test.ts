import { expect, test } from "vitest";
import { classifyStatement } from "../../../src/sql/classify.ts";

function classify(text: string) {
  return classifyStatement({ text });
}

const CONTROL: ReadonlyArray<readonly [sql: string, control: object | undefined]> = [
  ["BEGIN", { kind: "begin", options: "" }],
  ["begin work", { kind: "begin", options: "" }],
  [
    "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
    { kind: "begin", options: "ISOLATION LEVEL SERIALIZABLE, READ ONLY" },
  ],
  ["begin transaction read write", { kind: "begin", options: "read write" }],
  ["/* x */ commit", { kind: "commit", chain: false }],
  ["END TRANSACTION", { kind: "commit", chain: false }],
  ["commit work and chain", { kind: "commit", chain: true }],
  ["commit and no chain", { kind: "commit", chain: false }],
  ["rollback", { kind: "rollback", chain: false }],
  ["abort and chain", { kind: "rollback", chain: true }],
  ["rollback to savepoint a", { kind: "savepoint" }],
  ["rollback work to a", { kind: "savepoint" }],
  ["savepoint a", { kind: "savepoint" }],
  ["release a", { kind: "savepoint" }],
  ["prepare transaction 'x'", { kind: "prepare transaction" }],
  ["prepare transaction as select 1", undefined],
  ["commit prepared 'x'", undefined],
  ['"begin"', undefined],
  ["select 1", undefined],
];
for (const [sql, control] of CONTROL) {
  test(`${sql} is ${control === undefined ? "no transaction control" : JSON.stringify(control)}`, () => {
    expect(classify(sql).control).toEqual(control);
  });
}

const REFUSED: ReadonlyArray<readonly [sql: string, reason: string]> = [
  ["create index concurrently on t (a)", "CREATE INDEX CONCURRENTLY"],
  ["CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX CONCURRENTLY"],
  ["drop index concurrently i", "DROP INDEX CONCURRENTLY"],
  ["reindex index concurrently i", "REINDEX CONCURRENTLY"],
  ["reindex (verbose) table concurrently t", "REINDEX CONCURRENTLY"],
  ["reindex (concurrently) table t", "REINDEX CONCURRENTLY"],
  ["reindex (concurrently on) table t", "REINDEX CONCURRENTLY"],
  ["reindex schema s", "REINDEX SCHEMA"],
  ["reindex database", "REINDEX DATABASE"],
  ["reindex (verbose) system d", "REINDEX SYSTEM"],
  ["vacuum", "VACUUM"],
  ["vacuum (full, analyze) t", "VACUUM"],
  ["cluster", "CLUSTER without a table"],
  ["cluster (verbose)", "CLUSTER without a table"],
  ["cluster verbose", "CLUSTER without a table"],
  ["repack", "REPACK without a table"],
  ["repack (concurrently) t", "REPACK (CONCURRENTLY)"],
  ["create database d", "CREATE DATABASE"],
  ["drop database if exists d", "DROP DATABASE"],
  ["alter database d set tablespace t", "ALTER DATABASE SET TABLESPACE"],
  ["create tablespace t location '/x'", "CREATE TABLESPACE"],
  ["drop tablespace t", "DROP TABLESPACE"],
  ["alter system set work_mem = '1MB'", "ALTER SYSTEM"],
  ["alter table a.p detach partition a.c concurrently", "ALTER TABLE ... DETACH CONCURRENTLY"],
  ["create subscription s connection 'x' publication p", "CREATE SUBSCRIPTION ... WITH (create_slot = true)"],
  [
    "create subscription s connection 'x' publication p with (copy_data = false)",
    "CREATE SUBSCRIPTION ... WITH (create_slot = true)",
  ],
  [
    "create subscription s connection 'x' publication p with (connect)",
    "CREATE SUBSCRIPTION ... WITH (create_slot = true)",
  ],
  ["alter subscription s refresh publication", "ALTER SUBSCRIPTION ... REFRESH"],
  ["alter subscription s set publication p", "ALTER SUBSCRIPTION with refresh"],
  ["alter subscription s add publication p with (refresh = true)", "ALTER SUBSCRIPTION with refresh"],
  ["commit prepared 'x'", "COMMIT PREPARED"],
  ["rollback prepared 'x'", "ROLLBACK PREPARED"],
  ["discard all", "DISCARD ALL"],
  [
    "call public.refresh_continuous_aggregate('a', null, null)",
    "CALL refresh_continuous_aggregate() of TimescaleDB",
  ],
  [
    "create materialized view m with (timescaledb.continuous) as select 1",
    "CREATE MATERIALIZED VIEW ... WITH DATA of TimescaleDB",
  ],
];
for (const [sql, reason] of REFUSED) {
  test(`${sql} can never run in a transaction`, () => {
    expect(classify(sql)).toMatchObject({ nonTransactional: reason, alwaysRefused: true });
  });
}

const SOMETIMES: readonly string[] = [
  "drop subscription s",
  "alter subscription s set (failover = true)",
  "alter subscription s set (two_phase = false)",
  "do $$ begin update t set a = 1; commit; end $$",
  "do language plpgsql 'begin loop rollback; end loop; end'",
  "do $$ begin if true then commit and chain; end if; end $$",
  "select pg_create_logical_replication_slot('s', 'pgoutput')",
];
for (const sql of SOMETIMES) {
  test(`${sql} runs outside a transaction, but may stand in the file's own`, () => {
    const found = classify(sql);

    expect(found.nonTransactional).toBeTypeOf("string");
    expect(found.alwaysRefused).toBe(false);
  });
}

const ALLOWED: readonly string[] = [
  "create index on t (a)",
  'create index "concurrently" on t (a)',
  "create table concurrently_made (a int)",
  "create index i on t (concurrently)",
  "drop index i",
  "reindex table t",
  "reindex (verbose) index i",
  "reindex (concurrently off) table t",
  "analyze t",
  "cluster t using i",
  "cluster verbose t",
  "repack t",
  "alter database d set work_mem = '1MB'",
  "alter database d owner to o",
  "alter tablespace t owner to o",
  "alter table p detach partition c",
  "alter table p detach partition c finalize",
  "alter table p attach partition c default",
  "create subscription s connection 'x' publication p with (connect = false)",
  "create subscription s connection 'x' publication p with (slot_name = 'a', create_slot = 'off')",
  "alter subscription s set publication p with (refresh = false)",
  "alter subscription s disable",
  "alter subscription s set (slot_name = none)",
  "discard plans",
  "refresh materialized view concurrently m",
  "alter type t add value 'x'",
  "truncate t",
  "do $$ begin perform 'commit;'; -- commit;\n end $$",
  "create function f() returns void language plpgsql as $$ begin commit; end $$",
  "call p()",
  "create materialized view m with (timescaledb.continuous) as select 1 with no data",
  "comment on table t is 'vacuum'",
];
for (const sql of ALLOWED) {
  test(`${sql} may run in a transaction`, () => {
    expect(classify(sql).nonTransactional).toBeUndefined();
  });
}

const CONCURRENT: ReadonlyArray<readonly [sql: string, work: object | undefined]> = [
  [
    'create unique index concurrently if not exists "My i" on only shop.t using gin (a)',
    {
      kind: "create index",
      unique: true,
      ifNotExists: true,
      index: "My i",
      table: { schema: "shop", name: "t" },
    },
  ],
  [
    "create index concurrently on T (a)",
    {
      kind: "create index",
      unique: false,
      ifNotExists: false,
      index: undefined,
      table: { schema: undefined, name: "t" },
    },
  ],
  [
    'drop index concurrently if exists a.i, "B"',
    {
      kind: "drop index",
      ifExists: true,
      indexes: [
        { schema: "a", name: "i" },
        { schema: undefined, name: "B" },
      ],
    },
  ],
  [
    "reindex (concurrently) table d.s.t",
    { kind: "reindex", target: "table", name: { schema: "s", name: "t" } },
  ],
  ["reindex database concurrently", { kind: "reindex", target: "database", name: undefined }],
  [
    "alter table if exists only a.p * detach partition c concurrently",
    {
      kind: "detach partition",
      parent: { schema: "a", name: "p" },
      partition: { schema: undefined, name: "c" },
    },
  ],
  ["create index i on t (a)", undefined],
  ["reindex table t", undefined],
  ["refresh materialized view concurrently m", undefined],
];
for (const [sql, work] of CONCURRENT) {
  test(`${sql} is ${work === undefined ? "not concurrent work" : "understood with its names"}`, () => {
    expect(classify(sql).concurrent).toEqual(work);
  });
}

const ENUM_VALUES: ReadonlyArray<readonly [sql: string, value: object | undefined]> = [
  ["alter type shop.mood add value 'ok'", { type: { schema: "shop", name: "mood" }, value: "ok" }],
  [
    "alter type Mood add value if not exists 'so''so' after 'ok'",
    { type: { schema: undefined, name: "mood" }, value: "so'so" },
  ],
  [
    "alter type mood add value E'a\\tb\\x41\\u00e9'",
    { type: { schema: undefined, name: "mood" }, value: "a\tbAé" },
  ],
  ["alter type mood add value U&'\\0061'", { type: { schema: undefined, name: "mood" }, value: "a" }],
  ["alter type mood add value $$x$$", { type: { schema: undefined, name: "mood" }, value: "x" }],
  ["alter type mood rename value 'a' to 'b'", undefined],
  ["alter type mood add attribute a int", undefined],
];
for (const [sql, value] of ENUM_VALUES) {
  test(`${sql} ${value === undefined ? "adds no value" : "adds its value"}`, () => {
    expect(classify(sql).addsEnumValue).toEqual(value);
  });
}

test("names are cut to the 63 bytes that the catalogs hold", () => {
  const long = `${"é".repeat(31)}xyz`;

  expect(classify(`drop index concurrently ${long}`).concurrent).toMatchObject({
    indexes: [{ name: `${"é".repeat(31)}x` }],
  });
});

const SUMMARIES: ReadonlyArray<readonly [sql: string, verb: string, summary: string]> = [
  ["CREATE TABLE IF NOT EXISTS Shop.Products (id int)", "create table", "create table shop.products"],
  ["create or replace function app.f(a int) returns int", "create function", "create function app.f"],
  ["create temp table t ()", "create table", "create table t"],
  [
    "create unique index concurrently i on only a.b (c)",
    "create unique index",
    "create unique index concurrently i on a.b",
  ],
  ["create index on a.b (c)", "create index", "create index on a.b"],
  ['create policy "own rows" on a.b using (true)', "create policy", 'create policy "own rows" on a.b'],
  [
    "create trigger t after insert or update of x on a.b for each row execute function f()",
    "create trigger",
    "create trigger t on a.b",
  ],
  ["create materialized view m as select 1", "create materialized view", "create materialized view m"],
  [
    "create text search configuration a.c (copy = simple)",
    "create text search configuration",
    "create text search configuration a.c",
  ],
  [
    "create user mapping for bob server s options (password 'secret')",
    "create user mapping",
    "create user mapping",
  ],
  ["alter role bob password 'secret'", "alter role", "alter role bob"],
  [
    "alter default privileges in schema a grant select on tables to b",
    "alter default privileges",
    "alter default privileges",
  ],
  ["drop table if exists a.b cascade", "drop table", "drop table a.b"],
  ["comment on column a.b.c is 'x'", "comment on column", "comment on column b.c"],
  ["insert into a.b values ('secret')", "insert", "insert into a.b"],
  ["update only a.b set c = 1", "update", "update only a.b"],
  ["delete from a.b where c = 'x'", "delete", "delete from a.b"],
  ["truncate table a.b, c", "truncate", "truncate table a.b"],
  ["grant select on a.b to bob", "grant", "grant select on a.b to bob"],
  ["select app.seed('secret')", "select", "select app.seed(…)"],
  ["select a, b from c", "select", "select"],
  ["with a as (select 'secret') select 1", "with", "with"],
  ["do $$ begin end $$", "do", "do"],
  ["set local search_path to a", "set", "set local search_path"],
  ["refresh materialized view concurrently a.m", "refresh", "refresh materialized view concurrently a.m"],
  ["notify x, 'secret'", "notify", "notify x"],
  ["vacuum (full) a.b", "vacuum", "vacuum a.b"],
  ["((select 1) union select 2)", "select", "select"],
];
for (const [sql, verb, summary] of SUMMARIES) {
  test(`${sql} is called ${summary}`, () => {
    expect(classify(sql)).toMatchObject({ verb, summary });
  });
}

test("a summary is never longer than 80 characters", () => {
  const { summary } = classify(`grant select on ${"averylongname, ".repeat(20)} b to c`);

  expect(summary).toHaveLength(80);
  expect(summary.endsWith("…")).toBe(true);
});
