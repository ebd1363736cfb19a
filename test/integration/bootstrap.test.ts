import { expect } from "vitest";
import { onEachServer, openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { lastLineOf, messagesOf, runSlipway } from "../support/slipway.ts";

/** A bootstrap.sql that leaves a row each time it runs. */
const COUNTING =
  "create table if not exists public.boots (at timestamptz default clock_timestamp());\ninsert into public.boots default values;\n";

const bootsOf = (database: TestDatabase): Promise<number> =>
  database.value("select count(*)::int from public.boots");

onEachServer("bootstrap.sql runs again when it changed, and not before", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder({ "bootstrap.sql": COUNTING });

  const first = await runSlipway(["run"], { database, schema });
  const same = await runSlipway(["run"], { database, schema });
  const afterSame = await bootsOf(database);
  writeFiles(schema, { "bootstrap.sql": `${COUNTING}create schema if not exists extra;` });
  const plan = await runSlipway(["plan"], { database, schema });
  const changed = await runSlipway(["run"], { database, schema });

  expect(first).toExit(0);
  expect(messagesOf(same)).toEqual(["Everything is up to date", "Database schema management completed"]);
  expect(afterSame).toBe(1);
  expect(plan).toExit(3);
  expect(plan.stdout).toMatch(/bootstrap\.sql is to run: file changed/);
  expect(changed).toExit(0);
  expect(await bootsOf(database)).toBe(2);
});

onEachServer(
  "a comment or a blank line more at the end of bootstrap.sql is no reason to fail",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = writeFolder({ "bootstrap.sql": "create schema if not exists a;" });

    const first = await runSlipway(["run"], { database, schema });
    writeFiles(schema, { "bootstrap.sql": "create schema if not exists a;\n\n-- the end" });
    const second = await runSlipway(["run"], { database, schema });

    expect(first).toExit(0);
    expect(second).toExit(0);
  },
);

onEachServer("bootstrap.sql runs again when a role it made was dropped", async (server) => {
  await using database = await openTestDatabase(server);
  const role = database.nameRole();
  const schema = writeFolder({
    "bootstrap.sql": `${COUNTING}
      do $$ begin
        if not exists (select from pg_roles where rolname = '${role}') then create role ${role}; end if;
      end $$;`,
  });
  await runSlipway(["run"], { database, schema });
  await database.query(`drop role ${role}`);

  const run = await runSlipway(["run"], { database, schema });

  expect(run).toExit(0);
  expect(await bootsOf(database)).toBe(2);
  expect(await database.value("select count(*)::int from pg_roles where rolname = $1", [role])).toBe(1);
});

onEachServer("bootstrap.sql runs again when a schema or an extension it made was dropped", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder({
    "bootstrap.sql": `${COUNTING} create schema if not exists tools; create extension if not exists pgcrypto with schema tools;`,
  });
  await runSlipway(["run"], { database, schema });
  await database.query("drop extension pgcrypto");
  const withoutExtension = await runSlipway(["run"], { database, schema });
  await database.query("drop schema tools cascade");

  const withoutSchema = await runSlipway(["run"], { database, schema });

  expect(withoutExtension).toExit(0);
  expect(withoutSchema).toExit(0);
  expect(await bootsOf(database)).toBe(3);
  expect(await database.value("select count(*)::int from pg_extension where extname = 'pgcrypto'")).toBe(1);
});

onEachServer("an optional extension that the server lacks is left out, and said to be", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder({
    "bootstrap.sql": "-- slipway: optional\ncreate extension if not exists no_such_thing;\ncreate schema a;",
  });

  const run = await runSlipway(["run"], { database, schema });
  const again = await runSlipway(["run"], { database, schema });

  expect(run).toExit(0);
  expect(run.lines).toContainEqual(expect.objectContaining({ extension: "no_such_thing" }));
  expect(await database.value("select count(*)::int from pg_namespace where nspname = 'a'")).toBe(1);
  expect(messagesOf(again)[0]).toBe("Everything is up to date");
});

