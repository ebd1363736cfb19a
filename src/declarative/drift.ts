import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import { UNKNOWN_FINGERPRINT } from "../records/declarative-state.ts";
import type { Warning } from "../records/runs.ts";
import { describeObject } from "./classify.ts";
import type { Catalog, SavedDesired, SchemaEngine } from "./engine/engine.ts";

/** Objects that somebody changed outside slipway since the last apply, as people name them. */
export type Drift = readonly string[];

/** Undefined when the declared objects are as the last apply left them. */
export function findDrift(
  engine: SchemaEngine,
  current: Catalog,
  saved: SavedDesired,
  fingerprint: string,
): Drift | undefined {
  if (fingerprint === UNKNOWN_FINGERPRINT) return undefined;
  const expected = saved.isReduced === true ? engine.fingerprint(saved.catalog, saved.declared) : fingerprint;
  if (engine.fingerprint(current, saved.declared) === expected) return undefined;
  const view = engine.view(current, saved.catalog, {
    declared: saved.declared,
    given: new Set([...saved.catalog.ids].filter((id) => !saved.declared.has(id))),
    lastDeclared: new Set(),
    unwanted: new Set(),
  });
  const changed = [...engine.changedIds(view.desired, view.current)];
  const gone = [...view.desired.ids].filter((id) => !view.current.ids.has(id));
  const ids = [...new Set([...changed, ...gone])].filter((id) => saved.declared.has(id));
  return ids.map((id) => describeObject(engine, saved.catalog, id)).sort();
}

/** The warning about it; refuses to go on where `drift:` asks for that. */
export function reportDrift({ config }: RunContext, drift: Drift): Warning {
  if (config.drift === "refuse") {
    const shown = drift.slice(0, 5).join(", ") || "objects that compare equal but for their grants";
    const more = drift.length > 5 ? ` and ${drift.length - 5} more` : "";
    throw new SlipwayError("DRIFT_REFUSED", `the database was changed outside slipway: ${shown}${more}`);
  }
  return {
    message: "The database was changed outside slipway since the last apply",
    objects: drift.slice(0, 20),
  };
}
