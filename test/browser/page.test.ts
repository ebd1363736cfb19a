import { expect } from "vitest";
import { inBrowser, type Visit } from "../support/browser.ts";
import type { TestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { findBackend, GATE, openGate, openGated } from "../support/gate.ts";
import { ADMIN, READER, type Served, startServe } from "../support/serve.ts";
import type { TestServer } from "../support/server.ts";
import { runSlipway } from "../support/slipway.ts";
import { waitFor } from "../support/wait.ts";

const CUSTOMERS = "create table app.customers (id bigint primary key, email text not null unique);\n";
const V1 = {
  "bootstrap.sql": "create schema if not exists app;",
  "schemas/10_customers.sql": CUSTOMERS,
  "schemas/20_orders.sql":
    "create table app.orders (id bigint primary key, customer_id bigint not null references app.customers, total numeric(10,2), note text);\n",
};
const V2 = {
  "schemas/20_orders.sql":
    "create table app.orders (id bigint primary key, customer_id bigint not null references app.customers, total numeric(12,2), placed_at timestamptz not null default now());\ncreate index orders_placed_at on app.orders (placed_at);\n",
};
const DONE = {
  "001_seed_customers.up.sql": "insert into app.customers values (1, 'a@example.com');",
  "002_seed_orders.up.sql": "insert into app.orders (id, customer_id, total) values (1, 1, 10);",
};

interface Shop extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly served: Served;
  readonly migrations: string;
  readonly schema: string;
}

