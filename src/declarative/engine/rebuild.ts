import { encodeId, type Fact, type StableId } from "@supabase/pg-delta/core";
import type { Plan } from "@supabase/pg-delta/plan";
import type { ObjectId } from "./engine.ts";
import { dependenciesOf, type Facts } from "./facts.ts";

/**
 * PostgreSQL neither drops a function that a generated column calls, nor changes the type of a column that a
 * generated column, a trigger or a function with a parsed body names, nor leaves a foreign key between
 * types that can't be compared (manual, ALTER TABLE and DROP FUNCTION). The engine rebuilds views and
 * policies around such a change, but not these. Partitions go with a partitioned table that is made anew, and
 * the engine doesn't make them again. An enum that is made anew comes without its comment and its
 * grants.
 */
export function findRebuilds(current: Facts, desired: Facts, plan: Plan): Set<ObjectId> {
  const gone = new Set(plan.actions.flatMap((action) => action.destroys.map(encodeId)));
  const retyped = new Set<ObjectId>();
  const estranged = new Set<ObjectId>();
  const remade = new Set<ObjectId>();
  for (const delta of plan.deltas) {
    if (delta.verb !== "set") continue;
    if (delta.id.kind === "column" && delta.attr === "type") {
      retyped.add(encodeId(delta.id));
      if (!isComparable(String(delta.from), String(delta.to))) estranged.add(encodeId(delta.id));
    }
    if (delta.id.kind === "type" && delta.attr === "values" && !isGrowth(delta.from, delta.to))
      remade.add(encodeId(delta.id));
  }
  if (gone.size + retyped.size + remade.size === 0) return new Set();
  const recast = new Set<ObjectId>();
  for (const [id, fact] of current.byId) {
    if (fact.id.kind === "column" && dependenciesOf(current, id).some((to) => remade.has(to))) recast.add(id);
  }
  for (const id of recast) {
    estranged.add(id);
    retyped.add(id);
  }
  const found = new Set<ObjectId>();
  for (const [id, fact] of current.byId) {
    if (gone.has(id) || !desired.byId.has(id)) continue;
    if (isSatellite(fact) && fact.parent !== undefined && remade.has(encodeId(fact.parent))) found.add(id);
    const targets = dependenciesOf(current, id);
    if (fact.id.kind === "aggregate" && targets.some((to) => gone.has(to))) found.add(id);
    const parent = parentTableOf(fact);
    if (parent !== undefined && gone.has(parent)) found.add(id);
    const isGenerated = isGeneratedColumn(fact);
    if (isGenerated && targets.some((to) => gone.has(to) || retyped.has(to) || remade.has(to))) found.add(id);
    if (
      fact.payload["type"] === "f" &&
      fact.id.kind === "constraint" &&
      targets.some((to) => estranged.has(to))
    )
      found.add(id);
    if ((fact.id.kind === "trigger" || isRoutine(fact)) && targets.some((to) => retyped.has(to)))
      found.add(id);
    // The engine takes down what names the enum, not what names a column of it only.
    if (NAMING_COLUMNS.has(fact.id.kind) && targets.some((to) => recast.has(to))) found.add(id);
  }
  return found;
}

/** Their definitions keep a column from changing its type (manual, ALTER TABLE). */
const NAMING_COLUMNS: ReadonlySet<string> = new Set(["view", "materializedView", "policy", "rule"]);

/**
 * What a new index of a partitioned table takes over from a partition (manual, CREATE INDEX): one of its own that is
 * the same. Where the files keep both apart, the partition's is made anew after the table's; where they don't, it
 * needs no drop. By index of a partition, the table's.
 */
export function findTwins(current: Facts, desired: Facts, plan: Plan): Map<ObjectId, StableId> {
  const made = plan.actions.flatMap(({ produces }) => produces).filter(({ kind }) => kind === "index");
  const twins = new Map<ObjectId, StableId>();
  for (const index of made) {
    const wanted = desired.byId.get(encodeId(index));
    const method = / ON ONLY .*?( USING .*)$/s.exec(String(wanted?.payload["def"]))?.[1];
    if (wanted?.parent === undefined || method === undefined) continue;
    const isUnique = isUniqueIndex(wanted);
    for (const [id, fact] of current.byId) {
      if (fact.id.kind !== "index" || fact.parent === undefined) continue;
      if (!String(fact.payload["def"]).endsWith(method) || isUniqueIndex(fact) !== isUnique) continue;
      if (isBelow(current, encodeId(fact.parent), encodeId(wanted.parent))) twins.set(id, index);
    }
  }
  return twins;
}

function isUniqueIndex(fact: Fact): boolean {
  return String(fact.payload["def"]).startsWith("CREATE UNIQUE ");
}

