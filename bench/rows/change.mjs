import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createDatabase, query, settle } from "../database.mjs";
import { measureInTurns } from "../rounds.mjs";
import { requireSaid } from "../said.mjs";
import { changeSql, writeTables } from "../tables.mjs";

const APPLIED = "Schema applied successfully";
const FROM_SNAPSHOT = "Taking the desired schema from its snapshot";
const READ = "reading the catalog once";
const PLAN = "slipway plan, with a snapshot";

export const change = {
  number: 3,
  title: "One changed column",
  needsPsql: true,
  what:
    "The files gain a nullable column in one table, and the database is brought there: `slipway run`, and `slipway " +
    "plan` before it, which only says what would be done; each with a snapshot of the desired schema " +
    "(`slipway schema compile`, not part of the time) and without, where the desired schema is built in a " +
    "temporary database. Beside them `pgdelta schema apply` of the engine that slipway uses, psql running the one " +
    "`ALTER TABLE`, which a person would have had to write, and what all of it is measured by: a Node program " +
    "that reads the catalog once with the engine's reader. A run reads it twice, since it looks at what came of " +
    "the change before it commits. Every round adds one more column.",

  async measure(bench) {
    const sizes = bench.quick
      ? [{ count: 100, rounds: 2 }]
      : [
          { count: 100, rounds: 7 },
          { count: 1000, rounds: 3 },
          { count: 5000, rounds: 1 },
        ];
    const tables = [];
    for (const size of sizes) tables.push(await measureSize(bench, size));
    const { title, series } = tables[bench.quick ? 0 : 1];
    return {
      tables,
      goals: [
        {
          name: `${title}: ${PLAN} ÷ ${READ}`,
          limit: 1.5,
          reached: series[PLAN].medianMs / series[READ].medianMs,
        },
        {
          name: `${title}: peak memory of slipway run`,
          limit: 256,
          unit: "MB",
          reached: series["slipway run"].peakMb,
        },
      ],
    };
  },
};

async function measureSize({ server, programs, folder }, { count, rounds }) {
  const plain = join(folder, `change-${count}`);
  const compiled = join(folder, `change-${count}-compiled`);
  const alter = join(folder, `change-${count}.sql`);
  const [built, snapshot] = [plain, compiled].map((path) => ({ SLIPWAY_SCHEMA_PATH: path }));
  const files = writeTables(plain, count);
  writeTables(compiled, count);

  const ours = await createDatabase(server);
  await programs.slipway(ours.url, built);
  const fromSnapshot = await createDatabase(server, ours);
  const byHand = await createDatabase(server);
  await programs.psql(byHand.url, files, { single: true });
  const peers = await createDatabase(server, byHand);

  const prepare = async (round) => {
    writeTables(plain, count, round + 1);
    writeTables(compiled, count, round + 1);
    writeFileSync(alter, changeSql(count, round + 1));
    await programs.slipwayCompile(server.url("postgres"), snapshot);
    await settle(server);
  };
  let prepared = -1;
  const measured = (run) => async (round) => {
    if (prepared !== round) await prepare(round);
    prepared = round;
    return run();
  };
  const series = await measureInTurns(
    rounds,
    {
      [READ]: measured(() => programs.readCatalog(fromSnapshot.url)),
      // Planned and applied in this order in every round: what is applied is not planned any more.
      "slipway plan": measured(() => programs.slipwayPlan(ours.url, built)),
      "slipway run": measured(async () => requireSaid(APPLIED, await programs.slipway(ours.url, built))),
      [PLAN]: measured(async () =>
        requireSaid(FROM_SNAPSHOT, await programs.slipwayPlan(fromSnapshot.url, snapshot)),
      ),
      "slipway run, with a snapshot": measured(async () => {
        const run = requireSaid(APPLIED, await programs.slipway(fromSnapshot.url, snapshot));
        return requireSaid(FROM_SNAPSHOT, run);
      }),
      "pgdelta schema apply": measured(() => programs.pgDelta(peers.url, plain)),
      "psql, one ALTER TABLE": measured(() => programs.psql(byHand.url, [alter])),
    },
    0,
    { turning: false },
  );
  for (const { url, drop } of [ours, fromSnapshot, byHand, peers]) {
    const [{ found }] = await query(
      url,
      "select count(*)::int as found from pg_attribute where attname like 'extra\\_%' and attrelid::regclass::text like 'bench.%'",
    );
    if (found !== rounds) throw new Error(`${found} columns were added instead of ${rounds}`);
    await drop();
  }
  return { title: `${count.toLocaleString("en")} tables`, base: READ, series };
}
