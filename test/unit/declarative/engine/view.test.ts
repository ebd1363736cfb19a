import { encodeId, type StableId } from "@supabase/pg-delta/core";
import { expect, test } from "vitest";
import { managedView } from "../../../../src/declarative/engine/view.ts";
import {
  aclId,
  catalogOf,
  column,
  columnId,
  edgesOf,
  fact,
  idsOf,
  owner,
  ownershipOf,
  payloadOf,
  SCHEMA,
  type State,
  schema,
  table,
  tableId,
} from "./support.ts";

const ORDERS = tableId("orders");
const TOTAL = columnId("orders", "total");
const ORDER_FACTS = [schema(), table("orders"), column("orders", "total", { type: "integer" })];
const DECLARED: readonly StableId[] = [SCHEMA, ORDERS, TOTAL];

test("what is declared stands on both sides, each with its own content", () => {
  const current = catalogOf({ facts: ORDER_FACTS });
  const desired = catalogOf({
    facts: [schema(), table("orders"), column("orders", "total", { type: "bigint" })],
  });

  const view = managedView(current, desired, ownershipOf({ declared: DECLARED }));

  expect(payloadOf(view.current, TOTAL)).toEqual({ type: "integer" });
  expect(payloadOf(view.desired, TOTAL)).toEqual({ type: "bigint" });
  expect(idsOf(view.current)).toEqual(idsOf(view.desired));
});

test("an object that was declared last time and is no more stands on the current side alone", () => {
  const note = columnId("orders", "note");
  const current = catalogOf({ facts: [...ORDER_FACTS, column("orders", "note"), table("gone")] });
  const desired = catalogOf({ facts: ORDER_FACTS });

  const view = managedView(
    current,
    desired,
    ownershipOf({ declared: DECLARED, lastDeclared: [...DECLARED, note, tableId("gone")] }),
  );

  expect(view.current.ids.has(encodeId(note))).toBe(true);
  expect(view.current.ids.has(encodeId(tableId("gone")))).toBe(true);
  expect(view.desired.ids).toEqual(new Set(DECLARED.map(encodeId)));
});

test("an extra stands in nobody's way: it is on neither side, and its parts are not either", () => {
  const current = catalogOf({
    facts: [...ORDER_FACTS, column("orders", "by_hand"), table("mine"), column("mine", "id")],
  });
  const desired = catalogOf({ facts: ORDER_FACTS });

  const view = managedView(current, desired, ownershipOf({ declared: DECLARED }));

  expect(idsOf(view.current)).toEqual(idsOf(view.desired));
  expect(idsOf(view.current)).toEqual(DECLARED.map(encodeId).sort());
});

test("an unwanted extra stands on the current side, to be dropped", () => {
  const mine = tableId("mine");
  const current = catalogOf({ facts: [...ORDER_FACTS, table("mine")] });
  const desired = catalogOf({ facts: ORDER_FACTS });

  const view = managedView(current, desired, ownershipOf({ declared: DECLARED, unwanted: [mine] }));

  expect(view.current.ids.has(encodeId(mine))).toBe(true);
  expect(view.desired.ids.has(encodeId(mine))).toBe(false);
});

test("a part goes with its whole, however deep", () => {
  const comment: StableId = { kind: "comment", target: columnId("mine", "id") };
  const current = catalogOf({
    facts: [schema(), table("mine"), column("mine", "id"), fact(comment, {}, columnId("mine", "id"))],
  });
  const desired = catalogOf({ facts: [schema()] });

  const view = managedView(
    current,
    desired,
    ownershipOf({ declared: [SCHEMA], lastDeclared: [comment, columnId("mine", "id")] }),
  );

  expect(idsOf(view.current)).toEqual([encodeId(SCHEMA)]);
});

test("what bootstrap.sql made is on both sides as it is in the database, whatever it should have been", () => {
  const given: State = { facts: [fact(SCHEMA, { note: "as built" }), table("orders")] };
  const current = catalogOf({ facts: [fact(SCHEMA, { note: "as it is" }), table("orders")] });

  const view = managedView(current, catalogOf(given), ownershipOf({ declared: [ORDERS], given: [SCHEMA] }));

  expect(payloadOf(view.current, SCHEMA)).toEqual({ note: "as it is" });
  expect(payloadOf(view.desired, SCHEMA)).toEqual({ note: "as it is" });
});

test("what bootstrap.sql will make is in the desired state already, for others to refer to", () => {
  const desired = catalogOf({ facts: [schema(), table("orders")] });

  const view = managedView(
    catalogOf({ facts: [] }),
    desired,
    ownershipOf({ declared: [ORDERS], given: [SCHEMA] }),
  );

  expect(idsOf(view.current)).toEqual([]);
  expect(idsOf(view.desired)).toEqual([SCHEMA, ORDERS].map(encodeId).sort());
});