onEachServer(
  "extensions that the server lacks are all named, with their places, and nothing of the file is kept",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = writeFolder({
      "bootstrap.sql":
        'create schema a;\ncreate extension no_such_thing;\ncreate extension "neither-this";\n',
    });

    const run = await runSlipway(["run"], { database, schema });

    expect(run).toExit(36);
    expect(lastLineOf(run)["problems"]).toEqual([
      expect.stringMatching(/bootstrap\.sql:2:1: .*"no_such_thing"/),
      expect.stringMatching(/bootstrap\.sql:3:1: .*"neither-this"/),
    ]);
    expect(await database.value("select count(*)::int from pg_namespace where nspname = 'a'")).toBe(0);
  },
);

onEachServer("placeholders are quoted as their place demands", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder({
    "bootstrap.sql": `
      create schema if not exists {{TENANT}};
      create table if not exists {{TENANT}}.notes ({{COLUMN}} text default {{GREETING}}, n int default {{NUMBER}});
      comment on schema {{TENANT}} is 'for {{GREETING}}';
      do $$ begin perform set_config('slipway_test.greeting', {{GREETING}}, false); end $$;
      insert into {{TENANT}}.notes default values;`,
  });
  const env = {
    SLIPWAY_VAR_TENANT: `we"ird; drop`,
    SLIPWAY_VAR_COLUMN: "Select",
    SLIPWAY_VAR_GREETING: `it's \\ "quoted"; --`,
    SLIPWAY_VAR_NUMBER: "42",
  };

  const run = await runSlipway(["run"], { database, schema, env });

  expect(run).toExit(0);
  expect(await database.query(`select * from "we""ird; drop".notes`)).toEqual([
    { Select: `it's \\ "quoted"; --`, n: 42 },
  ]);
  expect(
    await database.value(`select obj_description('"we""ird; drop"'::regnamespace, 'pg_namespace')`),
  ).toBe(`for it's \\ "quoted"; --`);
});

onEachServer("bootstrap.sql runs again when the value of one of its placeholders changed", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder({ "bootstrap.sql": "create schema if not exists {{NAME}};" });
  await runSlipway(["run"], { database, schema, env: { SLIPWAY_VAR_NAME: "one", SLIPWAY_VAR_UNUSED: "1" } });

  const unused = await runSlipway(["run"], {
    database,
    schema,
    env: { SLIPWAY_VAR_NAME: "one", SLIPWAY_VAR_UNUSED: "2" },
  });
  const used = await runSlipway(["run"], { database, schema, env: { SLIPWAY_VAR_NAME: "two" } });

  expect(messagesOf(unused)[0]).toBe("Everything is up to date");
  expect(used).toExit(0);
  expect(await database.value("select count(*)::int from pg_namespace where nspname in ('one', 'two')")).toBe(
    2,
  );
});

onEachServer(
  "a statement that fails is shown with file, line, column and caret, and the file leaves nothing",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = writeFolder({
      "bootstrap.sql": "create schema a;\n\ncreate table a.b (\n  c no_such_type\n);\n",
    });

    const run = await runSlipway(["run"], { database, schema });

    expect(run).toExit(30);
    expect(lastLineOf(run)).toMatchObject({
      code: "STATEMENT_FAILED",
      where: `${schema}/bootstrap.sql:4:5`,
      why: '42704 type "no_such_type" does not exist',
      excerpt: "  4 |   c no_such_type\n    |     ^",
    });
    expect(await database.value("select count(*)::int from pg_namespace where nspname = 'a'")).toBe(0);
    expect(await database.value("select status from migrations.runs")).toBe("failed");
  },
);

onEachServer("roles of bootstrap.sql reach the grants of the schema files", async (server) => {
  await using database = await openTestDatabase(server);
  const role = database.nameRole();
  const schema = writeFolder({
    "bootstrap.sql": `do $$ begin create role ${role}; exception when duplicate_object then null; end $$;`,
    "schemas/10.sql": `create schema app; create table app.t (id int); grant select on app.t to ${role};`,
  });

  const run = await runSlipway(["run"], { database, schema });
  writeFiles(schema, {
    "schemas/10.sql": `create schema app; create table app.t (id int, n int); grant select on app.t to ${role};`,
  });
  const changed = await runSlipway(["run"], { database, schema });

  expect(run).toExit(0);
  expect(changed).toExit(0);
  expect(await database.value("select has_table_privilege($1, 'app.t', 'select')", [role])).toBe(true);
});
