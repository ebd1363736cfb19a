import { type DependencyEdge, encodeId, type Fact, type StableId } from "@supabase/pg-delta/core";
import { expect, test } from "vitest";
import { factsOf } from "../../../../src/declarative/engine/facts.ts";
import { differingIds, shareWith } from "../../../../src/declarative/engine/same.ts";
import { catalogOf, column, columnId, owner, type State, schema, table, tableId } from "./support.ts";

const TOTAL = columnId("orders", "total");
const many = (count: number): DependencyEdge[] =>
  Array.from({ length: count }, (_, index) => ({
    from: TOTAL,
    to: columnId("other", `c${index}`),
    kind: "depends",
  }));
const facts = (): Fact[] => [
  schema(),
  table("orders", { options: ["a", "b"] }),
  column("orders", "total", { type: "integer", identity: { start: 1 } }),
];
const differing = (one: State, other: State): string[] =>
  [...differingIds(factsOf(catalogOf(one)), factsOf(catalogOf(other)))].sort();
const ids = (...some: readonly StableId[]): string[] => some.map(encodeId).sort();

test.each([2, 40])("the order of %i edges is no difference, and one less is", (count) => {
  const edges = many(count);

  expect(differing({ facts: facts(), edges }, { facts: facts(), edges: edges.toReversed() })).toEqual([]);
  expect(differing({ facts: facts(), edges }, { facts: facts(), edges: edges.slice(1) })).toEqual(ids(TOTAL));
});

test("what is on one side only, has another content, owner or parent differs", () => {
  const [app, orders, total] = facts();
  if (app === undefined || orders === undefined || total === undefined) throw new Error("unreachable");
  const before = { facts: [app, orders, total], edges: [owner(tableId("orders"), "somebody")] };

  expect(differing(before, { ...before, facts: [app, orders] })).toEqual(ids(TOTAL));
  expect(differing({ ...before, facts: [app, orders] }, before)).toEqual(ids(TOTAL));
  expect(
    differing(before, { ...before, facts: [app, orders, column("orders", "total", { type: "text" })] }),
  ).toEqual(ids(TOTAL));
  expect(differing(before, { ...before, edges: [owner(tableId("orders"), "loader")] })).toEqual(
    ids(tableId("orders")),
  );
  expect(differing(before, { ...before, facts: [app, orders, { ...total, parent: app.id }] })).toEqual(
    ids(TOTAL),
  );
});

test("a column that is computed when read differs from the same one that is stored", () => {
  expect(differing({ facts: facts() }, { facts: facts(), virtualColumns: [TOTAL] })).toEqual(ids(TOTAL));
});

test("a catalog shares with another one what both hold alike, and nothing else", () => {
  const other = catalogOf({ facts: facts(), edges: many(3), currentRole: "somebody" });
  const own = catalogOf({
    facts: [...facts().slice(0, 2), column("orders", "total", { type: "text" }), table("new")],
    edges: many(3).toReversed(),
  });

  const shared = shareWith(own, other);

  expect(shared).toEqual({ ...own, engineData: { ...factsOf(own), edgesFrom: factsOf(other).edgesFrom } });
  const [mine, theirs] = [factsOf(shared), factsOf(other)];
  const [orders, total] = [encodeId(tableId("orders")), encodeId(TOTAL)];
  expect(mine.byId.get(orders)).toBe(theirs.byId.get(orders));
  expect(mine.byId.get(total)).toBe(factsOf(own).byId.get(total));
  expect(mine.edgesFrom.get(total)).toBe(theirs.edgesFrom.get(total));
});
