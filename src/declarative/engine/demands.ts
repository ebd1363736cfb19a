import type { Fact } from "@supabase/pg-delta/core";
import type { Demand, ManagedView, ObjectId } from "./engine.ts";
import { type Facts, factsOf, parentOf } from "./facts.ts";

/** What the desired state asks of rows that are there already, and the current one doesn't. */
export function findDemands(view: ManagedView): Demand[] {
  const current = factsOf(view.current);
  const desired = factsOf(view.desired);
  const demands: Demand[] = [];
  for (const [id, wanted] of desired.byId) {
    const found = current.byId.get(id);
    const owner = parentOf(wanted);
    if (owner === undefined || !current.byId.has(owner)) continue;
    demands.push(...demandsOf(desired, id, found, wanted, owner));
  }
  return demands;
}

function demandsOf(
  desired: Facts,
  id: ObjectId,
  found: Fact | undefined,
  wanted: Fact,
  owner: ObjectId,
): Demand[] {
  const { payload, id: stable } = wanted;
  const definition = String(payload["def"] ?? "");
  switch (stable.kind) {
    case "constraint": {
      const isNew = found?.payload["def"] !== definition || found.payload["validated"] === false;
      return isNew && payload["validated"] !== false ? [{ kind: "constraint", id, owner, definition }] : [];
    }
    case "index":
      if (!definition.startsWith("CREATE UNIQUE INDEX ") || found?.payload["def"] === definition) return [];
      return [{ kind: "unique index", id, owner, definition }];
    case "column":
      return found === undefined ? [] : columnDemands(desired, id, found, wanted, owner);
    case "domain":
      return found?.payload["notNull"] === false && payload["notNull"] === true
        ? [{ kind: "not null", id, owner: id }]
        : [];
    case "type": {
      const removed = valuesOf(found).filter((value) => !valuesOf(wanted).includes(value));
      return removed.length === 0 ? [] : [{ kind: "values", id, removed }];
    }
    default:
      return [];
  }
}

function columnDemands(desired: Facts, id: ObjectId, found: Fact, wanted: Fact, owner: ObjectId): Demand[] {
  const demands: Demand[] = [];
  if (found.payload["notNull"] === false && wanted.payload["notNull"] === true) {
    demands.push({ kind: "not null", id, owner });
  }
  const [from, to] = [String(found.payload["type"]), String(wanted.payload["type"])];
  if (from !== to && wanted.payload["generatedExpr"] === null) {
    const values = valuesOf(desired.byId.get(`type:${to}`));
    demands.push({ kind: "type", id, owner, from, type: to, ...(values.length === 0 ? {} : { values }) });
  }
  return demands;
}

function valuesOf(fact: Fact | undefined): readonly string[] {
  const values = fact?.payload["values"];
  return Array.isArray(values) ? values.map(String) : [];
}
