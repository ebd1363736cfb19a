import type {
  Catalog,
  Edit,
  EngineAction,
  EnginePlan,
  IndexDefinition,
  ObjectId,
  ObjectInfo,
  SchemaEngine,
} from "../../../src/declarative/engine/engine.ts";
import { type Change, type Plan, planId } from "../../../src/declarative/plan.ts";

interface Particulars {
  /** What the object is a part of. */
  readonly parent?: ObjectId;
  readonly generated?: { readonly expression: string; readonly virtual: boolean };
  readonly index?: IndexDefinition;
}

/** An object's id, with what it is a part of and more where it matters. */
export type FakeObject = ObjectId | readonly [id: ObjectId, particulars: ObjectId | Particulars];

type Objects = ReadonlyMap<ObjectId, Particulars>;

/** A catalog that holds little but names. */
export function catalogOf(...objects: readonly FakeObject[]): Catalog {
  const known: Objects = new Map(
    objects.map((each): readonly [ObjectId, Particulars] => {
      if (typeof each === "string") return [each, {}];
      const [id, given] = each;
      return [id, typeof given === "string" ? { parent: given } : given];
    }),
  );
  return { serverMajor: 18, ids: new Set(known.keys()), engineData: known };
}

const objectsOf = (catalog: Catalog): Objects => catalog.engineData as Objects;

/** What is known of an object is what its id says (`column:app.orders.total`) and what the catalog says of it. */
const known: Partial<SchemaEngine> = {
  describe(catalog, id): ObjectInfo {
    const [, kind = "", name = ""] = /^([A-Za-z]+):(.*)$/s.exec(id) ?? [];
    const grant = /^\(\w+:(.*)\)\.(\w+)$/.exec(name);
    const target = /^\(\w+:(.*)\)$/.exec(name);
    const plain = grant === null ? (target?.[1] ?? name) : `${grant[1]} to ${grant[2]}`;
    const parts = partsOf(plain);
    return {
      kind,
      name: plain,
      ownName: parts.at(-1) ?? plain,
      schema: parts.length > 1 || kind === "schema" ? parts[0] : undefined,
      parent: objectsOf(catalog).get(id)?.parent,
      ofExtension: false,
    };
  },
  generated: (catalog, id) => objectsOf(catalog).get(id)?.generated,
  index: (catalog, id) => objectsOf(catalog).get(id)?.index,
  quotedName: (_, id) =>
    partsOf(id.slice(id.indexOf(":") + 1))
      .map((part) => `"${part}"`)
      .join("."),
};

/** It can describe; whoever asks it to read or to plan has left the unit, and fails. */
export const fakeEngine = known as SchemaEngine;

/** `app."A.b"` is `app` and `A.b`. */
function partsOf(name: string): string[] {
  return [...name.matchAll(/"((?:[^"]|"")*)"|([^."]+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
}

/** An action as the engine proposes it: an ALTER without particulars, unless they are given. */
export function actionOf(sql: string, particulars: Partial<EngineAction> = {}): EngineAction {
  const { creates = [], drops = [], objects = [] } = particulars;
  return {
    verb: creates.length > 0 ? "create" : drops.length > 0 ? "drop" : "alter",
    transactional: true,
    commitAfter: false,
    lock: "none",
    dataLoss: false,
    rewrites: false,
    step: undefined,
    ...particulars,
    sql,
    creates,
    drops,
    objects: [...new Set([...creates, ...drops, ...objects])],
  };
}

export function enginePlanOf(actions: readonly EngineAction[], edits: readonly Edit[] = []): EnginePlan {
  return { actions, edits, settings: [] };
}

/** A change of a plan: a safe one of a table, unless particulars are given. */
export function changeOf(sql: string, particulars: Partial<Change> = {}): Change {
  return {
    verb: "alter",
    object: "table app.orders",
    group: "table app.orders",
    objectId: "table:app.orders",
    class: "safe",
    hazards: [],
    lock: "none",
    transactional: true,
    commitAfter: false,
    ...particulars,
    sql,
  };
}

export function planOf(changes: readonly Change[], particulars: Partial<Plan> = {}): Plan {
  return {
    id: planId("source", changes),
    sourceFingerprint: "source",
    targetFingerprint: "target",
    settings: [],
    renames: [],
    extras: [],
    tables: [],
    ...particulars,
    changes,
  };
}