/** A database that was got ready once, and a server on the files of then. */
async function openShop(server: TestServer): Promise<Shop> {
  const database = await openGated(server);
  const schema = writeFolder(V1);
  const migrations = writeFolder(DONE);
  const options = { database, schema, migrations, env: { POD_NAME: "shop-7d9f4c" } };
  expect(await runSlipway(["run"], options)).toExit(0);
  const served = await startServe(options);
  return {
    database,
    served,
    schema,
    migrations,
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function signIn({ page }: Visit, token: string): Promise<void> {
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

for (const scheme of ["light", "dark"] as const) {
  inBrowser(
    `the page tells where the database stands, and is accessible in ${scheme}`,
    async (server, visit) => {
      await using shop = await openShop(server);
      await using here = await visit(shop.served.origin, scheme);
      const { page } = here;
      await page.getByLabel("Token").waitFor();
      await here.expectAccessible();
      await signIn(here, READER);

      await page.getByText("Up to date", { exact: true }).waitFor();
      await page.getByRole("region", { name: "Migrations, the newest first" }).waitFor();
      await page.getByRole("region", { name: "History of runs, the newest first" }).waitFor();
      const text = await page.locator("main").innerText();
      const rows = await page.getByRole("table", { name: "Migrations" }).getByRole("row").allInnerTexts();
      await page.getByRole("button", { name: "Compare with the files" }).click();
      await page.getByText("The database is what the files ask for").waitFor();
      await here.expectAccessible();
      if (scheme === "light") await here.picture("status");

      expect(await page.locator("#database").innerText()).toContain(shop.database.name);
      expect(text).toMatch(/Version 2/);
      expect(text).toMatch(/no drift/);
      expect(text).toMatch(/Manages\s+app/);
      expect(rows[1]).toMatch(/^2\s+002_seed_orders\s+applied/);
      expect(text).toMatch(/bootstrap applied, declarative applied, user applied/);
    },
  );
}

inBrowser(
  "a plan is read, approved and watched by keyboard alone, and is exactly what runs",
  async (server, visit) => {
    await using shop = await openShop(server);
    writeFiles(shop.schema, V2);
    writeFiles(shop.migrations, { "003_fill_placed_at.up.sql": GATE });
    await using here = await visit(shop.served.origin);
    const { page } = here;
    await page.getByLabel("Token").waitFor();
    await page.keyboard.type(ADMIN);
    await page.keyboard.press("Enter");

    const button = page.getByRole("button", { name: /^Approve plan [0-9a-f]{16} and run it$/ });
    await button.waitFor();
    const plan = await page.locator("#plan").innerText();
    const isReady = await button.isEnabled();
    await here.expectAccessible();

    const { body: planned } = await shop.served.ask("internal-schema/plan", { method: "POST" });
    await page.getByLabel("I have read this plan").focus();
    await page.keyboard.press("Space");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");

    await page.getByText("1 of 1: migration 003_fill_placed_at").waitFor();
    await waitFor(() => findBackend(shop.database, "gate.opened"));
    await here.expectAccessible();
    await page.getByText("Run in progress", { exact: true }).first().waitFor();
    await here.picture("run");
    await openGate(shop.database);
    await page.getByText("Everything was applied.").waitFor();
    await page.getByText("Up to date", { exact: true }).waitFor();
    await here.expectAccessible();

    expect(plan).toContain("needs approval");
    expect(plan).toMatch(/drop column app\.orders\.note/);
    expect(plan).toContain("data loss");
    expect(plan).toContain("003_fill_placed_at");
    expect(isReady).toBe(false);
    const columns =
      "select string_agg(attname, ',' order by attnum) from pg_attribute where attrelid = 'app.orders'::regclass and attnum > 0 and not attisdropped";
    expect(await shop.database.value(columns)).toBe("id,customer_id,total,placed_at");
    expect(await shop.database.query("select id, approved_by from migrations.plans")).toEqual([
      { id: planned.plan.id, approved_by: "alice by the API" },
    ]);
  },
);

inBrowser(
  "a refused token is said beside the field, and a reader is offered nothing to run",
  async (server, visit) => {
    await using shop = await openShop(server);
    writeFiles(shop.schema, V2);
    await using here = await visit(shop.served.origin, "dark");
    const { page } = here;
    await signIn(here, "not-a-token-of-this-server");

    const refusal = page.getByRole("alert").filter({ hasText: "not known to the server" });
    await refusal.waitFor();
    const focused = await page.evaluate("document.activeElement?.id");
    await here.expectAccessible();
    await signIn(here, READER);
    await page.getByText("Your token may read this plan, and not run it.").waitFor();
    const buttons = await page.locator("#plan").getByRole("button").count();
    await here.expectAccessible();
    await here.picture("plan");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();

    expect(focused).toBe("token");
    expect(buttons).toBe(0);
    expect(await page.evaluate("sessionStorage.length")).toBe(0);
    expect(await page.locator("#content").isVisible()).toBe(false);
  },
);

inBrowser(
  "a plan that changed meanwhile does not run, and the new one is shown; drift and failures are told",
  async (server, visit) => {
    await using shop = await openShop(server);
    writeFiles(shop.migrations, { "003_one.up.sql": "create table app.one ();" });
    await using here = await visit(shop.served.origin);
    const { page } = here;
    await signIn(here, ADMIN);
    const button = page.getByRole("button", { name: "Run this plan" });
    await button.waitFor();

    writeFiles(shop.migrations, { "004_bad.up.sql": "alter table app.nowhere add x int;" });
    await shop.database.query("alter table app.orders alter note set default 'by hand'");
    await button.click();
    await page.getByText(/PLAN_STALE \(exit 40\)/).waitFor();
    await page.getByText("004_bad").waitFor();
    await button.click();
    await page.getByText("The run failed.").waitFor();
    await page.getByText("Migration failed", { exact: true }).waitFor();
    const outcome = await page.locator("#live-outcome").innerText();
    await here.expectAccessible();

    expect(outcome).toMatch(/STATEMENT_FAILED \(exit 30\)/);
    expect(outcome).toMatch(/004_bad\.up\.sql:1:\d+/);
    expect(outcome).toMatch(/42P01 relation "app.nowhere" does not exist/);
    expect(outcome).toMatch(/Next: /);
  },
);

inBrowser("while the database is down the page says why, and what to do", async (_, visit) => {
  const database = { url: "postgres://postgres@127.0.0.1:1/nowhere" };
  await using served = await startServe({ database, schema: writeFolder(V1) });
  await using here = await visit(served.origin);
  await signIn(here, ADMIN);

  await here.page.getByText(/DATABASE_UNREACHABLE \(exit 20\)/).waitFor();
  await here.expectAccessible();

  expect(await here.page.locator("#problem").innerText()).toMatch(/Next: /);
});
