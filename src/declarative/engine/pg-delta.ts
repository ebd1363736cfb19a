import { createHash } from "node:crypto";
import { buildFactBase, encodeId, type FactBase, parseId, type StableId } from "@supabase/pg-delta/core";
import { type Action, type Plan, plan as planDelta } from "@supabase/pg-delta/plan";
import { quoteIdent } from "../../sql/quote.ts";
import { revokeDefaultGrants } from "./default-grants.ts";
import { columnDefinition, constraintDefinition, indexDefinition } from "./definitions.ts";
import { findDemands } from "./demands.ts";
import { DescribedFact } from "./describe.ts";
import { detachBeforeDrop } from "./detach.ts";
import { editsBetween } from "./edits.ts";
import type { Edit, EngineAction, EnginePlan, ManagedView, ObjectId, SchemaEngine } from "./engine.ts";
import { findExtras } from "./extras.ts";
import {
  contentOf,
  dependenciesOf,
  type Facts,
  factsOf,
  isPartitionFact,
  loadFacts,
  nameOf,
  saveFacts,
  schemaOf,
} from "./facts.ts";
import { narrow } from "./narrow.ts";
import { readCatalog } from "./read-catalog.ts";
import { findRebuilds, findTwins, inOneLanguage, isMarked, withRebuilds, withTwins } from "./rebuild.ts";
import { findRedefinable, placeRedefinitions, withRedefined } from "./redefine.ts";
import { actAs } from "./roles.ts";
import { differingIds, shareWith } from "./same.ts";
import { layOut, scriptOf } from "./script.ts";
import { asRetyped, collationEdits, columnStepOf, keepCollation, plainType, throughText } from "./step.ts";
import { managedView } from "./view.ts";
import { without } from "./without.ts";

/** The one object of a new database that is not left out of every comparison. */
const PUBLIC_SCHEMA = encodeId({ kind: "schema", name: "public" });

/** Characters: handing over each line by itself costs more than hashing it. */
const HASHED_AT_ONCE = 1 << 16;

/** The only importer of `@supabase/pg-delta`, with its neighbours in this folder. */
export const pgDelta: SchemaEngine = {
  read: readCatalog,
  without,
  shareWith,

  changedIds(before, after) {
    const old = factsOf(before);
    const now = factsOf(after);
    const changed = new Set<ObjectId>();
    for (const id of now.byId.keys()) {
      if (contentOf(old, id) !== contentOf(now, id)) changed.add(id);
    }
    return changed;
  },

  madeIds(catalog) {
    return new Set([...catalog.ids].filter((id) => id !== PUBLIC_SCHEMA));
  },

  view: managedView,
  plan: planView,
  demands: findDemands,
  edits: editsBetween,
  script: scriptOf,
  layOut,

  fingerprint(catalog, ids) {
    const facts = factsOf(catalog);
    const hash = createHash("sha256");
    let text = "";
    for (const id of [...ids].sort()) {
      const content = contentOf(facts, id);
      if (content !== undefined) text += `${id}\n${content}\n`;
      if (text.length < HASHED_AT_ONCE) continue;
      hash.update(text);
      text = "";
    }
    return hash.update(text).digest("hex");
  },

  extras: findExtras,

  generated(catalog, id) {
    const facts = factsOf(catalog);
    const expression = facts.byId.get(id)?.payload["generatedExpr"];
    return typeof expression === "string" ? { expression, virtual: facts.virtualColumns.has(id) } : undefined;
  },

  content: (catalog, id) => contentOf(factsOf(catalog), id) ?? "",
  index: indexDefinition,
  constraint: constraintDefinition,
  column: columnDefinition,
  dependencies: (catalog, id) => dependenciesOf(factsOf(catalog), id),

  partitions(catalog, ids) {
    const facts = factsOf(catalog);
    return [...ids].flatMap((id) => {
      const fact = facts.byId.get(id);
      const isPartition = fact !== undefined && isPartitionFact(fact);
      return isPartition ? [nameOf(fact.id)] : [];
    });
  },

  save: (desired, declared) => saveFacts(factsOf(desired), desired.serverMajor, declared),
  load: loadFacts,
  actAs,
  builderOf: (catalog) => factsOf(catalog).currentRole,

  quotedName(_catalog, id) {
    const parsed = parseId(id);
    const name = "name" in parsed ? parsed.name : id;
    return `${quoteIdent(schemaOf(parsed) ?? "public")}.${quoteIdent(name)}`;
  },

  describe: (catalog, id) => new DescribedFact(factsOf(catalog), id),
};

