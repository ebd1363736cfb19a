import { expect, test } from "vitest";
import { namesIn } from "../../../src/bootstrap/script.ts";
import { extensionOf, isOptional } from "../../../src/sql/extension.ts";
import { readScript } from "../../../src/sql/script.ts";
import { type SqlStatement, splitStatements } from "../../../src/sql/split.ts";

function statementOf(sql: string): SqlStatement {
  const [statement] = splitStatements(sql).statements;
  if (statement === undefined) throw new Error("there is no statement");
  return statement;
}

const EXTENSIONS: ReadonlyArray<readonly [sql: string, extension: string | undefined]> = [
  ["create extension pgcrypto", "pgcrypto"],
  ["CREATE EXTENSION IF NOT EXISTS Citext WITH SCHEMA app", "citext"],
  ['create extension if not exists "uuid-ossp"', "uuid-ossp"],
  ['create extension "We""ird"', 'We"ird'],
  ["create\n  extension\n  postgis version '3.4' cascade", "postgis"],
  ["create extension pg_stat_statements", "pg_stat_statements"],
  ["drop extension pgcrypto", undefined],
  ["alter extension pgcrypto update", undefined],
  ["comment on extension pgcrypto is 'create extension x'", undefined],
  ["create schema extension", undefined],
  ["select 'create extension pgcrypto'", undefined],
];
for (const [sql, extension] of EXTENSIONS) {
  test(`${JSON.stringify(sql)} creates ${extension === undefined ? "no extension" : `the extension ${extension}`}`, () => {
    expect(extensionOf(statementOf(sql))).toBe(extension);
  });
}

test("a comment between the words is no part of an extension's name", () => {
  const statement = statementOf("create extension /* slipway: optional */ pgcrypto");

  expect(extensionOf(statement)).toBe("pgcrypto");
  expect(isOptional(statement)).toBe(true);
});

const OPTIONAL: ReadonlyArray<readonly [sql: string, isOptional: boolean]> = [
  ["-- slipway: optional\ncreate extension a", true],
  ["create extension a; -- slipway: optional", true],
  ["create extension a -- slipway: optional\n;", true],
  ["/* slipway: optional */ create extension a", true],
  ["-- SLIPWAY: OPTIONAL\ncreate extension a", true],
  ["create extension a", false],
  ["-- optional\ncreate extension a", false],
  ["-- slipway: no-transaction\ncreate extension a", false],
  ["create extension a;\n-- slipway: optional\ncreate extension b", false],
];
test.each(OPTIONAL)("%j: the first statement is optional: %s", (sql, expected) => {
  expect(isOptional(statementOf(sql))).toBe(expected);
});

const NAMES: ReadonlyArray<readonly [sql: string, names: readonly string[]]> = [
  ["create role app_user", ["create", "role", "app_user"]],
  ["CREATE ROLE App", ["create", "role", "app"]],
  ['create role "App User"', ["create", "role", "App User"]],
  ['create role "say ""hi"""', ["create", "role", 'say "hi"']],
  ["select 'it''s'", ["select", "it's"]],
  ["grant a to a, b", ["grant", "a", "to", "b"]],
  [
    "do $$ begin execute format('create role %I', 'reader'); end $$",
    ["do", "begin", "execute", "format", "create role %I", "reader", "end"],
  ],
];
test.each(NAMES)("%s mentions %j", (sql, names) => {
  const { script } = readScript({ path: "bootstrap.sql", text: sql }, {});

  expect(namesIn(script)).toEqual(names);
});

test("a name may have letters beyond ASCII without being quoted", () => {
  const { script } = readScript({ path: "bootstrap.sql", text: "create role größe_ä" }, {});

  expect(namesIn(script)).toEqual(["create", "role", "größe_ä"]);
});

test("a name that only comes by a placeholder is mentioned too", () => {
  const { script } = readScript(
    { path: "bootstrap.sql", text: "create role {{OWNER}}" },
    { OWNER: "shop_owner" },
  );

  expect(namesIn(script)).toContain("shop_owner");
});

test("a literal too long for a name is none", () => {
  const text = `select '${"x".repeat(63)}', '${"y".repeat(64)}'`;

  const names = namesIn(readScript({ path: "bootstrap.sql", text }, {}).script);

  expect(names).toContain("x".repeat(63));
  expect(names).not.toContain("y".repeat(64));
});
