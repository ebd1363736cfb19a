import { encodeId, type Fact, type StableId } from "@supabase/pg-delta/core";
import { expect, test } from "vitest";
import { findExtras } from "../../../../src/declarative/engine/extras.ts";
import {
  aclId,
  catalogOf,
  column,
  columnId,
  fact,
  ownershipOf,
  SCHEMA,
  type State,
  schema,
  table,
  tableId,
} from "./support.ts";

const ORDERS = tableId("orders");
const INDEX: StableId = { kind: "index", schema: "app", name: "by_hand" };
const TRIGGER: StableId = { kind: "trigger", schema: "app", table: "orders", name: "audit" };
const FUNCTION: StableId = { kind: "function", schema: "app", name: "f", args: [] };
const ELSEWHERE: StableId = { kind: "table", schema: "other", name: "t" };
const PARTITION = { partitionBound: "FOR VALUES FROM (0) TO (10)" };

const DECLARED = [SCHEMA, ORDERS, columnId("orders", "id")];
const DECLARED_FACTS = [schema(), table("orders"), column("orders", "id")];

function extrasOf(
  facts: readonly Fact[],
  more: Omit<State, "facts"> = {},
  ownership: Parameters<typeof ownershipOf>[0] = {},
): readonly string[] {
  const catalog = catalogOf({ ...more, facts: [...DECLARED_FACTS, ...facts] });
  return findExtras(catalog, ownershipOf({ declared: DECLARED, ...ownership }), new Set(["app"]));
}

const FOUND: ReadonlyArray<readonly [what: string, facts: readonly Fact[], extras: readonly StableId[]]> = [
  ["nothing, where all is declared", [], []],
  ["a table in a managed schema", [table("mine")], [tableId("mine")]],
  [
    "of a table only the table",
    [table("mine"), column("mine", "id"), column("mine", "x")],
    [tableId("mine")],
  ],
  ["a function", [fact(FUNCTION, {}, SCHEMA)], [FUNCTION]],
  ["a column of a declared table", [column("orders", "note")], [columnId("orders", "note")]],
  ["an index on a declared table", [fact(INDEX, {}, ORDERS)], [INDEX]],
  ["a trigger on a declared table", [fact(TRIGGER, {}, ORDERS)], [TRIGGER]],
  [
    "a grant on a declared table",
    [fact(aclId(ORDERS, "reader"), { privileges: ["SELECT"], grantable: [] }, ORDERS)],
    [aclId(ORDERS, "reader")],
  ],
  ["no table of a schema that is not managed", [fact(ELSEWHERE, {}, { kind: "schema", name: "other" })], []],
  ["no role, and nothing that lives in no schema", [fact({ kind: "role", name: "ann" })], []],
  ["no run-time partition, and nothing on it", [table("p1", PARTITION), column("p1", "id")], []],
  [
    "no grant that an owner has on its own",
    [fact(aclId(ORDERS, "loader"), { privileges: ["SELECT"], _ownerDefault: ["SELECT"] }, ORDERS)],
    [],
  ],
];
test.each(FOUND)("extras are %s", (_, facts, extras) => {
  expect(extrasOf(facts)).toEqual(extras.map(encodeId));
});

test("a member of an extension belongs to it, and is no extra", () => {
  const edges = [
    { from: FUNCTION, to: { kind: "extension", name: "pgcrypto" }, kind: "memberOfExtension" },
  ] as const;

  expect(extrasOf([fact(FUNCTION, {}, SCHEMA)], { edges })).toEqual([]);
});

test("what depends on an extension in another way is an extra all the same", () => {
  const edges = [{ from: FUNCTION, to: { kind: "extension", name: "pgcrypto" }, kind: "depends" }] as const;

  expect(extrasOf([fact(FUNCTION, {}, SCHEMA)], { edges })).toEqual([encodeId(FUNCTION)]);
});

const KNOWN = ["declared", "given", "lastDeclared"] as const;
test.each(KNOWN)("what is known as %s is no extra", (key) => {
  const ids = [...DECLARED, tableId("mine")];

  expect(extrasOf([table("mine")], {}, { [key]: ids })).toEqual([]);
});
