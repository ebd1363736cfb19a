import { expect, test } from "vitest";
import type { Reader } from "../../../src/config/readers.ts";
import {
  approval,
  boolean,
  configMapName,
  duration,
  emptyAsNone,
  identifier,
  list,
  oneOf,
  path,
  port,
  postgresUrl,
  schemaName,
  seconds,
  severities,
  timeout,
} from "../../../src/config/readers.ts";

const ACCEPTED: ReadonlyArray<
  readonly [name: string, text: string, reader: Reader<unknown>, value: unknown]
> = [
  ["duration", "0", duration, 0],
  ["duration", "500ms", duration, 500],
  ["duration", "30s", duration, 30_000],
  ["duration", "5m", duration, 300_000],
  ["duration", "1h", duration, 3_600_000],
  ["duration", "596h", duration, 2_145_600_000],
  ["timeout", "off", timeout, 0],
  ["severities", "", severities, {}],
  [
    "severities",
    "rename=off, down-missing=warning",
    severities,
    { rename: "off", "down-missing": "warning" },
  ],
  ["timeout", "2s", timeout, 2_000],
  ["port", "1", port, 1],
  ["port", "65535", port, 65_535],
  ["seconds", "10", seconds, 10_000],
  ["seconds", "-1", seconds, 0],
  ["one of", "drop", oneOf("keep", "drop"), "drop"],
  ["boolean", "true", boolean, true],
  ["boolean", "false", boolean, false],
  ["list", " a, b ,,c ", list, ["a", "b", "c"]],
  ["list", "", list, []],
  ["path", "./some folder", path, "./some folder"],
  ["identifier", "_ops_2", identifier, "_ops_2"],
  ["schema name", "migrations", schemaName, "migrations"],
  ["ConfigMap name", "status", configMapName, { name: "status" }],
  ["ConfigMap name", "apps/db.status-1", configMapName, { namespace: "apps", name: "db.status-1" }],
  ["URL", "postgres://h/d\n", postgresUrl, "postgres://h/d"],
  ["URL", "postgresql://h/d", postgresUrl, "postgresql://h/d"],
  ["approval", "any", approval, "any"],
  ["approval", "4f1c, 12e45", approval, ["4f1c", "12e45"]],
  ["approval", "", approval, []],
  ["path that may be empty", "", emptyAsNone(path), undefined],
];
test.each(ACCEPTED)("%s %j is accepted", (_name, text, reader, value) => {
  expect(reader(text)).toEqual({ value });
});

const REFUSED: ReadonlyArray<
  readonly [name: string, text: string, reader: Reader<unknown>, complaint: string]
> = [
  ["duration", "soon", duration, "must look like 500ms, 30s, 5m or 1h"],
  ["duration", "-5s", duration, "must look like 500ms, 30s, 5m or 1h"],
  ["duration", "1.5s", duration, "must look like 500ms, 30s, 5m or 1h"],
  ["duration", "", duration, "must look like 500ms, 30s, 5m or 1h"],
  ["duration", "off", duration, "must look like 500ms, 30s, 5m or 1h"],
  ["duration", "597h", duration, "must be at most 596h"],
  ["timeout", "never", timeout, "must be off or look like 500ms, 30s, 5m or 1h"],
  ["timeout", "9999h", timeout, "must be at most 596h"],
  ["port", "0", port, "must be a port between 1 and 65535"],
  ["port", "65536", port, "must be a port between 1 and 65535"],
  ["port", "0x50", port, "must be a port between 1 and 65535"],
  ["seconds", "5s", seconds, "must be whole seconds"],
  ["choice of two", "lose", oneOf("keep", "drop"), "must be keep or drop"],
  ["choice of three", "", oneOf("a", "b", "c"), "must be a, b or c"],
  ["boolean", "yes", boolean, "must be true or false"],
  ["path", " ", path, "must be a path"],
  ["path", "a\0b", path, "must be a path without a zero byte"],
  [
    "identifier",
    "1a",
    identifier,
    "must be a name of lowercase letters, digits and _, not starting with a digit",
  ],
  [
    "identifier",
    "Ops",
    identifier,
    "must be a name of lowercase letters, digits and _, not starting with a digit",
  ],
  ["identifier", "a".repeat(64), identifier, "must be at most 63 characters long"],
  ["schema name", "pg_ops", schemaName, "must not be a schema of PostgreSQL's own"],
  ["schema name", "information_schema", schemaName, "must not be a schema of PostgreSQL's own"],
  [
    "ConfigMap name",
    "a/b/c",
    configMapName,
    "must be name or namespace/name, in lowercase letters, digits, - and .",
  ],
  [
    "ConfigMap name",
    "/b",
    configMapName,
    "must be name or namespace/name, in lowercase letters, digits, - and .",
  ],
  [
    "ConfigMap name",
    "Status",
    configMapName,
    "must be name or namespace/name, in lowercase letters, digits, - and .",
  ],
  ["URL", "mysql://h/d", postgresUrl, "must be a URL that starts with postgres:// or postgresql://"],
  ["URL", "host=db dbname=x", postgresUrl, "must be a URL that starts with postgres:// or postgresql://"],
  [
    "severities",
    "rename",
    severities,
    "must be rules and their severities: rename=off,down-missing=warning (off, note, warning, error)",
  ],
  [
    "severities",
    "rename=none",
    severities,
    "must be rules and their severities: rename=off,down-missing=warning (off, note, warning, error)",
  ],
  ["approval", "any,4f1c", approval, "must be plan ids or the one word any"],
  ["approval", "4f 1c", approval, "must be plan ids separated by commas"],
];
test.each(REFUSED)("%s %j is refused", (_name, text, reader, complaint) => {
  expect(reader(text)).toMatchObject({ complaint });
});

test("a duration without a unit comes back with the unit that was most likely meant", () => {
  expect(duration("30")).toMatchObject({ hint: "write 30s for seconds" });
});
