import { loadModule, parseSync } from "libpg-query";
import { beforeAll, expect, test } from "vitest";
import { formatProblem } from "../../../src/errors.ts";
import { fillPlaceholders } from "../../../src/sql/placeholders.ts";

beforeAll(loadModule);

const VARS = {
  A: "app",
  B: "app-user",
  QUOTE: "it's",
  NAME_QUOTE: 'a"b',
  SLASH: "a\\b'c",
  N: "5",
  NEGATIVE: "-5",
  CODE: "007",
  KEYWORD: "user",
  TAG: "a$$b",
  END: "a$",
  DOLLARS: "$&$1",
  EMPTY: "",
};

function fill(sql: string): string {
  return fillPlaceholders("f.sql", sql, VARS).text;
}

function problemsOf(sql: string, vars: Readonly<Record<string, string>> = VARS): string[] {
  return fillPlaceholders("f.sql", sql, vars).problems.map(formatProblem);
}

/** Statements with what they become. What stands here is also parsed by PostgreSQL's own parser. */
const STATEMENTS: ReadonlyArray<readonly [sql: string, filled: string]> = [
  // inside quotes
  ["select '{{QUOTE}}'", "select 'it''s'"],
  ["select 'a {{ QUOTE }} b {{A}}'", "select 'a it''s b app'"],
  ["select E'{{SLASH}}'", "select E'a\\\\b''c'"],
  ["select E'a'\n'{{SLASH}}'", "select E'a'\n'a\\\\b''c'"],
  ["select '{{SLASH}}'", "select 'a\\b''c'"],
  ["select U&'{{SLASH}}'", "select U&'a\\\\b''c'"],
  ["select U&'\\0061 {{A}}!' uescape 'p'", "select U&'\\0061 apppp!' uescape 'p'"],
  ['select 1 as "{{NAME_QUOTE}}"', 'select 1 as "a""b"'],
  ["select '{{DOLLARS}}'", "select '$&$1'"],
  [
    `select '{{"a":1}}'::jsonb, '{{1,2}}'::int[], '{{ a b }}'`,
    `select '{{"a":1}}'::jsonb, '{{1,2}}'::int[], '{{ a b }}'`,
  ],
  // names
  ["create role {{A}}", "create role app"],
  ["create role {{ B }}", 'create role "app-user"'],
  ["create schema {{KEYWORD}}", 'create schema "user"'],
  ["create schema {{A}} authorization {{B}}", 'create schema app authorization "app-user"'],
  ["create schema if not exists {{A}}", "create schema if not exists app"],
  ["grant {{A}} to {{B}}, {{KEYWORD}}", 'grant app to "app-user", "user"'],
  ["grant usage on schema {{A}}, {{B}} to {{A}}", 'grant usage on schema app, "app-user" to app'],
  ["grant select ({{N}}) on t to {{A}}", 'grant select ("5") on t to app'],
  [
    "revoke all on database {{B}} from {{A}}, {{B}}",
    'revoke all on database "app-user" from app, "app-user"',
  ],
  [
    "alter default privileges for role {{A}}, {{B}} in schema {{A}} grant select on tables to {{B}}",
    'alter default privileges for role app, "app-user" in schema app grant select on tables to "app-user"',
  ],
  ["alter table {{A}}.t owner to {{B}}", 'alter table app.t owner to "app-user"'],
  ["alter table t rename to {{B}}", 'alter table t rename to "app-user"'],
  ["alter table t set schema {{B}}", 'alter table t set schema "app-user"'],
  [
    "alter table t alter c set default {{A}}, owner to {{B}}",
    "alter table t alter c set default 'app', owner to \"app-user\"",
  ],
  ["create table {{A}}.{{B}} ({{N}} int, b {{KEYWORD}})", 'create table app."app-user" ("5" int, b "user")'],
  ["create index {{B}} on t using gin ({{N}})", 'create index "app-user" on t using gin ("5")'],
  [
    "create policy p on t for select to {{A}}, {{B}} using (owner = {{B}})",
    "create policy p on t for select to app, \"app-user\" using (owner = 'app-user')",
  ],
  ["set role {{B}}", 'set role "app-user"'],
  ["set session authorization {{B}}", 'set session authorization "app-user"'],
  ["create extension {{B}} with schema {{A}}", 'create extension "app-user" with schema app'],
  ["create publication p for table {{A}}, {{B}}", 'create publication p for table app, "app-user"'],
  ["drop role if exists {{A}}, {{B}}", 'drop role if exists app, "app-user"'],
  [
    "select * from {{A}}.t join {{B}} using ({{N}}) order by {{A}}",
    'select * from app.t join "app-user" using ("5") order by app',
  ],
  ["select {{A}}.f(), x from {{B}}", 'select app.f(), x from "app-user"'],
  ["select x::{{B}}, cast(y as {{A}})", 'select x::"app-user", cast(y as app)'],
  ["select 1 where {{B}} = {{B}}", "select 1 where \"app-user\" = 'app-user'"],
  ["update {{B}} set {{A}} = {{A}}, {{B}} = 2", 'update "app-user" set app = \'app\', "app-user" = 2'],
  ["insert into {{B}} ({{A}}, {{N}}) values (1, 2)", 'insert into "app-user" (app, "5") values (1, 2)'],
  ["alter user {{A}} in database {{B}} reset all", 'alter user app in database "app-user" reset all'],
  // literals only
  [
    "create role {{A}} login password {{N}} valid until {{QUOTE}}",
    "create role app login password '5' valid until 'it''s'",
  ],
  ["comment on table {{A}}.t is {{N}}", "comment on table app.t is '5'"],
  ["create type t as enum ({{A}}, {{N}})", "create type t as enum ('app', '5')"],
  ["alter type t add value {{A}} before {{N}}", "alter type t add value 'app' before '5'"],
  ["alter type t rename value {{A}} to {{B}}", "alter type t rename value 'app' to 'app-user'"],
  [
    "create server s foreign data wrapper {{B}} options (host {{A}}, port {{N}}, user {{B}})",
    "create server s foreign data wrapper \"app-user\" options (host 'app', port '5', user 'app-user')",
  ],
  [
    "create user mapping for {{B}} server s options (password {{QUOTE}})",
    "create user mapping for \"app-user\" server s options (password 'it''s')",
  ],
  [
    "create subscription s connection {{QUOTE}} publication {{B}}",
    "create subscription s connection 'it''s' publication \"app-user\"",
  ],
  ["copy {{A}} from {{QUOTE}}", "copy app from 'it''s'"],
  [
    "create tablespace {{B}} owner {{A}} location {{QUOTE}}",
    "create tablespace \"app-user\" owner app location 'it''s'",
  ],
  [
    "select interval {{A}}, x at time zone {{B}}, y like {{A}}",
    "select interval 'app', x at time zone 'app-user', y like 'app'",
  ],
  [
    "create trigger g before insert on t execute function f({{N}}, {{A}})",
    "create trigger g before insert on t execute function f('5', 'app')",
  ],
  ["notify c, {{A}}", "notify c, 'app'"],
  // values, where a number stays one
  ["select {{N}}, {{A}}, {{NEGATIVE}}, {{CODE}}", "select 5, 'app', -5, '007'"],
  [
    "select a = {{A}}, b <> {{N}}, c || {{QUOTE}}, d - {{NEGATIVE}}",
    "select a = 'app', b <> 5, c || 'it''s', d - -5",
  ],
  ["select a -{{NEGATIVE}}, a={{A}}", "select a - -5, a= 'app'"],
  ["select f({{A}}, g({{N}})), current_setting({{A}})", "select f('app', g(5)), current_setting('app')"],
  ["select * from generate_series(1, {{N}}), f({{A}})", "select * from generate_series(1, 5), f('app')"],
  ["select substring(a from {{N}} for {{N}}) from {{A}}", "select substring(a from 5 for 5) from app"],
  [
    "select case {{A}} when {{B}} then {{N}} else {{QUOTE}} end, {{A}}",
    "select case 'app' when 'app-user' then 5 else 'it''s' end, 'app'",
  ],
  [
    "select 1 where a in ({{A}}, {{N}}) and b between {{N}} and {{N}} limit {{N}} offset {{N}}",
    "select 1 where a in ('app', 5) and b between 5 and 5 limit 5 offset 5",
  ],
  [
    "select 1 where f({{A}}) and g = any (array[{{A}}, {{B}}])",
    "select 1 where f('app') and g = any (array['app', 'app-user'])",
  ],
  [
    "insert into t values ({{A}}, {{N}}), ({{QUOTE}}, default)",
    "insert into t values ('app', 5), ('it''s', default)",
  ],
  [
    "insert into t values (1) on conflict ({{A}}) do update set {{A}} = {{A}}",
    "insert into t values (1) on conflict (app) do update set app = 'app'",
  ],
  [
    "create table t (a text default {{A}}, b vector({{N}}), c numeric({{N}}, 2))",
    "create table t (a text default 'app', b vector(5), c numeric(5, 2))",
  ],
  ["alter table t alter c type vector({{N}})", "alter table t alter c type vector(5)"],
  [
    "create table p partition of t for values from ({{A}}) to ({{B}})",
    "create table p partition of t for values from ('app') to ('app-user')",
  ],
  [
    "create table p partition of t for values with (modulus {{N}}, remainder 1)",
    "create table p partition of t for values with (modulus 5, remainder 1)",
  ],
  ["create index i on t (a) with (fillfactor = {{N}})", "create index i on t (a) with (fillfactor = 5)"],
  [
    "create sequence s start with {{N}} increment by {{N}} cache {{N}}",
    "create sequence s start with 5 increment by 5 cache 5",
  ],
  [
    "create database {{B}} owner = {{A}} connection limit {{N}} encoding {{A}}",
    "create database \"app-user\" owner = 'app' connection limit 5 encoding 'app'",
  ],
  ["set search_path to {{A}}, {{B}}", "set search_path to 'app', 'app-user'"],
  ["set local a.b = {{N}}", "set local a.b = 5"],
  [
    "alter role {{B}} set search_path = {{A}}, {{B}}",
    "alter role \"app-user\" set search_path = 'app', 'app-user'",
  ],
  ["alter database {{B}} set app.x to {{QUOTE}}", "alter database \"app-user\" set app.x to 'it''s'"],
  ["alter system set work_mem = {{A}}", "alter system set work_mem = 'app'"],
  ["call p({{A}}, {{N}})", "call p('app', 5)"],
  ["select 'a' {{A}}", "select 'a' app"],
  // dollar quotes
  [
    "do $$ begin if not exists (select from pg_roles where rolname = {{B}}) then create role {{B}} password {{N}}; end if; end $$",
    "do $$ begin if not exists (select from pg_roles where rolname = 'app-user') then create role \"app-user\" password '5'; end if; end $$",
  ],
  [
    "do $$ declare a text := {{A}}; begin execute format('create role %I', {{B}}); raise notice '%', {{QUOTE}}; perform f({{N}}); end $$",
    "do $$ declare a text := 'app'; begin execute format('create role %I', 'app-user'); raise notice '%', 'it''s'; perform f(5); end $$",
  ],
  [
    "do $a$ begin execute $b$ grant {{B}} to x $b$; end $a$",
    'do $a$ begin execute $b$ grant "app-user" to x $b$; end $a$',
  ],
  [
    "do $$ begin for i in 1..{{N}} loop insert into {{B}} values (i); end loop; end $$",
    'do $$ begin for i in 1..5 loop insert into "app-user" values (i); end loop; end $$',
  ],
  ["do $$-- {{NOBODY}}\nbegin end $$", "do $$-- {{NOBODY}}\nbegin end $$"],
  [
    "create function f() returns text language sql as $$ select {{A}} from {{B}} $$",
    "create function f() returns text language sql as $$ select 'app' from \"app-user\" $$",
  ],
  ["comment on table t is $$it's {{QUOTE}} {{B}}$$", "comment on table t is $$it's it's app-user$$"],
  ["insert into t values ($${{B}}$$)", "insert into t values ($$app-user$$)"],
  [
    "select cron.schedule('a', '* * * * *', $$delete from {{B}}$$)",
    "select cron.schedule('a', '* * * * *', $$delete from \"app-user\"$$)",
  ],
  // pieces of words, and neighbours
  ["create table app_{{A}}_{{N}} ()", "create table app_app_5 ()"],
  ["create table {{A}}{{N}} ()", "create table app5 ()"],
  // comments
  ["select 1 -- {{NOBODY}}\n, /* {{NOBODY}} */ 2", "select 1 -- {{NOBODY}}\n, /* {{NOBODY}} */ 2"],
];
for (const [sql, filled] of STATEMENTS) {
  test(`${JSON.stringify(sql)} becomes ${JSON.stringify(filled)}`, () => {
    expect(fill(sql)).toBe(filled);
    expect(problemsOf(sql)).toEqual([]);
    expect(() => parseSync(filled)).not.toThrow();
  });
}

