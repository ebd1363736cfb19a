import { describe, expect, test } from "vitest";
import { lintFiles, lintSql, shownFindings } from "./support.ts";

describe("a finding's place", () => {
  test("is where the part stands that it speaks of", async () => {
    const sql = "alter table shop.orders\n  add column a int,\n  add column b int not null;\n";

    expect(await lintSql(sql)).toEqual(["add-not-null 3:14"]);
  });

  test("is counted in characters, whatever their bytes", async () => {
    const sql =
      "select 'é😀日本';\ncomment on table shop.o is '😀'; alter table \"größe😀\" add \"ü\" int not null;\n";

    expect(await lintSql(sql)).toEqual(["add-not-null 2:58"]);
  });

  test("is that in the user's file where a placeholder was filled", async () => {
    const report = await lintFiles({
      "schema/bootstrap.sql": "create role {{A_ROLE_WITH_A_LONG_NAME}}; grant select on t to public;\n",
    });

    expect(report.problems.map(({ message }) => message)).toEqual(["{{A_ROLE_WITH_A_LONG_NAME}} is not set"]);
  });

  test("is the same with carriage returns and a byte order mark", async () => {
    expect(await lintSql("\uFEFFselect 1;\r\n\r\n  drop index i;\r\n")).toEqual([
      "drop-index-not-concurrent 3:3",
    ]);
  });
});

describe("a table that the file itself makes", () => {
  test.each([
    ["create index i on t (a)"],
    ["create index on T (a)"],
    ["drop table t"],
    ["drop table t cascade"],
    ["truncate t cascade"],
    ["alter table t add b int not null"],
    ["alter table t alter a set not null"],
    ["alter table t alter a type bigint using 1"],
    ["alter table t add constraint c check (a > 0)"],
    ["alter table t add primary key (a)"],
    ["alter table t add foreign key (a) references other (a)"],
    ["alter table t rename to u; create index on u (a)"],
    ["alter table t rename a to b"],
    ["alter table t drop a"],
    ["alter table t set unlogged"],
    ["update t set a = 1"],
    ["create index i on t (a); drop index i"],
    ["alter table t add constraint k unique (a); drop index k"],
  ])("holds no rows: %s", async (sql) => {
    expect(await lintSql(`create table t (a int); ${sql};`)).toEqual([]);
  });

  test.each([
    ["create table t as select 1 as a"],
    ["create temp table t (a int)"],
    ["select 1 as a into t"],
    ["create table s.t (a int)"],
  ])("may be made in any way: %s", async (sql) => {
    expect(await lintSql(`${sql}; create index on t (a);`)).toEqual([]);
  });

  test("is an old one again in the next file", async () => {
    const report = await lintFiles({
      "001_t.up.sql": "create table t (a int);",
      "002_i.up.sql": "create index i on t (a);",
    });

    expect(shownFindings(report)).toEqual(["index-not-concurrent 1:1"]);
  });

  test("is new in the next file too where both meet the database together", async () => {
    const files = { "001_t.up.sql": "create table t (a int);", "002_i.up.sql": "create index i on t (a);" };

    expect(shownFindings(await lintFiles(files, { together: true }))).toEqual([]);
  });

  test("is no other schema's table of the same name", async () => {
    expect(await lintSql("create table s.t (a int); create index i on u.t (a);")).toEqual([
      "index-not-concurrent 1:27",
    ]);
  });

  test("is not made by a file that is only passed over", async () => {
    const files = { "001_t.up.sql": "create table t (a int);", "002_i.up.sql": "create index i on t (a);" };
    const report = await lintFiles(files, {
      together: true,
      isJudged: ({ migration }) => migration?.version === 2n,
    });

    expect(shownFindings(report)).toEqual(["index-not-concurrent 1:1"]);
    expect(report).toMatchObject({ judged: 1, passedOver: 1 });
  });

  test("is not one that a schema file declares", async () => {
    const report = await lintFiles(
      {
        "schema/schemas/t.sql": "create table app.t (a int);",
        "001_i.up.sql": "create index i on app.t (a);",
      },
      { together: true },
    );

    expect(shownFindings(report)).toEqual(["index-not-concurrent 1:1"]);
  });
});

