import { encodeId, type StableId } from "@supabase/pg-delta/core";
import { expect, test } from "vitest";
import { pgDelta } from "../../../../src/declarative/engine/pg-delta.ts";
import { catalogOf, column, columnId, fact, owner, schema, table, tableId } from "./support.ts";

const ids = (...some: readonly StableId[]): ReadonlySet<string> => new Set(some.map(encodeId));

const FACTS = [
  schema(),
  table("orders", { persistence: "p" }),
  column("orders", "total", { type: "integer" }),
];
const TOTAL = columnId("orders", "total");

test("what is new or has another content counts as changed, what is gone does not", () => {
  const before = catalogOf({ facts: [...FACTS, table("gone")] });
  const after = catalogOf({
    facts: [
      schema(),
      table("orders", { persistence: "p" }),
      column("orders", "total", { type: "bigint" }),
      table("new"),
    ],
  });

  expect(pgDelta.changedIds(before, after)).toEqual(ids(TOTAL, tableId("new")));
});

test("of a database that was empty, everything was made but schema public", () => {
  const catalog = catalogOf({ facts: [fact({ kind: "schema", name: "public" }), ...FACTS] });

  expect(pgDelta.madeIds(catalog)).toEqual(ids(...FACTS.map(({ id }) => id)));
});

test("the order of a payload's keys and the engine's own notes are no content", () => {
  const before = catalogOf({ facts: [table("orders", { a: 1, b: [1, 2], _note: "x" })] });
  const after = catalogOf({ facts: [table("orders", { b: [1, 2], _note: "y", _more: true, a: 1 })] });

  expect(pgDelta.changedIds(before, after)).toEqual(new Set());
});

test("a fingerprint is the same for the same content, in whatever order it was read or asked for", () => {
  const one = catalogOf({ facts: FACTS });
  const other = catalogOf({ facts: FACTS.toReversed(), currentRole: "somebody", serverMajor: 17 });

  const fingerprint = pgDelta.fingerprint(one, ids(tableId("orders"), TOTAL));

  expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
  expect(pgDelta.fingerprint(other, ids(TOTAL, tableId("orders")))).toBe(fingerprint);
});

const TOUCHED: ReadonlyArray<readonly [what: string, total: Record<string, unknown>]> = [
  ["another value", { type: "bigint" }],
  ["a property more", { type: "integer", notNull: true }],
  ["a property less", {}],
];
test.each(TOUCHED)("%s is another fingerprint", (_, total) => {
  const before = catalogOf({ facts: FACTS });
  const after = catalogOf({ facts: [...FACTS.slice(0, 2), column("orders", "total", total)] });

  expect(pgDelta.fingerprint(after, ids(TOTAL))).not.toBe(pgDelta.fingerprint(before, ids(TOTAL)));
});

test("an object that is missing is another fingerprint, one that was not asked for is not", () => {
  const all = catalogOf({ facts: [...FACTS, table("extra")] });
  const declared = ids(tableId("orders"), TOTAL);

  expect(pgDelta.fingerprint(all, declared)).toBe(pgDelta.fingerprint(catalogOf({ facts: FACTS }), declared));
  expect(pgDelta.fingerprint(catalogOf({ facts: FACTS.slice(0, 2) }), declared)).not.toBe(
    pgDelta.fingerprint(all, declared),
  );
});

test("a generated column that is computed when read is another than one that is stored", () => {
  const facts = [schema(), table("orders"), column("orders", "total", { generatedExpr: "(a * 2)" })];
  const stored = catalogOf({ facts });
  const virtual = catalogOf({ facts, virtualColumns: [TOTAL] });

  expect(pgDelta.changedIds(stored, virtual)).toEqual(ids(TOTAL));
  expect(pgDelta.fingerprint(stored, ids(TOTAL))).not.toBe(pgDelta.fingerprint(virtual, ids(TOTAL)));
  expect(pgDelta.generated(stored, encodeId(TOTAL))).toEqual({ expression: "(a * 2)", virtual: false });
  expect(pgDelta.generated(virtual, encodeId(TOTAL))).toEqual({ expression: "(a * 2)", virtual: true });
  expect(pgDelta.generated(virtual, encodeId(tableId("orders")))).toBeUndefined();
});

test("partitions are named as PostgreSQL's own catalogs spell them", () => {
  const bound = { partitionBound: "DEFAULT" };
  const catalog = catalogOf({ facts: [table("orders"), table("orders_2026", bound), table("other", bound)] });

  expect(pgDelta.partitions(catalog, ids(tableId("orders"), tableId("orders_2026")))).toEqual([
    "app.orders_2026",
  ]);
});

test("an object is described by kind, name, schema and the whole it belongs to", () => {
  const id = columnId("We ird", 'A."b"');
  const catalog = catalogOf({ facts: [schema(), table("We ird"), column("We ird", 'A."b"')] });

  const { kind, name, ownName, schema: of, parent, ofExtension } = pgDelta.describe(catalog, encodeId(id));

  expect([kind, name, ownName]).toEqual(["column", 'app.We ird.A."b"', 'A."b"']);
  expect([of, parent, ofExtension]).toEqual(["app", 'table:app."We ird"', false]);
  expect(pgDelta.quotedName(catalog, encodeId(tableId("We ird")))).toBe('app."We ird"');
});

test("an object that the catalog lacks is described by its id alone", () => {
  const { kind, name, parent } = pgDelta.describe(catalogOf({ facts: [] }), encodeId(TOTAL));

  expect([kind, name, parent]).toEqual(["column", "app.orders.total", undefined]);
});

test("equal states need no change", () => {
  const state = catalogOf({ facts: [schema()] });

  expect(pgDelta.plan({ current: state, desired: state }).actions).toEqual([]);
});

const EQUAL = { facts: [...FACTS, column("orders", "note", { type: "text" })] };
const view = (current: Parameters<typeof catalogOf>[0], desired: Parameters<typeof catalogOf>[0]) => ({
  current: catalogOf(current),
  desired: catalogOf(desired),
});

test("between equal states there is nothing to do, and between any others there is", () => {
  const owned = { ...EQUAL, edges: [owner(tableId("orders"), "loader")] };

  expect(pgDelta.plan(view(owned, { ...owned, facts: owned.facts.toReversed() }))).toEqual({
    actions: [],
    edits: [],
    settings: [],
  });
  expect(pgDelta.plan(view({ facts: FACTS }, EQUAL)).actions).toHaveLength(1);
  expect(pgDelta.plan(view(EQUAL, { facts: FACTS })).actions).toHaveLength(1);
  expect(
    pgDelta.plan(view(owned, { ...EQUAL, edges: [owner(tableId("orders"), "somebody")] })).actions,
  ).toHaveLength(1);
});
