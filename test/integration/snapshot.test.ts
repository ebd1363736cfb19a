import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, inject, test } from "vitest";
import { onEachServer, openTestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { createCluster, urlOf } from "../support/server.ts";
import { lastLineOf, messagesOf, runSlipway } from "../support/slipway.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TAKEN = "Taking the desired schema from its snapshot";
const NOT_USED = "The snapshot is not used";

/** Bootstrap makes the roles; the schema has what an owner shows in: grants, default privileges, policies. */
const filesOf = (reader: string): Record<string, string> => ({
  "bootstrap.sql": `
do $$ begin if not exists (select from pg_roles where rolname = '${reader}') then create role ${reader}; end if; end $$;
create schema if not exists base;
create schema if not exists app;`,
  "schemas/10_views.sql": "create view app.names as select name from app.people;\n",
  "schemas/20_people.sql": `
create table app.people (id int primary key, name text);
grant select on app.people to ${reader};
revoke all on app.names from public;
alter default privileges in schema app grant select on tables to ${reader};
alter table app.people enable row level security;
create policy mine on app.people for select to current_user using (true);
create function app.hidden() returns int language sql return 1;
revoke execute on function app.hidden() from public;`,
});

const CHANGE = {
  "schemas/30_pets.sql": `
create table app.pets (id int primary key, person int references app.people);
create view app.owners as select p.name from app.people p join app.pets on person = p.id;
create function app.pet_count() returns bigint language sql begin atomic select count(*) from app.pets; end;
create policy all_pets on app.pets to current_user using (true);`,
};

const OWNERS = `
select distinct pg_get_userbyid(o.owner) as owner
  from (select relowner as owner, relnamespace as ns from pg_class
        union all select proowner, pronamespace from pg_proc) o
 where o.ns = 'app'::regnamespace`;

onEachServer(
  "what a superuser compiled on another server, a role without CREATEDB applies as its own",
  async (server) => {
    await using database = await openTestDatabase(server);
    await using other = await createCluster({
      bin: server.bin,
      account: server.account,
      folder: join(server.folder, `other-${database.name}`),
    });
    const role = await database.createRole();
    const reader = database.nameRole();
    const schema = writeFolder(filesOf(reader));
    await database.query(`create role ${reader}; alter database ${database.name} owner to ${role.name}`);
    const asRole = { database: { url: role.url }, schema };
    const installed = await runSlipway(["run"], asRole);
    writeFiles(schema, CHANGE);

    const compiled = await runSlipway(["schema", "compile", "--server", urlOf(other, "postgres")], {
      schema,
    });
    const plan = await runSlipway(["plan", "--sql"], asRole);
    const run = await runSlipway(["run"], asRole);
    await database.query("create table app.extra ()");
    const again = await runSlipway(["plan"], asRole);

    expect(installed).toExit(0);
    expect(compiled).toExit(0);
    expect(existsSync(join(schema, `pg${server.major}.snapshot`))).toBe(true);
    expect(plan).toExit(3);
    expect(plan.stdout).not.toMatch(/OWNER TO|postgres/);
    expect(plan.stdout).toContain(`TO "${role.name}"`);
    expect(messagesOf(plan)).toContain(TAKEN);
    expect(run).toExit(0);
    expect(messagesOf(run)).toContain(TAKEN);
    expect(await database.query(OWNERS)).toContainEqual({ owner: role.name });
    expect(
      await database.query(
        "select polname from pg_policy where polname = 'all_pets' and polroles = array[$1::regrole::oid]",
        [role.name],
      ),
    ).toEqual([{ polname: "all_pets" }]);
    expect(await database.value(`select has_table_privilege('${reader}', 'app.pets', 'select')`)).toBe(true);
    expect(again).toExit(0);
    expect(again.stderr).not.toContain("changed outside");
  },
);

onEachServer("a snapshot of other files is told and not used", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder({ "schemas/10_app.sql": "create schema app; create table app.a (id int);" });
  await runSlipway(["run"], { database, schema });
  writeFiles(schema, { "schemas/20_b.sql": "create table app.b (id int);" });
  const check = (): ReturnType<typeof runSlipway> =>
    runSlipway(["schema", "compile", "--check", "--json"], { schema });
  const none = await check();
  const compiled = await runSlipway(["schema", "compile", "--json"], { database, schema });
  const current = await check();
  writeFiles(schema, { "schemas/20_b.sql": "create table app.b (id int, n text);" });

  const stale = await check();
  const run = await runSlipway(["run"], { database, schema });

  expect(none).toExit(3);
  expect(JSON.parse(none.stdout)).toEqual({ current: false, snapshots: [] });
  expect(compiled).toExit(0);
  const { path } = JSON.parse(compiled.stdout);
  expect(JSON.parse(compiled.stdout)).toMatchObject({ serverMajor: server.major });
  expect(current).toExit(0);
  expect(JSON.parse(current.stdout)).toEqual({
    current: true,
    snapshots: [{ path, serverMajor: server.major, stale: null }],
  });
  expect(stale).toExit(3);
  expect(run).toExit(0);
  expect(run.lines.find(({ msg }) => msg === NOT_USED)).toMatchObject({
    level: "warn",
    snapshot: path,
    reason: expect.stringContaining("the schema files"),
  });
  expect(
    await database.value("select count(*)::int from information_schema.columns where table_name = 'b'"),
  ).toBe(2);
});

