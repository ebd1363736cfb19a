import { afterAll, beforeAll, describe, expect, inject, type TestContext, test } from "vitest";
import type { Output } from "../../src/commands/environment.ts";
import { planCommand } from "../../src/commands/plan.ts";
import { run } from "../../src/commands/run.ts";
import type { DatabaseEnvironment } from "../../src/commands/session.ts";
import { parseConfig } from "../../src/config/config.ts";
import { ApprovalError } from "../../src/declarative/approval.ts";
import type { Plan } from "../../src/declarative/plan.ts";
import { SlipwayError } from "../../src/errors.ts";
import { createLog } from "../../src/log/log.ts";
import { lastLine, toFailure } from "../../src/report/failure.ts";
import { describeCatalog } from "../support/catalog.ts";
import { hasCorpus, type Pair, readPairs } from "../support/corpus.ts";
import { openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { openReusableDatabase, type ReusableDatabase } from "../support/reusable.ts";
import { type Contents, fillTables, readContents } from "../support/rows.ts";

/** Changes that rows forbid, and what slipway has to say of them. Nothing of such a plan may be done. */
const FORBIDDEN_BY_ROWS: Readonly<Record<string, RegExp>> = {
  "create_table/add_column_cross_schema_custom_type": /NOT NULL|23502/,
  "create_table/add_column_generated": /NOT NULL|23502/,
  "create_table/add_pk": /NOT NULL|23502/,
  "create_table/add_unique_constraint": /NOT NULL|23502/,
  "create_table/alter_column_types": /action cannot become \S*action_type: 22P02/,
};

/** What the files declare, and a plan doesn't bring about but speaks of: columns of a partition that differ from its table's. */
const NOT_COMPARED: ReadonlySet<string> = new Set(["create_table/issue_499_partition_column_overrides"]);

const filled = { tables: 0, refused: [] as string[] };

for (const server of inject("servers")) {
  describe.skipIf(!hasCorpus)(`pairs of schemas on PostgreSQL ${server.major}`, () => {
    let reusable: ReusableDatabase;
    let shadow: TestDatabase;
    let reference: TestDatabase;

    beforeAll(async () => {
      [reusable, shadow, reference] = await Promise.all([
        openReusableDatabase(server),
        openTestDatabase(server),
        openTestDatabase(server),
      ]);
    });
    afterAll(async () => {
      for (const each of [reusable, shadow, reference]) await each[Symbol.asyncDispose]();
    });

    test("the corpus is there", () => {
      expect(readPairs().length).toBeGreaterThan(100);
    });
    for (const pair of readPairs()) {
      test(`${pair.name} converges, with rows in every table`, async (context) => {
        await converges({ database: await reusable.next(), shadow, reference, pair, context });
      });
    }
    test("nearly every table of the corpus took rows", () => {
      console.info(`rows in ${filled.tables - filled.refused.length} of ${filled.tables} tables`);
      expect(filled.refused.length / filled.tables).toBeLessThan(0.05);
    });
  });
}

interface Case {
  readonly database: TestDatabase;
  /** Stays empty: what is built in it is rolled back. */
  readonly shadow: TestDatabase;
  readonly reference: TestDatabase;
  readonly pair: Pair;
  readonly context: TestContext;
}

async function converges(each: Case): Promise<void> {
  const { database, pair, reference } = each;
  try {
    await run(environmentOf(each, pair.old));
  } catch (error) {
    await skipWhereRefused(each);
    throw error;
  }
  const { tables, refused } = await fillTables(database);
  filled.tables += tables;
  filled.refused.push(...refused.map((table) => `${pair.name}: ${table}`));
  const before = await readContents(database);
  const catalog = await describeCatalog(database);
  const expectUntouched = async (): Promise<void> => {
    expect(await describeCatalog(database)).toEqual(catalog);
    expect(await readContents(database)).toEqual(before);
  };

  let plan: Plan | undefined;
  try {
    try {
      await run(environmentOf(each, pair.wanted));
    } catch (error) {
      if (!(error instanceof ApprovalError)) throw error;
      expect(error.code).toBe("APPROVAL_REQUIRED");
      await expectUntouched();
      plan = error.plan;
      await run(environmentOf(each, pair.wanted, { approve: plan.id }));
    }
  } catch (error) {
    await skipWhereRefused(each);
    const forbidden = FORBIDDEN_BY_ROWS[pair.name];
    if (!(error instanceof SlipwayError) || forbidden === undefined) throw error;
    expect(lastLine(toFailure(error))).toMatch(forbidden);
    await expectUntouched();
    return;
  }
  expect(FORBIDDEN_BY_ROWS).not.toHaveProperty(pair.name);

  const text: string[] = [];
  const left = await planCommand(environmentOf(each, pair.wanted, { text }), { sql: true, schemaOnly: true });
  expect(text.join("")).toBe("");
  expect(left).toBe(0);
  const [is, wanted] = [await describeCatalog(database), await describeWanted(reference, pair)];
  if (!NOT_COMPARED.has(pair.name))
    expect(is.map(withoutChosenName).sort()).toEqual(wanted.map(withoutChosenName).sort());
  expectSurvivors(before, await readContents(database), plan);
}

/** Since 18 a NOT NULL has a name, which nobody chose: it stems from the table that it was first written for. */
function withoutChosenName(line: string): string {
  return line.replace(/^(constraint .*\.)\S+ (NOT NULL .*)$/, "$1 $2");
}

/** The rest is lost only where the approved plan said so. */
function expectSurvivors(before: Contents, after: Contents, plan: Plan | undefined): void {
  const lost = new Set(
    (plan?.changes ?? [])
      .filter(({ hazards }) => hazards.includes("data loss"))
      .map(({ object }) => object.replaceAll('"', "")),
  );
  for (const [table, old] of before) {
    if (lost.has(`table ${table.replaceAll('"', "")}`)) continue;
    const now = after.get(table);
    expect(now, `table ${table}`).toBeDefined();
    if (now === undefined) continue;
    const columns = Object.keys(old.types).filter((column) => {
      const isLost = lost.has(`column ${table}.${column}`.replaceAll('"', ""));
      if (!isLost) expect(now.types, `column ${table}.${column}`).toHaveProperty([column]);
      return !isLost && old.types[column] === now.types[column];
    });
    const rowsOf = (rows: readonly Readonly<Record<string, string | null>>[]): string[] =>
      rows.map((row) => JSON.stringify(columns.map((column) => row[column]))).sort();
    expect(rowsOf(now.rows), `rows of ${table}`).toEqual(rowsOf(old.rows));
  }
}

/** What the files by themselves make, without slipway; in a transaction that leaves nothing. */
async function describeWanted(reference: TestDatabase, { setup, wanted }: Pair): Promise<readonly string[]> {
  await reference.query("begin");
  try {
    for (const sql of [setup, filesOf(wanted)]) await reference.query(sql);
    return await describeCatalog(reference);
  } finally {
    await reference.query("rollback");
  }
}

/** Skips where the server refuses the files by themselves: an extension it lacks, a syntax of a later major. */
async function skipWhereRefused({ reference, pair, context }: Case): Promise<void> {
  for (const wanted of [pair.old, pair.wanted]) {
    await describeWanted(reference, { ...pair, wanted }).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      context.skip(`PostgreSQL itself refuses the files: ${why}`);
    });
  }
}

/** A pair may begin or end with nothing at all, which files must not: an empty mount looks like that. */
function filesOf(sql: string): string {
  return `${sql}\ncreate schema if not exists beside_the_pair;\n`;
}

function environmentOf(
  { database, shadow, pair }: Case,
  sql: string,
  { approve = "", text = [] }: { approve?: string; text?: string[] } = {},
): DatabaseEnvironment {
  const folder = writeFolder({
    ...(pair.setup === "" ? {} : { "bootstrap.sql": pair.setup }),
    "schemas/schema.sql": filesOf(sql),
  });
  const config = parseConfig({
    flags: {},
    env: {
      DATABASE_URL: database.url,
      SLIPWAY_SHADOW_URL: shadow.url,
      SLIPWAY_SCHEMA_PATH: folder,
      SLIPWAY_APPROVE: approve,
    },
    needsDatabase: true,
    bundledSchemaPath: "",
  });
  const out: Output = { write: (line) => void text.push(line), isTerminal: false, colour: false };
  const log = createLog({ level: "silent", format: "json", fd: 2, isTerminal: false, colour: false });
  const signal = new AbortController().signal;
  return { config, log, out, json: false, signal, pod: "corpus", env: {}, ask: undefined };
}
