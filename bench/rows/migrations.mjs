import { join } from "node:path";
import { createDatabase, query, settle } from "../database.mjs";
import { inTransaction, writeMigrations } from "../migrations.mjs";
import { measureInTurns } from "../rounds.mjs";
import { requireSaid } from "../said.mjs";

export const migrations = {
  number: 4,
  title: "Very many migrations",
  needsPsql: true,
  what:
    "1,000 small migrations (in turns a new table, a new column, three rows) into a new and empty database, " +
    "against one psql that runs the same files one after another: as they are (every statement commits by " +
    "itself), and with `BEGIN` and `COMMIT` in each, which is what slipway guarantees. For every file slipway " +
    "also writes a ledger row and a history row in the file's own transaction and resets the session. Then, " +
    "with 1,000 and 10,000 migrations applied, nothing to do against the floor of row 1: slipway reads and hashes " +
    "every file, so that a changed one is noticed. golang-migrate, where it is installed, looks at names only, and " +
    "records nothing but the last version.",

  async measure(bench) {
    const first = await measureFirstRun(bench, bench.quick ? 100 : 1000, bench.quick ? 2 : 3);
    const counts = bench.quick ? [1000] : [1000, 10_000];
    const tables = [first];
    for (const count of counts) tables.push(await measureNoOp(bench, count));
    if (!bench.programs.hasGolangMigrate)
      console.error("golang-migrate (`migrate`) is not on the PATH: skipped");
    const { series } = tables.at(-1);
    return {
      tables,
      goals: [
        { name: `${first.title}: slipway ÷ psql`, limit: 1.3, reached: ratio(first.series, first.base) },
        { name: `${tables.at(-1).title}: slipway ÷ floor`, limit: 1.5, reached: ratio(series, "floor") },
      ],
    };
  },
};

const ratio = (series, base) => series.slipway.medianMs / series[base].medianMs;

async function measureFirstRun({ server, programs, folder }, count, rounds) {
  const path = join(folder, "first-run");
  const files = writeMigrations(path, count);
  const wrapped = writeMigrations(join(folder, "first-run-wrapped"), count, inTransaction);
  const inNewDatabase = async (run) => {
    const database = await createDatabase(server);
    await settle(server);
    const taken = await run(database.url);
    await requireTables(database.url, Math.ceil(count / 3));
    await database.drop();
    return taken;
  };
  const series = await measureInTurns(rounds, {
    slipway: () => inNewDatabase((url) => programs.slipway(url, settingsFor(path))),
    "psql, each file a transaction": () => inNewDatabase((url) => programs.psql(url, wrapped)),
    "psql, files as they are": () => inNewDatabase((url) => programs.psql(url, files)),
    ...(programs.hasGolangMigrate
      ? { "golang-migrate": () => inNewDatabase((url) => programs.golangMigrate(url, path, "up")) }
      : {}),
  });
  return {
    title: `First run of ${count.toLocaleString("en")} migrations`,
    base: "psql, each file a transaction",
    series,
  };
}

async function measureNoOp({ server, programs, folder, quick }, count) {
  const path = join(folder, `no-op-${count}`);
  writeMigrations(path, count);
  const database = await createDatabase(server);
  await programs.slipway(database.url, settingsFor(path));
  await requireTables(database.url, Math.ceil(count / 3));
  if (programs.hasGolangMigrate) await programs.golangMigrate(database.url, path, "force", String(count));
  await settle(server);
  const series = await measureInTurns(
    quick ? 5 : 20,
    {
      slipway: async () =>
        requireSaid("Everything is up to date", await programs.slipway(database.url, settingsFor(path))),
      floor: () => programs.floor(database.url),
      ...(programs.hasGolangMigrate
        ? { "golang-migrate": () => programs.golangMigrate(database.url, path, "up") }
        : {}),
    },
    2,
  );
  await database.drop();
  return { title: `Nothing to do, ${count.toLocaleString("en")} migrations applied`, base: "floor", series };
}

const settingsFor = (path) => ({ SLIPWAY_SCHEMA_PATH: "", DB_USER_MIGRATIONS_PATH: path });

async function requireTables(url, expected) {
  const [{ count }] = await query(
    url,
    "select count(*)::int from pg_tables where schemaname = 'public' and tablename ~ '^m[0-9]+$'",
  );
  if (count !== expected) throw new Error(`${count} tables were made instead of ${expected}`);
}