function isBelow(facts: Facts, table: ObjectId, ancestor: ObjectId): boolean {
  const fact = facts.byId.get(table);
  const parent = fact === undefined ? undefined : parentTableOf(fact);
  return parent !== undefined && (parent === ancestor || isBelow(facts, parent, ancestor));
}

/** The desired side in which these wait for what they are twins of. */
export function withTwins(desired: Facts, twins: ReadonlyMap<ObjectId, StableId>): Facts {
  if (twins.size === 0) return desired;
  const edgesFrom = new Map(desired.edgesFrom);
  for (const [id, to] of twins) {
    const from = desired.byId.get(id)?.id;
    if (from !== undefined) edgesFrom.set(id, [...(edgesFrom.get(id) ?? []), { from, to, kind: "depends" }]);
  }
  return { ...desired, edgesFrom };
}

/**
 * The current side such that the engine takes these objects down and makes them anew: it is told that
 * they are otherwise now, in a way that no ALTER can mend. Satellites it is told are not there.
 */
export function withRebuilds(current: Facts, ids: ReadonlySet<ObjectId>): Facts {
  if (ids.size === 0) return current;
  const byId = new Map(current.byId);
  for (const id of ids) {
    const fact = byId.get(id);
    if (fact === undefined) continue;
    if (isSatellite(fact)) byId.delete(id);
    else byId.set(id, { ...fact, payload: { ...fact.payload, ...markOf(fact) } });
  }
  return { ...current, byId };
}

function markOf(fact: Fact): Fact["payload"] {
  if (fact.id.kind === "table") return { partitionKey: `${MARK}${String(fact.payload["partitionKey"])}` };
  if (fact.id.kind === "column") return { generatedExpr: `${MARK}${String(fact.payload["generatedExpr"])}` };
  if (fact.id.kind === "policy") return { permissive: `${MARK}${String(fact.payload["permissive"])}` };
  if (["trigger", "constraint", "index", "rule", "view", "materializedView"].includes(fact.id.kind))
    return { def: `${MARK}${String(fact.payload["def"])}` };
  if (fact.id.kind === "aggregate") return { sfunc: `${MARK}${String(fact.payload["sfunc"])}` };
  return { argSignature: `${MARK}${String(fact.payload["argSignature"])}` };
}

const MARK = "made anew: ";

/** True for a difference that is none but for the mark. */
export function isMarked(from: unknown): boolean {
  return typeof from === "string" && from.startsWith(MARK);
}

const FAMILIES: readonly RegExp[] = [/^(?:smallint|integer|bigint)$/, /^(?:text|character varying.*)$/];

/** True when a foreign key holds while only one of its sides has the new type. */
function isComparable(from: string, to: string): boolean {
  return FAMILIES.some((family) => family.test(from) && family.test(to));
}

function isGeneratedColumn(fact: Fact): boolean {
  return fact.id.kind === "column" && typeof fact.payload["generatedExpr"] === "string";
}

function isRoutine(fact: Fact): boolean {
  return fact.id.kind === "function" || fact.id.kind === "procedure";
}

function isSatellite(fact: Fact): boolean {
  return fact.id.kind === "comment" || fact.id.kind === "acl";
}

function isGrowth(from: unknown, to: unknown): boolean {
  if (!Array.isArray(from) || !Array.isArray(to)) return false;
  let at = 0;
  for (const value of to) if (value === from[at]) at += 1;
  return at === from.length;
}

/**
 * CREATE OR REPLACE may change a function's language (manual, CREATE FUNCTION). The engine drops and makes it
 * anew, and with it all that uses it: an index, a check, a view. Seen in one language, it is replaced.
 */
export function inOneLanguage(current: Facts, desired: Facts): Facts {
  const replaced = [...current.byId].flatMap(([id, fact]): [ObjectId, Fact][] => {
    const wanted = isRoutine(fact) ? desired.byId.get(id)?.payload["language"] : undefined;
    if (wanted === undefined || wanted === fact.payload["language"]) return [];
    return [[id, { ...fact, payload: { ...fact.payload, language: wanted } }]];
  });
  return replaced.length === 0 ? current : { ...current, byId: new Map([...current.byId, ...replaced]) };
}

type ParentTable = { readonly schema: string; readonly name: string } | null | undefined;

/** The table that this one is a partition or a child of. */
function parentTableOf(fact: Fact): ObjectId | undefined {
  const parent = fact.id.kind === "table" ? (fact.payload["parentTable"] as ParentTable) : undefined;
  if (parent === null || parent === undefined) return undefined;
  return encodeId({ kind: "table", schema: parent.schema, name: parent.name });
}
