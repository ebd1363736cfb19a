import { type DependencyEdge, encodeId, type Fact, type StableId } from "@supabase/pg-delta/core";
import { expect, test } from "vitest";
import { factsOf } from "../../../../src/declarative/engine/facts.ts";
import { narrow } from "../../../../src/declarative/engine/narrow.ts";
import { catalogOf, column, columnId, fact, SCHEMA, schema, table, tableId } from "./support.ts";

const depends = (from: StableId, to: StableId): DependencyEdge => ({ from, to, kind: "depends" });
const viewId: StableId = { kind: "view", schema: "app", name: "totals" };

const FACTS: readonly Fact[] = [
  schema(),
  table("customers"),
  column("customers", "id"),
  table("orders"),
  column("orders", "id"),
  table("lines"),
  column("lines", "order_id"),
  table("articles"),
  table("elsewhere"),
  column("elsewhere", "id"),
  fact(viewId, {}, SCHEMA),
];
const EDGES = [
  depends(tableId("orders"), columnId("customers", "id")),
  depends(columnId("lines", "order_id"), columnId("orders", "id")),
  depends(columnId("lines", "order_id"), tableId("articles")),
  depends(columnId("elsewhere", "id"), columnId("customers", "id")),
];

const tablesOf = (changed: readonly StableId[], edges = EDGES): string[] => {
  const current = factsOf(catalogOf({ facts: FACTS, edges }));
  const part = narrow(current, current, new Set(changed.map(encodeId)));
  expect(part.desired).toEqual(part.current);
  return [...part.current.byId.values()].flatMap(({ id }) => (id.kind === "table" ? [id.name] : []));
};

test("what a change is about stays, with all that depends on it and all that those need", () => {
  expect(tablesOf([columnId("orders", "id")])).toEqual(["customers", "orders", "lines", "articles"]);
});

test("a table that only needs the same as a changed one is left out, with its parts", () => {
  const current = factsOf(catalogOf({ facts: FACTS, edges: EDGES }));
  const { byId } = narrow(current, current, new Set([encodeId(columnId("lines", "order_id"))])).current;

  expect(byId.has(encodeId(tableId("elsewhere")))).toBe(false);
  expect(byId.has(encodeId(columnId("elsewhere", "id")))).toBe(false);
  expect(byId.has(encodeId(columnId("orders", "id")))).toBe(true);
});

test("everything else than a table stays, whether it is connected or not", () => {
  const current = factsOf(catalogOf({ facts: FACTS, edges: EDGES }));
  const { byId } = narrow(current, current, new Set([encodeId(tableId("articles"))])).current;

  expect(byId.has(encodeId(viewId))).toBe(true);
  expect(byId.has(encodeId(SCHEMA))).toBe(true);
});

test("tables that need each other stay together", () => {
  const cyclic = [
    depends(tableId("customers"), tableId("articles")),
    depends(tableId("articles"), tableId("customers")),
  ];
  expect(tablesOf([tableId("articles")], cyclic)).toEqual(["customers", "articles"]);
});

test("what is on the desired side only brings along what it needs there", () => {
  const current = factsOf(catalogOf({ facts: FACTS }));
  const added = columnId("orders", "customer_id");
  const desired = factsOf(
    catalogOf({
      facts: [...FACTS, column("orders", "customer_id")],
      edges: [depends(added, columnId("customers", "id"))],
    }),
  );

  const part = narrow(current, desired, new Set([encodeId(added)]));

  expect(part.current.byId.has(encodeId(columnId("customers", "id")))).toBe(true);
  expect(part.desired.byId.has(encodeId(added))).toBe(true);
  expect(part.desired.byId.has(encodeId(tableId("lines")))).toBe(false);
});
