import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, type TestContext, test } from "vitest";
import type { Output } from "../../src/commands/environment.ts";
import { planCommand } from "../../src/commands/plan.ts";
import { runCommand } from "../../src/commands/run.ts";
import type { DatabaseEnvironment } from "../../src/commands/session.ts";
import { parseConfig } from "../../src/config/config.ts";
import { createLog } from "../../src/log/log.ts";
import { openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import type { TestServer } from "../support/server.ts";

/** Pairs of schemas, `old.sql` and `new.sql`, with a `setup.sql` where they take something for granted. */
const CORPUS = new URL("../../../shared/corpora/pgschema-diff", import.meta.url).pathname;

interface Pair {
  readonly name: string;
  readonly setup: string;
  readonly old: string;
  readonly wanted: string;
}

for (const server of inject("servers")) {
  test.skipIf(!existsSync(CORPUS))(`the corpus of schema pairs is there [PostgreSQL ${server.major}]`, () => {
    expect(readPairs().length).toBeGreaterThan(100);
  });
  for (const pair of readPairs()) {
    test(`${pair.name} converges [PostgreSQL ${server.major}]`, (context) =>
      converges(server, pair, context));
  }
}

async function converges(server: TestServer, pair: Pair, context: TestContext): Promise<void> {
  await using database = await openTestDatabase(server);
  await database.query(`alter database ${database.name} set slipway.environment = 'development'`);

  try {
    await runCommand(environmentOf(database, pair, pair.old));
    await runCommand(environmentOf(database, pair, pair.wanted));
  } catch (error) {
    const refusal =
      (await refusalOf(server, pair.setup, pair.old)) ?? (await refusalOf(server, pair.setup, pair.wanted));
    if (refusal === undefined) throw error;
    context.skip(`PostgreSQL ${server.major} itself refuses the files: ${refusal}`);
  }

  const text: string[] = [];
  const left = await planCommand(environmentOf(database, pair, pair.wanted, text), {
    sql: true,
    schemaOnly: true,
  });
  expect(text.join("")).toBe("");
  expect(left).toBe(0);
}

/** Why the server refuses the files by themselves: an extension that it lacks, a syntax of a later major. */
async function refusalOf(server: TestServer, setup: string, sql: string): Promise<string | undefined> {
  await using scratch = await openTestDatabase(server);
  try {
    if (setup !== "") await scratch.query(setup);
    if (sql.trim() !== "") await scratch.query(sql);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function environmentOf(
  database: TestDatabase,
  pair: Pair,
  sql: string,
  text: string[] = [],
): DatabaseEnvironment {
  // A pair may begin or end with nothing at all, which files must not: an empty mount looks like that.
  const folder = writeFolder({
    ...(pair.setup === "" ? {} : { "bootstrap.sql": pair.setup }),
    "schemas/schema.sql": `${sql}
create schema if not exists beside_the_pair;
`,
  });
  const config = parseConfig({
    flags: {},
    env: { DATABASE_URL: database.url, SLIPWAY_SCHEMA_PATH: folder, SLIPWAY_APPROVE: "any" },
    needsDatabase: true,
    bundledSchemaPath: "",
  });
  const out: Output = { write: (line) => void text.push(line), isTerminal: false, colour: false };
  const log = createLog({ level: "silent", format: "json", fd: 2, isTerminal: false, colour: false });
  return {
    config,
    log,
    out,
    json: false,
    signal: new AbortController().signal,
    pod: "corpus",
    ask: undefined,
  };
}

function readPairs(): Pair[] {
  if (!existsSync(CORPUS)) return [];
  const foldersIn = (path: string): string[] =>
    readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  const read = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
  return foldersIn(CORPUS).flatMap((kind) =>
    foldersIn(join(CORPUS, kind)).map((name) => {
      const folder = join(CORPUS, kind, name);
      return {
        name: `${kind}/${name}`,
        setup: read(join(folder, "setup.sql")),
        old: read(join(folder, "old.sql")),
        wanted: read(join(folder, "new.sql")),
      };
    }),
  );
}
