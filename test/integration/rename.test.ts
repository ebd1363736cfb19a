import { expect } from "vitest";
import { onEachServer, openTestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { lastLineOf, runSlipway } from "../support/slipway.ts";

const folderOf = (sql: string): string => writeFolder({ "schemas/10_app.sql": `create schema app;\n${sql}` });

const OLD = "create table app.orders (id int, total int); create table app.items (id int, sku text);";
const NEW = "create table app.orders (id int, amount int); create table app.lines (id int, sku text);";

onEachServer("what looks like a rename is said, and what is said keeps the data", async (server) => {
  await using database = await openTestDatabase(server);
  await runSlipway(["run"], { database, schema: folderOf(OLD) });
  await database.query("insert into app.orders values (1, 10); insert into app.items values (1, 'x')");
  const schema = folderOf(NEW);

  const refused = await runSlipway(["run"], { database, schema });
  const plan = await runSlipway(["plan", "--json"], { database, schema });
  const { renames } = JSON.parse(plan.stdout).declarative.plan;
  for (const { sql } of renames) await database.query(sql);
  const run = await runSlipway(["run"], { database, schema });

  expect(refused).toExit(31);
  expect(lastLineOf(refused).msg).toContain(
    "looks like a rename of column app.orders.total to app.orders.amount",
  );
  expect(renames).toEqual([
    {
      from: "column app.orders.total",
      to: "app.orders.amount",
      sql: "ALTER TABLE app.orders RENAME COLUMN total TO amount",
    },
    { from: "table app.items", to: "app.lines", sql: "ALTER TABLE app.items RENAME TO lines" },
  ]);
  expect(run).toExit(0);
  expect(await database.query("select amount, sku from app.orders join app.lines using (id)")).toEqual([
    { amount: 10, sku: "x" },
  ]);
});

onEachServer("where several could be meant, nothing is guessed", async (server) => {
  await using database = await openTestDatabase(server);
  await runSlipway(["run"], { database, schema: folderOf("create table app.t (a int, b int);") });

  const plan = await runSlipway(["plan", "--json"], {
    database,
    schema: folderOf("create table app.t (c int, d int);"),
  });

  expect(JSON.parse(plan.stdout).declarative.plan.renames).toEqual([]);
});