function toFactBase(facts: Facts): FactBase {
  const edges = [...facts.edgesFrom].flatMap(([from, list]) => (facts.byId.has(from) ? list : []));
  // Owners stay as references to roles that are no facts here, so that a declared owner is still set.
  const allowDangling = (edge: (typeof edges)[number]): boolean =>
    edge.kind === "owner" && edge.to.kind === "role";
  return buildFactBase([...facts.byId.values()], edges, "liveDb", new Set(), { allowDangling });
}

/** Plans until nothing more is found that the plan forgets to make anew. */
function planView(view: ManagedView): EnginePlan {
  const desired = factsOf(view.desired);
  const live = factsOf(view.current);
  const changed = differingIds(live, desired);
  if (changed.size === 0) return { actions: [], edits: [], settings: [] };
  const current = asRetyped(inOneLanguage(live, desired), desired);
  const assumedRoles = [...new Set([...current.roles, ...desired.roles])];
  const rebuilds = new Set<ObjectId>();
  const twins = new Map<ObjectId, StableId>();
  const redefinable = findRedefinable(current, desired);
  for (;;) {
    const sides = withRedefined({ current, desired }, redefinable);
    const concerned = [...changed, ...rebuilds, ...twins.keys(), ...[...twins.values()].map(encodeId)];
    const part = narrow(
      withRebuilds(sides.current, rebuilds),
      withTwins(sides.desired, twins),
      new Set(concerned),
    );
    const from = toFactBase(part.current);
    const delta = planDelta(from, toFactBase(part.desired), { scope: "database", assumedRoles });
    const known = rebuilds.size;
    for (const id of findRebuilds(current, desired, delta)) rebuilds.add(id);
    for (const [id, twin] of findTwins(current, desired, delta)) {
      // Twins of each other wait for the first that was found.
      if (twins.has(encodeId(twin))) continue;
      twins.set(id, twin);
      if (desired.byId.has(id)) rebuilds.add(id);
    }
    if (rebuilds.size > known) continue;
    // An enum's columns are cast to the new one; a generated column among them is made anew instead.
    const actions = delta.actions
      .map(toAction)
      .filter(({ step }) => step?.kind !== "set type" || !rebuilds.has(step.column))
      .filter(({ verb, drops: [gone = ""] }) => verb !== "drop" || !twins.has(gone) || rebuilds.has(gone))
      .map((action) => keepCollation(desired, throughText(live, desired, action)));
    const remade = new Set(actions.flatMap(({ creates, drops }) => [...creates, ...drops]));
    const redefined = new Set([...redefinable].filter((id) => !remade.has(id)));
    const placed = placeRedefinitions({ current, desired }, redefined, actions);
    if ("stuck" in placed) {
      redefinable.delete(placed.stuck);
      continue;
    }
    return {
      actions: detachBeforeDrop(live, revokeDefaultGrants(view, placed.actions)),
      edits: [...editsOf(delta), ...collationEdits(live, desired, actions)],
      settings: delta.preamble.filter(isNeeded),
    };
  }
}

/**
 * The statements name every schema, but the functions that they run (in a check, an index, a materialized
 * view) need not: they find what they found when the files were loaded, in the database's own search_path.
 */
function isNeeded(setting: { readonly name: string }): boolean {
  return setting.name !== "search_path";
}

function editsOf(delta: Plan): Edit[] {
  return delta.deltas.flatMap((each) =>
    each.verb === "set" && !isMarked(each.from)
      ? [{ id: encodeId(each.id), property: each.attr, from: plainType(each.from), to: each.to }]
      : [],
  );
}

function toAction(action: Action): EngineAction {
  const creates = action.produces.map(encodeId);
  const drops = action.destroys.map(encodeId);
  return {
    sql: action.sql,
    verb: action.verb,
    objects: [...new Set([...creates, ...drops, ...action.consumes.map(encodeId)])],
    creates,
    drops,
    transactional: action.transactionality !== "nonTransactional",
    commitAfter: action.transactionality === "commitBoundaryAfter",
    lock: action.lockClass,
    dataLoss: action.dataLoss === "destructive",
    rewrites: action.rewriteRisk,
    step: columnStepOf(action),
  };
}
