import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeCatalog, readLedger } from "../support/catalog.ts";
import { onSomeServer, openTestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { lastLineOf, runSlipway } from "../support/slipway.ts";

const PAIRS = {
  "1_one.up.sql": "create table public.one (id int);",
  "1_one.down.sql": "drop table public.one;",
  "2_two.up.sql": "create index concurrently one_id on public.one (id);",
  "2_two.down.sql": "drop index concurrently public.one_id;",
  "3_three.up.sql": "create table public.three (id int);",
  "3_three.down.sql": "drop table public.three;",
};

onSomeServer("migrate up applies what is pending, or as many as asked", async (server) => {
  await using database = await openTestDatabase(server);
  const options = { database, migrations: writeFolder(PAIRS) };

  const one = await runSlipway(["migrate", "up", "--steps", "1"], options);
  const afterOne = await readLedger(database);
  const rest = await runSlipway(["migrate", "up"], options);
  const none = await runSlipway(["migrate", "up"], options);

  expect(one).toExit(0);
  expect(afterOne).toHaveLength(1);
  expect(rest).toExit(0);
  expect(await readLedger(database)).toHaveLength(3);
  expect(none).toExit(0);
  expect(await database.value("select count(*)::int from pg_namespace where nspname = 'app'")).toBe(0);
});

onSomeServer(
  "migrate down takes the newest ones back, newest first, and up applies them again",
  async (server) => {
    await using database = await openTestDatabase(server);
    const options = { database, migrations: writeFolder(PAIRS) };
    await runSlipway(["migrate", "up", "--steps", "1"], options);
    const afterOne = await describeCatalog(database);
    await runSlipway(["migrate", "up"], options);
    const all = await describeCatalog(database);

    const down = await runSlipway(["migrate", "down", "--steps", "2", "--yes"], options);
    const afterDown = await describeCatalog(database);
    const ledger = await readLedger(database);
    const up = await runSlipway(["migrate", "up"], options);

    expect(down).toExit(0);
    expect(afterDown).toEqual(afterOne);
    expect(ledger).toEqual([expect.stringMatching(/^1 1_one applied/)]);
    expect(up).toExit(0);
    expect(await describeCatalog(database)).toEqual(all);
    expect(
      await database.query("select version::int, event, direction from migrations.app_log order by id"),
    ).toEqual([
      { version: 1, event: "applied", direction: "up" },
      { version: 2, event: "applied", direction: "up" },
      { version: 3, event: "applied", direction: "up" },
      { version: 3, event: "applied", direction: "down" },
      { version: 2, event: "applied", direction: "down" },
      { version: 2, event: "applied", direction: "up" },
      { version: 3, event: "applied", direction: "up" },
    ]);
  },
);

onSomeServer("migrate down without --yes, without a terminal, takes nothing back", async (server) => {
  await using database = await openTestDatabase(server);
  const options = { database, migrations: writeFolder(PAIRS) };
  await runSlipway(["migrate", "up"], options);

  const down = await runSlipway(["migrate", "down"], options);

  expect(down).toExit(2);
  expect(lastLineOf(down).msg).toMatch(/3_three.*--yes/);
  expect(await readLedger(database)).toHaveLength(3);
});

onSomeServer(
  "migrate down finds out that a down file is missing before it takes anything back",
  async (server) => {
    await using database = await openTestDatabase(server);
    const { "2_two.down.sql": _, ...files } = PAIRS;
    const options = { database, migrations: writeFolder(files) };
    await runSlipway(["migrate", "up"], options);

    const down = await runSlipway(["migrate", "down", "--steps", "2", "--yes"], options);

    expect(down).toExit(11);
    expect(lastLineOf(down).msg).toMatch(/2_two\.down\.sql.*nothing was done/);
    expect(await database.value("select to_regclass('public.three') is not null")).toBe(true);
  },
);

onSomeServer(
  "everything that is wrong with down files is told at once, before anything is taken back",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder({
      ...PAIRS,
      "1_one.down.sql": "begin; drop table public.one;",
      "3_three.down.sql": "\\connect shop",
    });
    const options = { database, migrations };
    await runSlipway(["migrate", "up"], options);

    const down = await runSlipway(["migrate", "down", "--to", "0", "--yes"], options);
    const verify = await runSlipway(["migrate", "verify"], options);

    const [one, three] = [
      /1_one\.down\.sql:1:1: a transaction begins here/,
      /3_three\.down\.sql:1:1: \\connect/,
    ];
    expect(down).toExit(11);
    expect(lastLineOf(down)["problems"]).toEqual([three, one].map((words) => expect.stringMatching(words)));
    expect(verify).toExit(11);
    expect(lastLineOf(verify)["problems"]).toEqual([one, three].map((words) => expect.stringMatching(words)));
    expect(await readLedger(database)).toHaveLength(3);
  },
);

