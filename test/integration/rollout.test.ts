import { expect } from "vitest";
import { describeCatalog } from "../support/catalog.ts";
import { onSomeServer, openTestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { messagesOf, runSlipway } from "../support/slipway.ts";

const folderOf = (sql: string): string => writeFolder({ "schemas/10_app.sql": `create schema app;\n${sql}` });

const OLD = folderOf("create table app.orders (id int primary key);");
const NEW = folderOf(
  "create table app.orders (id int primary key, total int); create table app.items (id int);",
);

const OLD_MIGRATIONS = writeFolder({ "1_one.up.sql": "create table public.one ();" });
const NEW_MIGRATIONS = writeFolder({
  "1_one.up.sql": "create table public.one ();",
  "2_two.up.sql": "create table public.two ();",
});

onSomeServer(
  "pods of the old and the new release that start at once: all exit 0, and the new release is what stays",
  async (server) => {
    await using database = await openTestDatabase(server);
    await using undisturbed = await openTestDatabase(server);
    const old = { schema: OLD, migrations: OLD_MIGRATIONS };
    const latest = { schema: NEW, migrations: NEW_MIGRATIONS };
    await runSlipway(["run"], { database, ...old });

    const results = await Promise.all(
      [old, latest, old, latest, old, latest].map((release) => runSlipway(["run"], { database, ...release })),
    );
    const late = await runSlipway(["run"], { database, ...old });
    await runSlipway(["run"], { database: undisturbed, ...latest });

    for (const result of [...results, late]) expect(result).toExit(0);
    expect(await describeCatalog(database)).toEqual(await describeCatalog(undisturbed));
    expect(await database.value("select count(*)::int from migrations.app_log")).toBe(2);
  },
);

onSomeServer(
  "plans beside each other and beside a run keep to their own shadow databases",
  async (server) => {
    await using database = await openTestDatabase(server);
    await runSlipway(["run"], { database, schema: OLD });

    const [run, ...plans] = await Promise.all([
      runSlipway(["run"], { database, schema: NEW }),
      ...Array.from({ length: 4 }, () => runSlipway(["plan"], { database, schema: NEW })),
    ]);

    expect(run).toExit(0);
    for (const plan of plans) expect([0, 3], plan.stderr).toContain(plan.exitCode);
    expect(messagesOf(await runSlipway(["run"], { database, schema: NEW }))[0]).toBe(
      "Everything is up to date",
    );
  },
);

onSomeServer(
  "a release that comes back after another took its place runs its own migrations at most once",
  async (server) => {
    await using database = await openTestDatabase(server);

    await runSlipway(["run"], { database, schema: "", migrations: NEW_MIGRATIONS });
    const older = await runSlipway(["run"], { database, schema: "", migrations: OLD_MIGRATIONS });
    const newer = await runSlipway(["run"], { database, schema: "", migrations: NEW_MIGRATIONS });

    expect(older).toExit(0);
    expect(newer).toExit(0);
    expect(messagesOf(newer)[0]).toBe("Everything is up to date");
    expect(await database.value("select count(*)::int from migrations.app_log")).toBe(2);
  },
);
