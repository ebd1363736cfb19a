import { join } from "node:path";
import { createDatabase, query, settle } from "../database.mjs";
import { measureInTurns } from "../rounds.mjs";
import { requireSaid } from "../said.mjs";
import { writeTables } from "../tables.mjs";

export const install = {
  number: 2,
  title: "Fresh install",
  needsPsql: true,
  what:
    "Tables in 10 files, each with 8 columns, a primary key and three more indexes, a check, a foreign key to an " +
    "earlier table and a comment, into a new and empty database each time (making it is not part of the time), " +
    "against `psql -1 -v ON_ERROR_STOP=1 -f …` of the same files. Ten times the tables should take ten times the time.",

  async measure(bench) {
    const sizes = bench.quick
      ? [{ count: 100, rounds: 3 }]
      : [
          { count: 100, rounds: 11 },
          { count: 1000, rounds: 3 },
        ];
    const tables = [];
    for (const size of sizes) tables.push(await measureSize(bench, size));
    const goals = tables.map(({ title, series }) => ({
      name: `${title}: slipway ÷ psql -1`,
      limit: 2,
      reached: series.slipway.medianMs / series["psql -1"].medianMs,
    }));
    return { tables, goals };
  },
};

async function measureSize({ server, programs, folder }, { count, rounds }) {
  const schema = join(folder, `install-${count}`);
  const files = writeTables(schema, count);
  const inNewDatabase = async (run) => {
    const database = await createDatabase(server);
    await settle(server);
    const taken = await run(database.url);
    const [{ found }] = await query(
      database.url,
      "select count(*)::int as found from pg_tables where schemaname = 'bench'",
    );
    if (found !== count) throw new Error(`${found} tables were made instead of ${count}`);
    await database.drop();
    return taken;
  };
  const series = await measureInTurns(
    rounds,
    {
      slipway: () =>
        inNewDatabase(async (url) =>
          requireSaid(
            "Schema applied successfully",
            await programs.slipway(url, { SLIPWAY_SCHEMA_PATH: schema }),
          ),
        ),
      "psql -1": () => inNewDatabase((url) => programs.psql(url, files, { single: true })),
    },
    1,
  );
  return { title: `${count.toLocaleString("en")} tables`, base: "psql -1", series };
}
