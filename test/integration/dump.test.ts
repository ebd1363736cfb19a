import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, type TestContext, test } from "vitest";
import type { Output } from "../../src/commands/environment.ts";
import { planCommand } from "../../src/commands/plan.ts";
import { runCommand } from "../../src/commands/run.ts";
import { schemaDumpCommand } from "../../src/commands/schema-dump.ts";
import type { DatabaseEnvironment } from "../../src/commands/session.ts";
import { parseConfig } from "../../src/config/config.ts";
import { createLog } from "../../src/log/log.ts";
import { describeCatalog } from "../support/catalog.ts";
import { type Pair, readPairs } from "../support/corpus.ts";
import { onEachServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import type { TestServer } from "../support/server.ts";
import { messagesOf, runSlipway } from "../support/slipway.ts";

/** `SLIPWAY_CORPUS=all` takes every schema of the corpus, not one in twelve. */
const pairs = readPairs().filter((_, index) => process.env["SLIPWAY_CORPUS"] === "all" || index % 12 === 0);

for (const server of inject("servers")) {
  for (const pair of pairs) {
    test(`the dump of ${pair.name} makes the same schema again [PostgreSQL ${server.major}]`, (context) =>
      roundTrips(server, pair, context));
  }
}

async function roundTrips(server: TestServer, pair: Pair, context: TestContext): Promise<void> {
  await using original = await openTestDatabase(server);
  await using copy = await openTestDatabase(server);
  try {
    if (pair.setup !== "") await original.query(pair.setup);
    if (pair.wanted.trim() !== "") await original.query(pair.wanted);
  } catch (error) {
    context.skip(`PostgreSQL ${server.major} itself refuses the schema: ${String(error)}`);
  }
  // A pair may end with nothing at all, which is no database to compare files with.
  await original.query("create schema beside_the_pair; create table beside_the_pair.t ()");

  await requireRoundTrip(original, copy);
}

/** Dump, the same dump again, nothing to do on the original, and the same schema and dump from the files alone. */
async function requireRoundTrip(original: TestDatabase, copy: TestDatabase): Promise<void> {
  const folder = writeFolder();
  await schemaDumpCommand(environmentOf(original, folder), { schemas: undefined, out: folder, force: false });
  const dump = readFolder(folder);
  await schemaDumpCommand(environmentOf(original, folder), { schemas: undefined, out: folder, force: false });
  expect(readFolder(folder)).toEqual(dump);

  const text: string[] = [];
  const left = await planCommand(environmentOf(original, folder, text), { sql: true, schemaOnly: true });
  expect(text.join("")).toBe("");
  expect(left).toBe(0);

  await runCommand(environmentOf(copy, folder));
  const again = writeFolder();
  await schemaDumpCommand(environmentOf(copy, again), { schemas: undefined, out: again, force: false });
  expect(readFolder(again)).toEqual(dump);
  expect(await linesOf(copy)).toEqual(await linesOf(original));
}

/** The names of NOT NULL constraints (18) are beyond the engine, and so new ones in the copy. */
async function linesOf(database: TestDatabase): Promise<readonly string[]> {
  const lines = await describeCatalog(database);
  return lines.filter((line) => !/^constraint .* NOT NULL \S+ valid=t$/.test(line));
}

function readFolder(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(
    names
      .filter((name) => name.endsWith(".sql"))
      .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
}

function environmentOf(database: TestDatabase, folder: string, text: string[] = []): DatabaseEnvironment {
  const config = parseConfig({
    flags: {},
    env: { DATABASE_URL: database.url, SLIPWAY_SCHEMA_PATH: folder },
    needsDatabase: true,
    bundledSchemaPath: "",
  });
  const out: Output = { write: (line) => void text.push(line), isTerminal: false, colour: false };
  const log = createLog({ level: "silent", format: "json", fd: 2, isTerminal: false, colour: false });
  return { config, log, out, json: false, signal: new AbortController().signal, pod: "dump", ask: undefined };
}

onEachServer("the platform schema that comes along is dumped and made again", async (server) => {
  await using original = await openTestDatabase(server);
  await using copy = await openTestDatabase(server);
  const bundled = new URL("../../schema", import.meta.url).pathname;
  await runCommand(environmentOf(original, bundled));

  await requireRoundTrip(original, copy);
});