test("a value never grows together with its neighbours into something else", () => {
  expect(fill("select 'a'{{A}}'b'")).toBe("select 'a' app 'b'");
  expect(fill("select x||{{QUOTE}}||y")).toBe("select x|| 'it''s' ||y");
  expect(fill("select U&{{A}}")).toBe("select U& 'app'");
  expect(fill("select a::{{B}}[]")).toBe('select a::"app-user" []');
});

const PROBLEMS: ReadonlyArray<readonly [sql: string, ...problems: string[]]> = [
  ["select {{NOBODY}}", "f.sql:1:8: {{NOBODY}} is not set (set SLIPWAY_VAR_NOBODY)"],
  [
    "select 1;\n select 'Dear {{name}}'",
    "f.sql:2:15: {{name}} is not set (set SLIPWAY_VAR_name; if it is meant as text, write '{' || '{name}}')",
  ],
  ["select {{constructor}}", "f.sql:1:8: {{constructor}} is not set (set SLIPWAY_VAR_constructor)"],
  ["do $$ begin\n x := {{NOBODY}}; end $$", "f.sql:2:7: {{NOBODY}} is not set (set SLIPWAY_VAR_NOBODY)"],
  [
    "create role {{ APP USER }}",
    "f.sql:1:13: this is no placeholder: between the braces stands one name of letters, digits and _ (write {{NAME}})",
  ],
  [
    "create role {{EMPTY}}",
    "f.sql:1:13: {{EMPTY}} is a name here, and its value is empty (set SLIPWAY_VAR_EMPTY)",
  ],
  [
    "create table app_{{B}} ()",
    'f.sql:1:18: {{B}} is a piece of a word here, and its value holds more than a-z, 0-9 and _ (quote the whole name: "…{{B}}…")',
  ],
  [
    "do $$ begin x := '{{TAG}}'; end $$",
    "f.sql:1:19: a value filled in here holds $$, which would end the text around it (quote that with another tag, such as $slipway$)",
  ],
  [
    "comment on table t is $${{END}}$$",
    "f.sql:1:25: a value filled in here holds $$, which would end the text around it (quote that with another tag, such as $slipway$)",
  ],
  [
    "create function f() returns int as $$ return {{A}} $$ language plpython3u",
    "f.sql:1:46: a placeholder in the language plpython3u, whose quoting slipway doesn't know (pass the value as an argument, or read a setting with current_setting())",
  ],
  [
    "select {{X1}}, {{X2}}",
    "f.sql:1:8: {{X1}} is not set (set SLIPWAY_VAR_X1)",
    "f.sql:1:16: {{X2}} is not set (set SLIPWAY_VAR_X2)",
  ],
];
for (const [sql, ...problems] of PROBLEMS) {
  test(`${JSON.stringify(sql)} has ${problems.length === 1 ? "a problem" : "problems"}, with place and remedy`, () => {
    expect(problemsOf(sql)).toEqual(problems);
  });
}