onEachServer("compiling the same files again gives the same bytes", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder(filesOf(database.nameRole()));
  const path = join(schema, `pg${server.major}.snapshot`);

  await runSlipway(["schema", "compile"], { database, schema });
  const first = readFileSync(path);
  await runSlipway(["schema", "compile"], { database, schema });

  expect(first.equals(readFileSync(path))).toBe(true);
});

onEachServer(
  "a password in bootstrap.sql is no part of a snapshot, a value in the schema files is",
  async (server) => {
    await using database = await openTestDatabase(server);
    const role = database.nameRole();
    const schema = writeFolder({
      "bootstrap.sql": `
do $$ begin create role ${role}; exception when duplicate_object then null; end $$;
alter role ${role} password {{PASSWORD}};
create schema if not exists {{NAME}};`,
      "schemas/10_app.sql": "create table {{NAME}}.a (id int default {{FIRST}});",
    });
    const env = { SLIPWAY_VAR_PASSWORD: "one-password", SLIPWAY_VAR_NAME: "app", SLIPWAY_VAR_FIRST: "1" };
    await runSlipway(["schema", "compile"], { database, schema, env });
    const check = async (changed: Record<string, string>): Promise<number | null> =>
      (await runSlipway(["schema", "compile", "--check"], { schema, env: { ...env, ...changed } })).exitCode;

    expect(await check({})).toBe(0);
    expect(await check({ SLIPWAY_VAR_PASSWORD: "another-password" })).toBe(0);
    expect(await check({ SLIPWAY_VAR_FIRST: "2" })).toBe(3);
    expect(await check({ SLIPWAY_VAR_NAME: "shop" })).toBe(3);
    expect(readFileSync(join(schema, `pg${server.major}.snapshot`)).includes("one-password")).toBe(false);
  },
);

onEachServer("a damaged snapshot, or one for another place, is told and not used", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder({ "schemas/10_app.sql": "create schema app; create table app.a (id int);" });
  await runSlipway(["run"], { database, schema });
  writeFiles(schema, { "schemas/20_b.sql": "create table app.b (id int);" });
  await runSlipway(["schema", "compile"], { database, schema });
  const path = join(schema, `pg${server.major}.snapshot`);
  const whole = readFileSync(path);
  const reasonOf = async (): Promise<unknown> =>
    (await runSlipway(["plan"], { database, schema })).lines.find(({ msg }) => msg === NOT_USED)?.["reason"];

  writeFileSync(path, whole.subarray(0, whole.length - 20));
  const damaged = await reasonOf();
  writeFileSync(path, "not a snapshot");
  const strange = await reasonOf();
  writeFileSync(path, whole);
  await database.query(`alter database ${database.name} set search_path = app`);
  const elsewhere = await reasonOf();

  expect(damaged).toBe("it is damaged");
  expect(strange).toContain("no snapshot");
  expect(elsewhere).toContain("search_path");
});

onEachServer(
  "files that can't be compiled are shown with their place, and nothing is left",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = writeFolder({
      "schemas/10_app.sql": "create schema app;\n",
      "schemas/20_more.sql": "create table app.more (\n  id int,\n  état app.stat\n);\n",
    });

    const compiled = await runSlipway(["schema", "compile"], { database, schema });

    expect(compiled).toExit(30);
    expect(lastLineOf(compiled)["where"]).toBe(`${schema}/schemas/20_more.sql:3:8`);
    expect(existsSync(join(schema, `pg${server.major}.snapshot`))).toBe(false);
  },
);

onEachServer("a snapshot of an empty database given for building leaves that empty", async (server) => {
  await using database = await openTestDatabase(server);
  const schema = writeFolder(filesOf(database.nameRole()));

  const compiled = await runSlipway(["schema", "compile", "--shadow-url", database.url], { schema });

  expect(compiled).toExit(0);
  expect(
    await database.value("select count(*)::int from pg_namespace where nspname in ('app', 'base')"),
  ).toBe(0);
});

test("without any server, compiling starts the embedded one where that is installed", async () => {
  const schema = writeFolder({ "schemas/10_app.sql": "create schema app; create table app.a (id int);" });

  const beside = await runSlipway(["schema", "compile"], { schema, cwd: ROOT });
  const nowhere = await runSlipway(["schema", "compile"], { schema });

  expect(beside).toExit(0);
  expect(existsSync(join(schema, `pg${inject("servers")[0]?.major}.snapshot`))).toBe(true);
  expect(nowhere).toExit(10);
  expect(lastLineOf(nowhere)["next"]).toContain("--server");
});

onEachServer(
  "schema apply runs bootstrap and schema, and leaves the migrations to others",
  async (server) => {
    await using database = await openTestDatabase(server);
    const schema = writeFolder({
      "bootstrap.sql": "create schema if not exists base;",
      "schemas/10_app.sql": "create schema app; create table app.a (id int);",
    });
    const migrations = writeFolder({ "001_b.up.sql": "create table base.b (id int);" });

    const applied = await runSlipway(["schema", "apply", "--json"], { database, schema, migrations });
    const pending = await runSlipway(["plan"], { database, schema, migrations });
    const run = await runSlipway(["run"], { database, schema, migrations });

    expect(applied).toExit(0);
    expect(JSON.parse(applied.stdout).phases.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
      "applied",
      "applied",
      "skipped",
    ]);
    expect(pending).toExit(3);
    expect(run).toExit(0);
    expect(await database.value("select to_regclass('base.b')::text")).toBe("base.b");
  },
);
