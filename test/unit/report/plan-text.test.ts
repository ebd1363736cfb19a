import { expect, test } from "vitest";
import { formatPlan, formatPlanSql } from "../../../src/report/plan-text.ts";
import { changeOf, planOf } from "../declarative/support.ts";

const NARROW = changeOf('ALTER TABLE "app"."orders" ALTER COLUMN "total" TYPE numeric(10,1)', {
  object: "column app.orders.total",
  class: "destructive",
  hazards: ["data loss", "table rewrite"],
});
const INDEX = changeOf("CREATE INDEX orders_total ON app.orders USING btree (total)", {
  verb: "create",
  object: "index app.orders_total",
  class: "locking",
  hazards: ["blocks writes"],
});
const VIEW = changeOf("CREATE VIEW app.v AS\n SELECT 1;", {
  verb: "create",
  object: "view app.v",
  group: "view app.v",
});
const DROP = changeOf("DROP SEQUENCE app.s", {
  verb: "drop",
  object: "sequence app.s",
  group: "sequence app.s",
  class: "destructive",
});
const PLAIN = { colour: false };

test("a plan is read by object: its changes, their dangers, their SQL, then the sum and the id", () => {
  const plan = planOf([NARROW, VIEW, INDEX, DROP], {
    id: "0d6c5b1f3a2e4987",
    tables: [{ table: "app.orders", estimatedRows: 120_000, bytes: 47_185_920 }],
  });

  expect(formatPlan(plan, PLAIN).split("\n")).toEqual([
    "table app.orders (about 120,000 rows, 45 MB)",
    "  ~ column app.orders.total  [destructive: data loss, table rewrite]",
    '      ALTER TABLE "app"."orders" ALTER COLUMN "total" TYPE numeric(10,1)',
    "  + index app.orders_total  [locking: blocks writes]",
    "      CREATE INDEX orders_total ON app.orders USING btree (total)",
    "",
    "view app.v",
    "  + view app.v",
    "      CREATE VIEW app.v AS",
    "       SELECT 1;",
    "",
    "sequence app.s",
    "  - sequence app.s  [destructive]",
    "      DROP SEQUENCE app.s",
    "",
    "2 to create, 1 to alter, 1 to drop (2 destructive)",
    "plan 0d6c5b1f3a2e4987",
    "",
  ]);
});

test("objects that are kept though no desired schema has them are named", () => {
  const plan = planOf([VIEW], { id: "a", extras: ["table app.by_hand", "index app.i"] });

  expect(formatPlan(plan, PLAIN)).toContain(
    "\n1 to create\nkept, in no desired schema: table app.by_hand, index app.i\nplan a\n",
  );
});

test("a plan without changes says so", () => {
  expect(formatPlan(planOf([], { id: "a" }), PLAIN)).toBe("no changes\nplan a\n");
});

const SIZES: ReadonlyArray<readonly [rows: number, bytes: number, shown: string]> = [
  [0, 8_192, ""],
  [1, 0, " (about 1 rows, 0 B)"],
  [12.4, 999, " (about 12 rows, 999 B)"],
  [1_000, 1_024, " (about 1,000 rows, 1.0 kB)"],
  [1_000, 10_239, " (about 1,000 rows, 10.0 kB)"],
  [1_000, 10_240, " (about 1,000 rows, 10 kB)"],
  [2_500_000, 3_221_225_472, " (about 2,500,000 rows, 3.0 GB)"],
  [9e9, 5e15, " (about 9,000,000,000 rows, 4547 TB)"],
];
test.each(SIZES)("a table of %d rows and %d bytes is headed%s", (estimatedRows, bytes, shown) => {
  const plan = planOf([INDEX], { tables: [{ table: "app.orders", estimatedRows, bytes }] });

  expect(formatPlan(plan, PLAIN).split("\n")[0]).toBe(`table app.orders${shown}`);
});

test("colour marks what is destructive red, what is new green and the rest yellow", () => {
  const alter = changeOf("ALTER TABLE app.orders SET (fillfactor=70)");

  const text = formatPlan(planOf([NARROW, INDEX, alter, DROP]), { colour: true });

  expect(text).toContain("\u001b[1mtable app.orders\u001b[0m\n");
  expect(text).toContain("\u001b[31m  ~ column app.orders.total");
  expect(text).toContain("\u001b[32m  + index app.orders_total");
  expect(text).toContain("\u001b[33m  ~ table app.orders");
  expect(text).toContain("\u001b[31m  - sequence app.s");
});

test("as a script every statement ends with one semicolon and says before it what it may do", () => {
  const plan = planOf([NARROW, VIEW, DROP], { id: "0d6c5b1f3a2e4987" });

  expect(formatPlanSql(plan)).toBe(
    [
      "-- plan 0d6c5b1f3a2e4987",
      "-- destructive: data loss, table rewrite",
      'ALTER TABLE "app"."orders" ALTER COLUMN "total" TYPE numeric(10,1);',
      "",
      "-- safe",
      "CREATE VIEW app.v AS",
      " SELECT 1;",
      "",
      "-- destructive",
      "DROP SEQUENCE app.s;",
      "",
    ].join("\n"),
  );
});
