import { encodeId, type StableId } from "@supabase/pg-delta/core";
import { expect, test } from "vitest";
import { factsOf } from "../../../../src/declarative/engine/facts.ts";
import { actAs } from "../../../../src/declarative/engine/roles.ts";
import {
  aclId,
  catalogOf,
  edgesOf,
  fact,
  idsOf,
  owner,
  payloadOf,
  schema,
  table,
  tableId,
} from "./support.ts";

const ALL = ["INSERT", "SELECT"];
const T = tableId("t");
const OWNS = fact(aclId(T, "loader"), { privileges: ALL, grantable: [], _ownerDefault: ALL }, T);
const defaults = (role: string): StableId => ({
  kind: "defaultPrivilege",
  role,
  schema: "app",
  objtype: "r",
  grantee: "somebody",
});

const asApplier = (facts: Parameters<typeof catalogOf>[0]["facts"], edges = [owner(T, "loader")]) => {
  const catalog = catalogOf({ facts, edges });
  return actAs({ catalog, declared: catalog.ids }, "applier");
};

test("what the loader owns, and has as its owner, becomes the applier's", () => {
  const { catalog, declared } = asApplier([schema(), table("t"), OWNS, fact(defaults("loader"))]);

  const expected = [encodeId(aclId(T, "applier")), encodeId(defaults("applier"))];
  expect(idsOf(catalog)).toEqual(expect.arrayContaining(expected));
  expect([...declared].sort()).toEqual(idsOf(catalog));
  expect(idsOf(catalog).join()).not.toContain("loader");
  expect(edgesOf(catalog)).toEqual(["table:app.t owner role:applier"]);
  expect(factsOf(catalog).currentRole).toBe("applier");
});

test("an owner that the files name stays the owner", () => {
  const { catalog } = asApplier([schema(), table("t")], [owner(T, "somebody")]);

  expect(edgesOf(catalog)).toEqual(["table:app.t owner role:somebody"]);
});

test("what the files grant to the role that turns out to be the owner is part of what an owner has", () => {
  const granted = fact(aclId(T, "applier"), { privileges: ["SELECT"], grantable: [] }, T);

  const { catalog } = asApplier([schema(), table("t"), OWNS, granted]);
  const { catalog: reversed } = asApplier([schema(), table("t"), granted, OWNS]);

  expect(payloadOf(catalog, aclId(T, "applier"))).toEqual(OWNS.payload);
  expect(payloadOf(reversed, aclId(T, "applier"))).toEqual(OWNS.payload);
});

test("a policy for the loader is one for the applier, at its place in the order", () => {
  const policy: StableId = { kind: "policy", schema: "app", table: "t", name: "p" };

  const { catalog } = asApplier([schema(), table("t"), fact(policy, { roles: ["loader", "beta"] }, T)]);

  expect(payloadOf(catalog, policy)).toEqual({ roles: ["applier", "beta"] });
});
