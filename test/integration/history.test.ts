import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, inject, type TestContext, test } from "vitest";
import { describeCatalog } from "../support/catalog.ts";
import { onMaintenance, openTestDatabase, type TestDatabase } from "../support/database.ts";
import type { TestServer } from "../support/server.ts";
import { runSlipway, type SlipwayOptions } from "../support/slipway.ts";

/** The migrations of a harbour master's office, as they have piled up; a second service came later. */
const FOLDERS = ["app", "reports"].map((name) => ({
  name,
  path: fileURLToPath(new URL(`../fixtures/history/${name}`, import.meta.url)),
}));
const ROLES = ["harbour_owner", "harbour_reader"];

/** Files that PostgreSQL refuses in one transaction, or that bring their own. */
const NOT_IN_ONE =
  /\bconcurrently\b|^\s*vacuum\b|^begin;|^alter system|^-- slipway: no-transaction|add value 'electric'/im;

/** `psql` and `pg_dump` of a full installation; the packaged server has neither. */
function findPrograms(context: TestContext): string {
  const older = inject("servers")[1];
  if (older === undefined) context.skip(inject("skippedServer"));
  return older?.bin ?? "";
}

function runPsql(bin: string, database: TestDatabase, file: string): void {
  const isOne = !NOT_IN_ONE.test(readFileSync(file, "utf8"));
  const args = [...(isOne ? ["-1"] : []), "-qAtX", "-v", "ON_ERROR_STOP=1", "-f", file, database.url];
  const { status, stderr } = spawnSync(join(bin, "psql"), args, {
    encoding: "utf8",
    env: { PGTZ: "UTC", PGCLIENTENCODING: "UTF8" },
  });
  if (status !== 0) throw new Error(`psql ${file}: ${stderr}`);
}

/** Everything, data too, without what slipway keeps for itself; rows in the order of their text. */
function dump(bin: string, database: TestDatabase): string {
  const args = ["--exclude-schema=migrations*", database.url];
  const { status, stdout, stderr } = spawnSync(join(bin, "pg_dump"), args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`pg_dump: ${stderr}`);
  return (
    stdout
      // A random word that keeps psql from doing what the data say.
      .replaceAll(/^\\(?:un)?restrict .*$/gm, "")
      // Where a row lies depends on whether autovacuum came by before an UPDATE.
      .replaceAll(
        /^(COPY .*;\n)([\s\S]*?)(?=^\\\.$)/gm,
        (_, head: string, rows: string) => head + rows.split("\n").sort().join("\n"),
      )
  );
}

/** What pg_dump would say where it is too old for the server. */
async function describeAll(bin: string, database: TestDatabase): Promise<unknown> {
  if (database.server.major <= Math.min(...inject("servers").map(({ major }) => major)))
    return dump(bin, database);
  const tables = await database.query<{ name: string }>(
    `select oid::regclass::text as name from pg_class
      where relkind in ('r', 'm') and relnamespace::regnamespace::text in ('harbour', 'reports') order by 1`,
  );
  const content: unknown[] = [];
  for (const { name } of tables)
    content.push([name, await database.query(`select t::text from ${name} t order by t::text collate "C"`)]);
  const sequences = await database.query(
    "select schemaname, sequencename, last_value from pg_sequences where schemaname !~ '^migrations' order by 1, 2",
  );
  const catalog = await describeCatalog(database);
  return [catalog.filter((line) => !line.includes("migrations_reports")), content, sequences];
}

function numberOf(file: string): bigint {
  return BigInt(/^\d+/.exec(file)?.[0] ?? 0);
}

async function migrate(
  database: TestDatabase,
  folder: (typeof FOLDERS)[number],
  args: readonly string[],
  options: SlipwayOptions = {},
): Promise<void> {
  const result = await runSlipway(args, {
    ...options,
    database,
    schema: "",
    migrations: folder.path,
    env: { SLIPWAY_STATE_SCHEMA: folder.name === "app" ? "migrations" : "migrations_reports" },
  });
  expect(result).toExit(0);
  expect(result.stray).toEqual([]);
}

const countOf = (folder: (typeof FOLDERS)[number]): number => readdirSync(folder.path).length / 2;

async function dropRoles(server: TestServer): Promise<void> {
  await onMaintenance(
    server,
    ROLES.map((role) => `drop role if exists ${role}`),
  );
}

test("a history of years ends as psql would end it, goes back to nothing, and comes again", async (context) => {
  const bin = findPrograms(context);
  expect(FOLDERS.reduce((sum, folder) => sum + countOf(folder), 0)).toBeGreaterThanOrEqual(60);

  await Promise.all(
    inject("servers").map(async (server) => {
      await using roles = new AsyncDisposableStack();
      roles.defer(() => dropRoles(server));
      await using byPsql = await openTestDatabase(server);
      await using bySlipway = await openTestDatabase(server);
      const empty = await describeCatalog(bySlipway);
      for (const { path } of FOLDERS) {
        const files = readdirSync(path).filter((name) => name.endsWith(".up.sql"));
        files.sort((one, other) => (numberOf(one) < numberOf(other) ? -1 : 1));
        for (const file of files) runPsql(bin, byPsql, join(path, file));
      }
      const wanted = await describeAll(bin, byPsql);

      for (const folder of FOLDERS) await migrate(bySlipway, folder, ["run"]);
      const up = await describeAll(bin, bySlipway);
      for (const folder of FOLDERS.toReversed())
        await migrate(bySlipway, folder, ["migrate", "down", "--steps", String(countOf(folder)), "--yes"]);
      const down = await describeCatalog(bySlipway);
      const rows = await bySlipway.value("select count(*)::int from migrations.app");
      for (const folder of FOLDERS) await migrate(bySlipway, folder, ["run"]);
      const again = await describeAll(bin, bySlipway);

      expect(up).toEqual(wanted);
      expect(down.filter((line) => !line.includes("migrations_reports"))).toEqual(empty);
      expect(rows).toBe(0);
      expect(again).toEqual(wanted);
    }),
  );
}, 300_000);