test("a problem never shows the value", () => {
  const secrets = { A: "s3cret\0", B: "S3cret$$" };

  const text = JSON.stringify([
    ...fillPlaceholders("f", "select {{A}}; create table a_{{B}} (); do $${{B}}$$", secrets).problems,
  ]);

  expect(text).toContain("NUL");
  expect(text).not.toMatch(/s3cret/i);
});

test("a value with another tag than the text around it is harmless", () => {
  expect(fill("do $a$ begin x := '{{TAG}}'; end $a$")).toBe("do $a$ begin x := 'a$$b'; end $a$");
});

test("the names used are told once, in their order, without those in comments", () => {
  const sql = "-- {{N}}\nselect '{{B}}', {{A}}, {{B}}, {{NOBODY}}; do $$ begin x := {{CODE}}; end $$";

  expect(fillPlaceholders("f.sql", sql, VARS).used).toEqual(["B", "A", "NOBODY", "CODE"]);
});

test("an empty literal is a value like any other", () => {
  expect(fill("create role app password {{EMPTY}}")).toBe("create role app password ''");
});

test("offsets of the filled text lead back to the file", () => {
  const sql = "grant {{B}} to {{A}}; do $$ begin x := {{QUOTE}}; end $$; select nope";
  const { text, toOriginal } = fillPlaceholders("f.sql", sql, VARS);

  for (const word of ["grant", "to ", "do ", "begin", "x :=", "; end", "select", "nope"]) {
    expect(toOriginal(text.indexOf(word))).toBe(sql.indexOf(word));
  }
  expect(toOriginal(text.indexOf("user"))).toBe(sql.indexOf("{{B}}"));
  expect(toOriginal(text.indexOf("'it''s'") + 3)).toBe(sql.indexOf("{{QUOTE}}"));
  expect(toOriginal(text.length)).toBe(sql.length);
  expect(toOriginal(0)).toBe(0);
});

