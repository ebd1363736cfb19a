import { join } from "node:path";
import { createDatabase, query, settle } from "../database.mjs";
import { measureInTurns } from "../rounds.mjs";
import { requireSaid } from "../said.mjs";
import { writeTables } from "../tables.mjs";

const TABLES = 100;

export const install = {
  number: 2,
  title: "Fresh install of 100 tables",
  needsPsql: true,
  what:
    "100 tables in 10 files, each with 8 columns, a primary key, two indexes, a check, a foreign key to an " +
    "earlier table and a comment, into a new and empty database each time (making it is not part of the time), " +
    "against `psql -1 -v ON_ERROR_STOP=1 -f …` of the same files.",

  async measure({ server, programs, folder, quick }) {
    const schema = join(folder, "install");
    const files = writeTables(schema, TABLES);
    const inNewDatabase = async (run) => {
      const database = await createDatabase(server);
      await settle(server);
      const taken = await run(database.url);
      const [{ count }] = await query(
        database.url,
        "select count(*)::int from pg_tables where schemaname = 'bench'",
      );
      if (count !== TABLES) throw new Error(`${count} tables were made instead of ${TABLES}`);
      await database.drop();
      return taken;
    };
    const series = await measureInTurns(
      quick ? 3 : 11,
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
    return {
      tables: [{ base: "psql -1", series }],
      goals: [
        {
          name: "slipway ÷ psql -1",
          limit: 2,
          reached: series.slipway.medianMs / series["psql -1"].medianMs,
        },
      ],
    };
  },
};