const OWNERS: ReadonlyArray<
  readonly [
    what: string,
    live: string,
    wanted: string,
    current: readonly string[],
    desired: readonly string[],
  ]
> = [
  ["whoever loads the files is no wished-for owner", "somebody", "loader", [], []],
  ["not even where it owns the object already", "loader", "loader", [], []],
  [
    "an owner that the files name is compared",
    "loader",
    "somebody",
    ["table:app.orders owner role:loader"],
    ["table:app.orders owner role:somebody"],
  ],
];
test.each(OWNERS)("%s", (_, live, wanted, current, desired) => {
  const facts = [schema(), table("orders")];

  const view = managedView(
    catalogOf({ facts, edges: [owner(ORDERS, live)] }),
    catalogOf({ facts, edges: [owner(ORDERS, wanted)], currentRole: "loader" }),
    ownershipOf({ declared: [SCHEMA, ORDERS] }),
  );

  expect(edgesOf(view.current)).toEqual(current);
  expect(edgesOf(view.desired)).toEqual(desired);
});

test("edges to objects that are left out are left out, edges to roles stay", () => {
  const facts = [...ORDER_FACTS, table("mine")];
  const edges = [
    { from: TOTAL, to: ORDERS, kind: "depends" },
    { from: ORDERS, to: tableId("mine"), kind: "depends" },
    { from: tableId("mine"), to: ORDERS, kind: "depends" },
    owner(ORDERS, "somebody"),
  ] as const;
  const state = catalogOf({ facts, edges });
  const desired = catalogOf({ facts: ORDER_FACTS, edges: [owner(ORDERS, "somebody")] });

  const view = managedView(state, desired, ownershipOf({ declared: DECLARED }));

  expect(edgesOf(view.current)).toEqual([
    "column:app.orders.total depends table:app.orders",
    "table:app.orders owner role:somebody",
  ]);
});

const FULL = { privileges: ["DELETE", "SELECT"], grantable: [], _ownerDefault: ["DELETE", "SELECT"] };
const NARROW = { ...FULL, privileges: ["SELECT"] };
const PASSED_ON = { ...FULL, grantable: ["SELECT"] };
const FOREIGN = { privileges: ["SELECT"], grantable: [] };

type Payload = Record<string, unknown> | undefined;

const GRANTS: ReadonlyArray<
  readonly [what: string, live: Payload, wanted: Payload, onCurrent: boolean, onDesired: boolean]
> = [
  ["an owner's full grant on its own object is nobody's wish", FULL, FULL, false, false],
  ["nor where only the database spells it out", FULL, undefined, false, false],
  ["nor where only the files do", undefined, FULL, false, false],
  ["a narrower one in the files is a wish", FULL, NARROW, true, true],
  ["a narrower one in the database is a difference", NARROW, FULL, true, true],
  ["one that may be passed on is a difference", PASSED_ON, FULL, true, true],
  ["a grant to somebody else is compared", FOREIGN, FOREIGN, true, true],
  ["a grant to somebody else that is missing is a difference", undefined, FOREIGN, false, true],
];
test.each(GRANTS)("%s", (_, live, wanted, onCurrent, onDesired) => {
  const grant = aclId(ORDERS, "somebody");
  const state = (payload: Payload): State => ({
    facts: [schema(), table("orders"), ...(payload === undefined ? [] : [fact(grant, payload, ORDERS)])],
  });

  const view = managedView(
    catalogOf(state(live)),
    catalogOf(state(wanted)),
    ownershipOf({ declared: [SCHEMA, ORDERS, grant] }),
  );

  expect(view.current.ids.has(encodeId(grant))).toBe(onCurrent);
  expect(view.desired.ids.has(encodeId(grant))).toBe(onDesired);
});

test("the states that were read are not changed by being looked at", () => {
  const grant = aclId(ORDERS, "somebody");
  const facts = [schema(), table("orders"), fact(grant, FULL, ORDERS), table("mine")];
  const current = catalogOf({ facts, edges: [owner(ORDERS, "somebody")] });
  const desired = catalogOf({ facts, edges: [owner(ORDERS, "loader")] });

  managedView(current, desired, ownershipOf({ declared: [SCHEMA, ORDERS, grant] }));

  expect(current).toEqual(catalogOf({ facts, edges: [owner(ORDERS, "somebody")] }));
  expect(desired).toEqual(catalogOf({ facts, edges: [owner(ORDERS, "loader")] }));
});
