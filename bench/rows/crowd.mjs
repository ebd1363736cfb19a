import { join } from "node:path";
import { createDatabase, settle } from "../database.mjs";
import { Series } from "../rounds.mjs";
import { writeTables } from "../tables.mjs";

const TABLES = 100;
const AT_ONCE = 50;

/** A rollout: every pod starts at the same moment and wants the same change. */
export const crowd = {
  number: 5,
  title: `${AT_ONCE} runs at once`,
  what:
    `${AT_ONCE} \`slipway run\` are started at the same moment on one database of ${TABLES} tables with one ` +
    "changed column. One of them makes the change, the others must find it made, and every one must end with 0. " +
    "What counts is how long the others take once it is made: from the exit of the one that made it to the last " +
    `exit. All of them share this machine with the server; ${AT_ONCE} floors (row 1) at once say what that alone ` +
    "costs.",

  async measure({ server, programs, folder, quick }) {
    const schema = join(folder, "crowd");
    const settings = { SLIPWAY_SCHEMA_PATH: schema };
    const database = await createDatabase(server);
    writeTables(schema, TABLES);
    await programs.slipway(database.url, settings);

    const all = new Series(`${AT_ONCE} × slipway, start to last exit`);
    const others = new Series(`${AT_ONCE} × slipway, exit of the one that applied to last exit`);
    const floors = new Series(`${AT_ONCE} × floor, start to last exit`);
    for (let round = 1; round <= (quick ? 1 : 3); round += 1) {
      writeTables(schema, TABLES, round);
      await settle(server);
      const runs = await startAll(() => programs.slipway(database.url, settings));
      all.add(runs);
      others.add({ ms: runs.lastExit - exitThatApplied(runs.each) });
      floors.add(await startAll(() => programs.floor(database.url)));
    }
    await database.drop();
    return { tables: [{ base: floors.label, series: { all, others, floors } }], goals: [] };
  },
};

async function startAll(start) {
  const startedAt = performance.now();
  const each = await Promise.all(Array.from({ length: AT_ONCE }, start));
  const lastExit = Math.max(...each.map(({ endedAt }) => endedAt));
  const peaks = each.map(({ peakKb }) => peakKb).filter((peak) => peak !== undefined);
  return {
    each,
    lastExit,
    ms: lastExit - startedAt,
    peakKb: peaks.length === 0 ? undefined : Math.max(...peaks),
  };
}

function exitThatApplied(runs) {
  const applied = runs.filter(({ stderr }) => stderr.includes("Schema applied successfully"));
  if (applied.length !== 1) throw new Error(`${applied.length} runs made the change instead of one`);
  return applied[0].endedAt;
}
