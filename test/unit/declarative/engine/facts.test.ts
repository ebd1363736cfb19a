import { encodeId, type StableId } from "@supabase/pg-delta/core";
import { expect, test } from "vitest";
import {
  factsOf,
  isPartitionFact,
  loadFacts,
  nameOf,
  saveFacts,
  schemaOf,
} from "../../../../src/declarative/engine/facts.ts";
import {
  catalogOf,
  column,
  columnId,
  edgesOf,
  fact,
  idsOf,
  owner,
  SCHEMA,
  schema,
  table,
  tableId,
} from "./support.ts";

const NAMES: ReadonlyArray<readonly [id: StableId, name: string, schema: string | undefined]> = [
  [{ kind: "schema", name: "app" }, "app", "app"],
  [{ kind: "role", name: "app" }, "app", undefined],
  [{ kind: "extension", name: "pgcrypto" }, "pgcrypto", undefined],
  [{ kind: "publication", name: "pub" }, "pub", undefined],
  [{ kind: "table", schema: "app", name: "orders" }, "app.orders", "app"],
  [{ kind: "table", schema: "my app", name: "We.ird" }, "my app.We.ird", "my app"],
  [{ kind: "index", schema: "app", name: "i" }, "app.i", "app"],
  [{ kind: "type", schema: "app", name: "mood" }, "app.mood", "app"],
  [{ kind: "column", schema: "app", table: "orders", name: "total" }, "app.orders.total", "app"],
  [{ kind: "default", schema: "app", table: "orders", name: "total" }, "app.orders.total", "app"],
  [{ kind: "constraint", schema: "app", table: "orders", name: "pk" }, "app.orders.pk", "app"],
  [{ kind: "policy", schema: "app", table: "orders", name: "own rows" }, "app.orders.own rows", "app"],
  [{ kind: "function", schema: "app", name: "f", args: [] }, "app.f()", "app"],
  [
    { kind: "procedure", schema: "app", name: "p", args: ["integer", "text[]"] },
    "app.p(integer, text[])",
    "app",
  ],
  [{ kind: "aggregate", schema: "app", name: "a", args: ["numeric"] }, "app.a(numeric)", "app"],
  [{ kind: "typeAttribute", schema: "app", type: "pair", name: "left" }, "app.pair.left", "app"],
  [{ kind: "comment", target: { kind: "table", schema: "app", name: "orders" } }, "app.orders", "app"],
  [{ kind: "comment", target: { kind: "schema", name: "app" } }, "app", "app"],
  [{ kind: "comment", target: { kind: "extension", name: "pgcrypto" } }, "pgcrypto", undefined],
  [
    { kind: "acl", target: { kind: "table", schema: "app", name: "orders" }, grantee: "reader" },
    "app.orders to reader",
    "app",
  ],
  [
    {
      kind: "acl",
      target: { kind: "table", schema: "app", name: "orders" },
      grantee: "reader",
      column: "total",
    },
    "app.orders.total to reader",
    "app",
  ],
  [
    { kind: "securityLabel", target: { kind: "table", schema: "app", name: "orders" }, provider: "anon" },
    "app.orders of anon",
    "app",
  ],
  [{ kind: "membership", role: "readers", member: "ann" }, "ann in readers", undefined],
  [{ kind: "userMapping", server: "far", role: "ann" }, "ann on far", undefined],
  [
    { kind: "publicationRel", publication: "pub", schema: "app", table: "orders" },
    "app.orders in pub",
    undefined,
  ],
  [{ kind: "publicationSchema", publication: "pub", schema: "app" }, "app in pub", undefined],
  [
    { kind: "defaultPrivilege", role: "ann", schema: "app", objtype: "r", grantee: "reader" },
    "r of ann in app to reader",
    "app",
  ],
  [
    { kind: "defaultPrivilege", role: "ann", schema: null, objtype: "f", grantee: "reader" },
    "f of ann to reader",
    undefined,
  ],
  [
    { kind: "extensionIntent", ext: "pg_cron", intentKind: "job", key: "nightly" },
    "pg_cron job nightly",
    undefined,
  ],
];
for (const [id, name, inSchema] of NAMES) {
  test(`${encodeId(id)} is named ${name}, and lives in ${inSchema ?? "no schema"}`, () => {
    expect(nameOf(id)).toBe(name);
    expect(schemaOf(id)).toBe(inSchema);
  });
}

const BOUNDS: ReadonlyArray<readonly [payload: Record<string, unknown>, isPartition: boolean]> = [
  [{}, false],
  [{ partitionBound: null }, false],
  [{ partitionKey: "RANGE (at)" }, false],
  [{ partitionBound: "FOR VALUES FROM (0) TO (10)" }, true],
  [{ partitionBound: "DEFAULT" }, true],
];
test.each(BOUNDS)("a table with %j is a partition: %s", (payload, isPartition) => {
  expect(isPartitionFact(table("orders", payload))).toBe(isPartition);
});

test("what is saved of a desired state comes back whole: facts, edges, roles, what is declared", () => {
  const catalog = catalogOf({
    facts: [
      schema(),
      table("orders", { persistence: "p", options: ["fillfactor=70"], size: null }),
      column("orders", "größe 📏", { type: "integer", notNull: true }),
      fact(
        { kind: "function", schema: "app", name: "f", args: ["integer", "text"] },
        { def: "a\n'b'\\c" },
        SCHEMA,
      ),
    ],
    edges: [
      owner(tableId("orders"), "loader"),
      { from: columnId("orders", "größe 📏"), to: tableId("orders"), kind: "depends" },
    ],
    virtualColumns: [columnId("orders", "größe 📏")],
    serverMajor: 17,
  });
  const declared = new Set([encodeId(tableId("orders"))]);

  const loaded = loadFacts(saveFacts(factsOf(catalog), catalog.serverMajor, declared));

  expect(loaded.declared).toEqual(declared);
  expect(loaded.catalog.serverMajor).toBe(17);
  expect(idsOf(loaded.catalog)).toEqual(idsOf(catalog));
  expect(edgesOf(loaded.catalog)).toEqual(edgesOf(catalog));
  expect(factsOf(loaded.catalog)).toEqual({ ...factsOf(catalog), roles: ["PUBLIC", "loader"] });
});

test("a saved state is compressed: it is a column of a row", () => {
  const facts = Array.from({ length: 200 }, (_, index) => column("orders", `c${index}`, { type: "integer" }));
  const catalog = catalogOf({ facts });

  const saved = saveFacts(factsOf(catalog), 18, new Set());

  expect(saved.length).toBeLessThan(JSON.stringify(facts).length / 5);
});