onSomeServer("a down file that fails leaves its migration applied", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({ ...PAIRS, "3_three.down.sql": "drop table public.three;\nselect 1 / 0;" });
  const options = { database, migrations };
  await runSlipway(["migrate", "up"], options);

  const down = await runSlipway(["migrate", "down", "--yes"], options);
  const run = await runSlipway(["run"], { ...options, schema: "" });

  expect(down).toExit(30);
  expect(lastLineOf(down)["where"]).toMatch(/3_three\.down\.sql:2:/);
  expect(lastLineOf(down)["next"]).toMatch(/correct 3_three\.down\.sql, .*slipway migrate down$/);
  expect(await database.value("select to_regclass('public.three') is not null")).toBe(true);
  expect(await database.value("select status from migrations.app where version = 3")).toBe("applied");
  expect(run).toExit(0);
});

onSomeServer(
  "a down file that failed half-way is gone on with by the next down, which takes nothing else back",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder({
      ...PAIRS,
      "2_two.down.sql": "drop index concurrently public.one_id;\nselect 1 / 0;",
    });
    const options = { database, migrations };
    await runSlipway(["migrate", "up", "--steps", "2"], options);

    const failed = await runSlipway(["migrate", "down", "--yes"], options);
    writeFiles(migrations, { "2_two.down.sql": "drop index concurrently public.one_id;\nselect 1;" });
    const down = await runSlipway(["migrate", "down", "--yes"], options);

    expect(failed).toExit(30);
    expect(down).toExit(0);
    expect(await readLedger(database)).toEqual([expect.stringMatching(/^1 1_one applied/)]);
    expect(await database.value("select to_regclass('public.one') is not null")).toBe(true);
  },
);

onSomeServer("up, down and goto move to a version, and refuse one that nobody has", async (server) => {
  await using database = await openTestDatabase(server);
  const options = { database, migrations: writeFolder(PAIRS) };
  const applied = (): Promise<number> => database.value("select count(*)::int from migrations.app");
  const seen: unknown[] = [];
  for (const words of [
    "up --to 2",
    "up --to 1",
    "goto 3",
    "goto 1 --yes",
    "goto 2_two",
    "down --to 1 --yes",
    "goto 3",
    "down --to 0 --yes",
    "up --to 7",
    "goto 20260101120000 --yes",
    "down --to 9 --yes",
  ]) {
    const result = await runSlipway(["migrate", ...words.split(" ")], options);
    seen.push([words, result.exitCode, await applied()]);
  }

  expect(seen).toEqual([
    ["up --to 2", 0, 2],
    ["up --to 1", 0, 2],
    ["goto 3", 0, 3],
    ["goto 1 --yes", 0, 1],
    ["goto 2_two", 0, 2],
    ["down --to 1 --yes", 0, 1],
    ["goto 3", 0, 3],
    ["down --to 0 --yes", 0, 0],
    ["up --to 7", 2, 0],
    ["goto 20260101120000 --yes", 2, 0],
    ["down --to 9 --yes", 2, 0],
  ]);
});

onSomeServer("what is odd about the files is said by up as by run", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({
    "1_a.up.sql": "-- later\n",
    "20260101000000_init/migration.sql": "select 1;",
  });

  const up = await runSlipway(["migrate", "up"], { database, migrations });

  expect(up).toExit(0);
  expect(up.lines.filter(({ level }) => level === "warn").map(({ msg }) => msg)).toEqual([
    "is a folder, and migration.sql in it is not read",
    "holds no statement",
  ]);
});