describe("an allow comment", () => {
  const ALTER = "alter table t drop a, add b int not null;";
  const FOUND = ["drop-column", "destructive-without-down", "add-not-null"];
  const rulesIn = async (sql: string): Promise<string[]> =>
    (await lintSql(sql)).map((finding) => finding.split(" ")[0] ?? "").sort();

  test("is needed", async () => {
    expect(await rulesIn(ALTER)).toEqual(FOUND.toSorted());
  });

  test.each([
    ["before the statement", `select 1;\n-- slipway: allow drop-column\n${ALTER}`],
    ["behind it on its line", `select 1;\n${ALTER} -- slipway: allow drop-column`],
    ["inside it", `select 1;\nalter table t /* slipway: allow drop-column */ drop a, add b int not null;`],
    ["at the head of the file", `-- slipway: allow drop-column\n\nselect 1;\n${ALTER}`],
    ["with a reason", `select 1;\n-- slipway: allow drop-column rename was done long ago\n${ALTER}`],
    ["in capitals", `select 1;\n-- Slipway: Allow drop-column\n${ALTER}`],
  ])("silences its rule %s", async (_, sql) => {
    expect(await rulesIn(sql)).toEqual(["add-not-null", "destructive-without-down"]);
  });

  test("silences several rules", async () => {
    const sql = `select 1;\n-- slipway: allow drop-column, add-not-null the table is empty\n${ALTER}`;

    expect(await rulesIn(sql)).toEqual(["destructive-without-down"]);
  });

  test("above the first statement speaks of that statement only", async () => {
    const sql =
      "-- slipway: allow drop-column\nselect 1;\nalter table t drop a; -- slipway: allow destructive-without-down";

    expect(await rulesIn(sql)).toEqual(["drop-column"]);
  });

  test("of one statement leaves the next alone", async () => {
    const sql = "drop index a; -- slipway: allow drop-index-not-concurrent\ndrop index b;";

    expect(await lintSql(sql)).toEqual(["drop-index-not-concurrent 2:1"]);
  });

  test("with a misspelt rule is found itself", async () => {
    expect(await lintSql("select 1;\n-- slipway: allow drop-colum\nselect 2;")).toEqual(["unknown-rule 2:1"]);
  });

  test("that names no rule is found itself", async () => {
    expect(await lintSql("-- slipway: allow\nselect 2;")).toEqual(["unknown-rule 1:1"]);
  });

  test("can't allow what can't be run", async () => {
    expect(await lintSql("-- slipway: allow invalid-file\nselekt 2;")).toEqual(["invalid-file 2:1"]);
  });
});

describe("severities", () => {
  test("turn a rule off", async () => {
    expect(await lintSql("drop index i;", { severities: { "drop-index-not-concurrent": "off" } })).toEqual(
      [],
    );
  });

  test("turn a rule on", async () => {
    const report = await lintFiles(
      { "001_x.up.sql": "select 1" },
      { severities: { "down-missing": "error" } },
    );

    expect(report.findings.map(({ severity, rule }) => `${rule.name} ${severity}`)).toEqual([
      "down-missing error",
    ]);
  });
});

describe("what can't be run", () => {
  test("is a problem at its place, and the rest of the file is judged", async () => {
    const report = await lintFiles({ "001_x.up.sql": "select é é é from;\ndrop index i;\n" });

    expect(shownFindings(report)).toEqual(["drop-index-not-concurrent 2:1", "invalid-file 1:12"]);
    expect(report.problems).toHaveLength(1);
  });

  test("is said once, in slipway's words, when slipway refuses it too", async () => {
    const report = await lintFiles({ "001_x.up.sql": "\\set a b\nselect :a;" });

    expect(new Set(report.problems.map(({ message }) => message)).size).toBe(2);
    expect(report.problems.map(({ message }) => message)).not.toContain('syntax error at or near ":"');
  });

  test("is looked for in down files too", async () => {
    const report = await lintFiles({ "001_x.up.sql": "select 1", "001_x.down.sql": "begin; select 1;" });

    expect(report.problems.map(({ message }) => message)).toEqual([
      "a transaction begins here and never ends",
    ]);
  });

  test("is what does not belong into a schema file", async () => {
    const report = await lintFiles({
      "schema/schemas/a.sql":
        "create table app.t (a int);\ninsert into app.t values (1);\ncreate index concurrently i on app.t (a);\nbegin;\n",
    });

    expect(shownFindings(report)).toEqual(["invalid-file 2:1", "invalid-file 3:1", "invalid-file 4:1"]);
  });
});

test("a thousand files are judged in a moment", async () => {
  const sql = (n: number): string => `create table t${n} (id bigint primary key, name text not null);
create index t${n}_name on t${n} (name);
alter table t${n} add column note varchar(20) default 'none';
insert into t${n} (id, name) values (1, 'a'), (2, 'b');
comment on table t${n} is 'Table number ${n}';`;
  const files = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`${n + 1}_t.up.sql`, sql(n)]));
  const start = process.cpuUsage();

  const report = await lintFiles(files);

  expect(report.judged).toBe(1_000);
  expect(report.findings).toEqual([]);
  const { user, system } = process.cpuUsage(start);
  // About 1.2 s. Of the processor's time: the tests run beside others.
  expect((user + system) / 1_000).toBeLessThan(6_000);
}, 60_000);
