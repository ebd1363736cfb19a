import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { createDatabase, settle } from "../database.mjs";
import { Series } from "../rounds.mjs";
import { writeTables } from "../tables.mjs";

const TABLES = 100;
const AT_ONCE = 200;
const AT_ONCE_QUICKLY = 20;
const APPLIED = "Schema applied successfully";

/** A rollout: every pod starts at the same moment and wants the same change. */
export const crowd = {
  number: 5,
  title: "A crowd of runs at once",
  what:
    `${AT_ONCE} \`slipway run\` are started at the same moment on one database of ${TABLES} tables with one ` +
    "changed column. One of them makes the change, the others must find it made, and every one must end with 0. " +
    "What counts is how long the others take once it is made: from the line in which the one says that it has " +
    "applied the schema to the last exit. Connections are counted on the server all the while; the bench's own is " +
    "not among them. All of the runs share this machine with the server; as many floors (row 1) at once say what " +
    "that alone costs.",

  async measure({ server, programs, folder, quick }) {
    const count = quick ? AT_ONCE_QUICKLY : AT_ONCE;
    const schema = join(folder, "crowd");
    const settings = { SLIPWAY_SCHEMA_PATH: schema };
    const database = await createDatabase(server);
    writeTables(schema, TABLES);
    await programs.slipway(database.url, settings);

    const all = new Series(`${count} × slipway, start to last exit`);
    const others = new Series(`${count} × slipway, change applied to last exit`);
    const floors = new Series(`${count} × floor, start to last exit`);
    let mostConnections = 0;
    for (let round = 1; round <= (quick ? 1 : 3); round += 1) {
      writeTables(schema, TABLES, round);
      await settle(server);
      const connections = await countConnections(database);
      const runs = await startAll(count, () => programs.slipway(database.url, settings));
      mostConnections = Math.max(mostConnections, await connections.stop());
      all.add(runs);
      others.add({ ms: runs.lastExit - appliedAt(runs.each) });
      floors.add(await startAll(count, () => programs.floor(database.url)));
    }
    await database.drop();
    return {
      tables: [{ base: floors.label, series: { all, others, floors } }],
      goals: [
        {
          name: `${count} runs: change applied to last exit`,
          limit: 1000,
          unit: "ms",
          reached: others.medianMs,
        },
        {
          name: `${count} runs: at the same time`,
          limit: count,
          unit: "connections",
          reached: mostConnections,
        },
      ],
    };
  },
};

async function startAll(count, start) {
  const startedAt = performance.now();
  const each = await Promise.all(Array.from({ length: count }, start));
  const lastExit = Math.max(...each.map(({ endedAt }) => endedAt));
  const peaks = each.map(({ peakKb }) => peakKb).filter((peak) => peak !== undefined);
  return {
    each,
    lastExit,
    ms: lastExit - startedAt,
    peakKb: peaks.length === 0 ? undefined : Math.max(...peaks),
  };
}

/** When the one run said that it had, on the clock that `endedAt` is read from. */
function appliedAt(runs) {
  const lines = runs.flatMap(({ stderr }) => stderr.split("\n").filter((line) => line.includes(APPLIED)));
  if (lines.length !== 1) throw new Error(`${lines.length} runs made the change instead of one`);
  return Date.parse(JSON.parse(lines[0]).time) - performance.timeOrigin;
}

/** Connections to the database, counted until it is stopped; that gives the most there were at one time. */
async function countConnections({ name, url }) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let isOver = false;
  const counting = (async () => {
    let most = 0;
    while (!isOver) {
      const { rows } = await client.query(
        "select count(*)::int as found from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()",
        [name],
      );
      most = Math.max(most, rows[0].found);
      await sleep(50);
    }
    await client.end();
    return most;
  })();
  return {
    stop: () => {
      isOver = true;
      return counting;
    },
  };
}