onSomeServer("a dry run shows what would be done, how, and does none of it", async (server) => {
  await using database = await openTestDatabase(server);
  const options = { database, migrations: writeFolder(PAIRS) };

  const first = await runSlipway(["migrate", "up", "--dry-run"], options);
  const isUntouched = await database.value("select to_regnamespace('migrations') is null");
  await runSlipway(["migrate", "up", "--steps", "2"], options);
  const redo = await runSlipway(["migrate", "redo", "--dry-run", "--json"], options);
  const down = await runSlipway(["migrate", "down", "--to", "0", "--dry-run"], options);
  const none = await runSlipway(["migrate", "up", "--to", "1", "--dry-run"], options);

  expect(first).toExit(0);
  expect(
    first.stdout
      .trimEnd()
      .split("\n")
      .map((row) => row.split(/ {2,}/)),
  ).toEqual([
    ["would", "version", "name", "how"],
    ["apply", "1", "1_one", "in one transaction"],
    ["apply", "2", "2_two", "in 1 step (CREATE INDEX CONCURRENTLY)"],
    ["apply", "3", "3_three", "in one transaction"],
  ]);
  expect(isUntouched).toBe(true);
  expect(JSON.parse(redo.stdout)).toMatchObject([
    { direction: "down", version: "2", name: "2_two", how: "in 1 step (DROP INDEX CONCURRENTLY)" },
    { direction: "up", version: "2", name: "2_two" },
  ]);
  expect(down.stdout).toMatch(/take back +2 .*\ntake back +1 /);
  expect(none.stdout).toBe("No migration is to be run\n");
  expect(await readLedger(database)).toHaveLength(2);
});

onSomeServer("redo takes back and applies again, with the file as it is now", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder(PAIRS);
  const options = { database, migrations };
  await runSlipway(["migrate", "up"], options);
  writeFiles(migrations, { "3_three.up.sql": "create table public.three (id int, more text);" });

  const unconfirmed = await runSlipway(["migrate", "redo"], options);
  const redo = await runSlipway(["migrate", "redo", "--yes"], options);
  const two = await runSlipway(["migrate", "redo", "--steps", "2", "--yes"], options);
  const verify = await runSlipway(["migrate", "verify"], options);

  expect(unconfirmed).toExit(2);
  expect(redo).toExit(0);
  expect(two).toExit(0);
  expect(await database.value("select count(more)::int from public.three")).toBe(0);
  expect(verify).toExit(0);
  expect(
    await database.query("select version::int, direction from migrations.app_log order by id offset 3"),
  ).toEqual([
    { version: 3, direction: "down" },
    { version: 3, direction: "up" },
    { version: 3, direction: "down" },
    { version: 2, direction: "down" },
    { version: 2, direction: "up" },
    { version: 3, direction: "up" },
  ]);
});

onSomeServer("of migrations applied out of order, the last applied is taken back first", async (server) => {
  await using database = await openTestDatabase(server);
  const { "2_two.up.sql": late, ...files } = PAIRS;
  const migrations = writeFolder({ ...files, "2_two.down.sql": "", "2_two.up.sql": "select 1 / 0;" });
  const options = { database, migrations };
  await database.query("create table public.unrelated ()");
  await runSlipway(["migrate", "up", "--steps", "1"], options);
  const { "2_two.down.sql": __, ...before } = files;
  await runSlipway(["migrate", "up"], { database, migrations: writeFolder(before) });
  writeFiles(migrations, { "2_two.up.sql": late, "2_two.down.sql": PAIRS["2_two.down.sql"] });
  await runSlipway(["migrate", "up"], options);

  const down = await runSlipway(["migrate", "down", "--yes"], options);

  expect(down).toExit(0);
  expect(await database.query("select version::int from migrations.app order by app.version")).toEqual([
    { version: 1 },
    { version: 3 },
  ]);
});

onSomeServer("a wrong down file is told before the first one runs", async (server) => {
  await using database = await openTestDatabase(server);
  const options = { database, migrations: writeFolder({ ...PAIRS, "2_two.down.sql": "\\i other.sql" }) };
  await runSlipway(["migrate", "up"], options);

  const down = await runSlipway(["migrate", "down", "--steps", "2", "--yes"], options);

  expect(down).toExit(11);
  expect(lastLineOf(down).msg).toMatch(/2_two\.down\.sql:1:1: \\i is a command of psql/);
  expect(await readLedger(database)).toHaveLength(3);
});

onSomeServer("what migrate changes in the declared schema is no drift to the next run", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({
    "1_column.up.sql": "alter table app.things add column note text;",
    "1_column.down.sql": "alter table app.things drop column note;",
  });
  await runSlipway(["run"], { database });
  const options = { database, migrations, env: { SLIPWAY_DRIFT: "refuse" } };

  const up = await runSlipway(["migrate", "up"], options);
  const run = await runSlipway(["run"], options);
  const redo = await runSlipway(["migrate", "redo", "--yes"], options);
  const again = await runSlipway(["run"], options);

  for (const each of [up, run, redo, again]) expect(each).toExit(0);
});