test("a text without placeholders is given back as it is", () => {
  const { text, used, problems, toOriginal } = fillPlaceholders("f.sql", "select 1", VARS);

  expect({ text, used, problems, offset: toOriginal(3) }).toEqual({
    text: "select 1",
    used: [],
    problems: [],
    offset: 3,
  });
});

const VALUES: readonly string[] = [
  "",
  "a",
  "'; drop table t; --",
  '"; drop table t; --',
  "\\",
  "\\'",
  "$$",
  "é😀",
  "a\nb",
  "--",
  "/*",
  "5",
  "-5",
  "{{A}}",
];
const PLACES: readonly string[] = [
  "select '{{X}}' as r",
  "select E'{{X}}' as r",
  "select U&'{{X}}' as r",
  "select 'a' = {{X}}",
  "create role a password {{X}}",
  "create type t as enum ({{X}})",
  "alter role a set b to {{X}}",
  "select 1 -{{X}}",
  "select 'a' ={{X}}",
];
/** Where a number stays one. */
const BARE: ReadonlySet<string> = new Set(PLACES.filter((place) => /[=-] ?\{\{X|to \{\{X/.test(place)));
for (const place of PLACES) {
  test(`whatever the value, ${place} stays one statement that holds exactly it`, () => {
    for (const value of VALUES) {
      const { text } = fillPlaceholders("f.sql", place, { X: value });
      const { stmts } = parseSync(text);
      const number = /^-?\d+$/.test(value) && BARE.has(place);

      expect(stmts).toHaveLength(1);
      expect(JSON.stringify(stmts)).toContain(number ? `"ival":${value}` : `"sval":${JSON.stringify(value)}`);
    }
  });
}

test("whatever the value, a name stays one name", () => {
  for (const value of VALUES.filter((each) => each !== "")) {
    const { stmts } = parseSync(fillPlaceholders("f.sql", "drop role {{X}}", { X: value }).text);

    expect(JSON.stringify(stmts)).toContain(`"rolename":${JSON.stringify(value)}`);
    expect(stmts).toHaveLength(1);
  }
});
