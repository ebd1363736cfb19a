import { createDatabase } from "../database.mjs";
import { SHOP_MIGRATIONS } from "../program.mjs";
import { measureInTurns } from "../rounds.mjs";
import { requireSaid } from "../said.mjs";

const UP_TO_DATE = "Everything is up to date";

/** What a pod that is merely restarted waits for. */
export const noOp = {
  number: 1,
  title: "Nothing to do",
  what:
    "`slipway run` on a database that is up to date with the bundled platform schema and the migrations of " +
    "`examples/shop`, against the floor: a Node program that connects with `pg`, asks `select 1` and ends. " +
    "The compile cache of Node is warm, as slipway itself fills it; a new container without one is measured " +
    "beside it, and Node that does nothing at all.",

  async measure({ server, programs, quick }) {
    const database = await createDatabase(server);
    const settings = { DB_USER_MIGRATIONS_PATH: SHOP_MIGRATIONS };
    await programs.slipway(database.url, settings);
    const run = async (more = {}) =>
      requireSaid(UP_TO_DATE, await programs.slipway(database.url, { ...settings, ...more }));
    const series = await measureInTurns(
      quick ? 10 : 40,
      {
        slipway: () => run(),
        floor: () => programs.floor(database.url),
        "slipway, no compile cache": () => run({ NODE_DISABLE_COMPILE_CACHE: "1" }),
        "node alone": () => programs.nothing(),
      },
      2,
    );
    await database.drop();
    return {
      tables: [{ base: "floor", series }],
      goals: [
        { name: "slipway ÷ floor", limit: 1.5, reached: series.slipway.medianMs / series.floor.medianMs },
        { name: "peak memory", limit: 90, unit: "MB", reached: series.slipway.peakMb },
      ],
    };
  },
};