onSomeServer("migrate status lists files and ledger, as text and as JSON", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({ ...PAIRS, "2_two.up.sql": "select 1 / 0;", "4_four.up.sql": "select 4;" });
  const options = { database, migrations };
  await runSlipway(["migrate", "up"], options);
  writeFiles(migrations, { "1_one.up.sql": "create table public.one (id bigint);" });

  const text = await runSlipway(["migrate", "status"], options);
  const json = await runSlipway(["migrate", "status", "--json"], options);

  expect(text).toExit(0);
  const [table = "", error] = text.stdout.split("\n\n");
  const [head, ...rows] = table.split("\n");
  expect(head).toMatch(/^version +name +state/);
  expect(error).toBe("2_two: 22012 division by zero\n");
  expect(rows.map((row) => row.split(/ {2,}/).slice(0, 3))).toEqual([
    ["1", "1_one", "applied"],
    ["2", "2_two", "failed"],
    ["3", "3_three", "pending"],
    ["4", "4_four", "pending"],
  ]);
  expect(JSON.parse(json.stdout)).toMatchObject([
    { version: "1", state: "applied", checksum: "changed" },
    { version: "2", state: "failed", error: expect.stringMatching(/22012 division by zero/) },
    { version: "3", state: "pending" },
    { version: "4", state: "pending" },
  ]);
});

onSomeServer("migrate status before the first run lists the files and writes nothing", async (server) => {
  await using database = await openTestDatabase(server);

  const status = await runSlipway(["migrate", "status"], { database, migrations: writeFolder(PAIRS) });

  expect(status).toExit(0);
  expect(status.stdout).toMatch(/1_one +pending/);
  expect(await database.value("select count(*)::int from pg_namespace where nspname = 'migrations'")).toBe(0);
});

onSomeServer(
  "migrate retry has a failed migration tried again, and says when there is none",
  async (server) => {
    await using database = await openTestDatabase(server);
    const migrations = writeFolder({ "1_fails.up.sql": "insert into public.missing values (1);" });
    const options = { database, schema: "", migrations };
    const early = await runSlipway(["migrate", "retry", "1"], options);
    await runSlipway(["run"], options);
    await database.query("create table public.missing (id int)");

    const retry = await runSlipway(["migrate", "retry", "1"], options);
    const run = await runSlipway(["run"], options);
    const none = await runSlipway(["migrate", "retry", "1"], options);
    const nonsense = await runSlipway(["migrate", "retry", "one"], options);

    expect(early).toExit(35);
    expect(retry).toExit(0);
    expect(run).toExit(0);
    expect(none).toExit(35);
    expect(nonsense).toExit(2);
  },
);

test("migrate create writes both files with the next number in the folder's style, and no file twice", async () => {
  const migrations = writeFolder({ "0007_seven.up.sql": "select 7;" });
  const empty = writeFolder();
  const stamped = writeFolder({ "20260101120000_new_year.up.sql": "select 1;" });

  const create = await runSlipway(["migrate", "create", "Add coupons!"], { migrations });
  const again = await runSlipway(["migrate", "create", "Add coupons!"], { migrations });
  const first = await runSlipway(["migrate", "create", "init"], { migrations: join(empty, "not/there/yet") });
  const dated = await runSlipway(["migrate", "create", "later"], { migrations: stamped });

  expect(create).toExit(0);
  expect(create.stdout).toBe(
    `${migrations}/0008_add_coupons.up.sql\n${migrations}/0008_add_coupons.down.sql\n`,
  );
  expect(again.stdout).toBe(create.stdout);
  expect(readdirSync(migrations).sort()).toEqual([
    "0007_seven.up.sql",
    "0008_add_coupons.down.sql",
    "0008_add_coupons.up.sql",
  ]);
  expect(readFileSync(`${migrations}/0008_add_coupons.up.sql`, "utf8")).toMatch(/^-- /);
  expect(first).toExit(0);
  expect(readdirSync(join(empty, "not/there/yet"))).toEqual(["001_init.down.sql", "001_init.up.sql"]);
  expect(dated.stdout).toMatch(/\/20\d{12}_later\.up\.sql\n/);
});

