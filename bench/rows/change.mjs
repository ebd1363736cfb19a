import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createDatabase, query, settle } from "../database.mjs";
import { measureInTurns } from "../rounds.mjs";
import { requireSaid } from "../said.mjs";
import { changeSql, writeTables } from "../tables.mjs";

export const change = {
  number: 3,
  title: "One changed column",
  needsPsql: true,
  what:
    "The files gain a nullable column in one table, and the database is brought there: `slipway run` against " +
    "`pgdelta schema apply` of the engine that slipway uses, and, for scale, psql running the one `ALTER TABLE`, " +
    "which a person would have had to write. slipway does more than pgdelta here: it takes the lock, reads the " +
    "database again after the apply, compares, and records. Each program has a database of its own, and every " +
    "round adds one more column to it.",

  async measure(bench) {
    const sizes = bench.quick
      ? [{ tables: 100, rounds: 3 }]
      : [
          { tables: 100, rounds: 7 },
          { tables: 1000, rounds: 3 },
        ];
    const tables = [];
    for (const size of sizes) tables.push(await measureSize(bench, size));
    return { tables, goals: [] };
  },
};

async function measureSize({ server, programs, folder }, { tables, rounds }) {
  const schema = join(folder, `change-${tables}`);
  const alter = join(folder, `change-${tables}.sql`);
  const files = writeTables(schema, tables);
  const settings = { SLIPWAY_SCHEMA_PATH: schema };
  const databases = [
    await createDatabase(server),
    await createDatabase(server),
    await createDatabase(server),
  ];
  const [ours, peers, plain] = databases.map(({ url }) => url);
  await programs.slipway(ours, settings);
  for (const url of [peers, plain]) await programs.psql(url, files, { single: true });

  const prepare = async (round) => {
    writeTables(schema, tables, round + 1);
    writeFileSync(alter, changeSql(tables, round + 1));
    await settle(server);
  };
  const series = await measureInTurns(rounds, {
    slipway: async (round) => {
      await prepare(round);
      return requireSaid("Schema applied successfully", await programs.slipway(ours, settings));
    },
    "pgdelta schema apply": async (round) => {
      await prepare(round);
      return programs.pgDelta(peers, schema);
    },
    "psql, one ALTER TABLE": async (round) => {
      await prepare(round);
      return programs.psql(plain, [alter]);
    },
  });
  for (const { url, drop } of databases) {
    const [{ count }] = await query(
      url,
      "select count(*)::int from pg_attribute where attname like 'extra\\_%' and attrelid::regclass::text like 'bench.%'",
    );
    if (count !== rounds) throw new Error(`${count} columns were added instead of ${rounds}`);
    await drop();
  }
  return { title: `${tables.toLocaleString("en")} tables`, base: "pgdelta schema apply", series };
}