test("create keeps to the folder's way of numbering", async () => {
  const now = Date.now();
  const next = async (last: string): Promise<string> => {
    const migrations = writeFolder({ [`${last}_last.up.sql`]: "select 1;" });
    const result = await runSlipway(["migrate", "create", "Next: one"], { migrations });
    return /(\d+)_next_one\.up\.sql/.exec(result.stdout)?.[1] ?? result.stderr;
  };
  const numbered = await Promise.all(["9", "09", "099", "1999"].map(next));
  const unix = await next(String(Math.floor(now / 1_000)));
  const ms = await next(String(now));
  const migrations = writeFolder({ "001_a.up.sql": "select 1;", "20991231235959_far.up.sql": "select 1;" });
  const afterFuture = await runSlipway(["migrate", "create", "b"], { migrations });
  const dated = await runSlipway(["migrate", "create", "c", "--timestamp"], {
    migrations: writeFolder({ "001_a.up.sql": "select 1;" }),
  });
  const last = await runSlipway(["migrate", "create", "d"], {
    migrations: writeFolder({ "9223372036854775807_a.up.sql": "select 1;" }),
  });

  expect(numbered).toEqual(["10", "10", "100", "2000"]);
  expect(unix).toMatch(/^\d{10}$/);
  expect(Number(unix)).toBeGreaterThan(Math.floor(now / 1_000));
  expect(ms).toMatch(/^\d{13}$/);
  expect(Number(ms)).toBeGreaterThan(now);
  expect(afterFuture.stdout).toMatch(/\/20991231235960_b\.up\.sql\n/);
  expect(dated.stdout).toMatch(/\/20\d{12}_c\.up\.sql\n/);
  expect(last).toExit(11);
});

test("twelve at once are given twelve numbers, and of one name one pair", async () => {
  const migrations = writeFolder({ "001_a.up.sql": "select 1;" });
  const create = (name: string) => runSlipway(["migrate", "create", name], { migrations });

  const different = await Promise.all(Array.from({ length: 6 }, (_, index) => create(`m ${index}`)));
  const same = await Promise.all(Array.from({ length: 6 }, () => create("same")));

  for (const each of [...different, ...same]) expect(each).toExit(0);
  expect(new Set(same.map(({ stdout }) => stdout)).size).toBe(1);
  const names = readdirSync(migrations).filter((name) => name.endsWith(".up.sql"));
  expect(names.map((name) => name.slice(0, 3)).sort()).toEqual([
    "001",
    "002",
    "003",
    "004",
    "005",
    "006",
    "007",
    "008",
  ]);
  expect(readdirSync(migrations)).toHaveLength(15);
});

onSomeServer("a created pair that nobody filled in can be applied", async (server) => {
  await using database = await openTestDatabase(server);
  const migrations = writeFolder();
  await runSlipway(["migrate", "create", "nothing yet"], { migrations });

  const run = await runSlipway(["run"], { database, schema: "", migrations });
  const down = await runSlipway(["migrate", "down", "--yes"], { database, migrations });

  expect(run).toExit(0);
  expect(down).toExit(0);
  expect(await readLedger(database)).toEqual([]);
});

onSomeServer(
  "reset works in a development database only, with a yes only, and a run starts over",
  async (server) => {
    await using database = await openTestDatabase(server);
    const options = {
      database,
      migrations: writeFolder({ "1_one.up.sql": "create table public.one (id int);" }),
    };
    await runSlipway(["run"], options);

    const elsewhere = await runSlipway(["reset", "--full", "--yes"], options);
    await database.query(`alter database ${database.name} set slipway.environment = 'development'`);
    const unconfirmed = await runSlipway(["reset", "--full"], options);
    const isThere = await database.value("select to_regclass('public.one') is not null");
    const reset = await runSlipway(["reset", "--yes"], options);
    const publicKept = await database.value("select to_regclass('public.one') is not null");
    const full = await runSlipway(["reset", "--full", "--yes"], options);
    const again = await runSlipway(["run"], options);

    expect(elsewhere).toExit(36);
    expect(lastLineOf(elsewhere).msg).toMatch(/slipway\.environment = 'development'/);
    expect(unconfirmed).toExit(2);
    expect(isThere).toBe(true);
    expect(reset).toExit(0);
    expect(publicKept).toBe(true);
    expect(full).toExit(0);
    expect(again).toExit(0);
    expect(await readLedger(database)).toHaveLength(1);
  },
);
