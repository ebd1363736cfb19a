import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import { type DeclarativeState, isUnsettled } from "../records/declarative-state.ts";
import type { Warning } from "../records/runs.ts";
import { type Difference, differencesBetween, formatEdit } from "./differences.ts";
import {
  type Catalog,
  ENGINE_VERSION,
  type ManagedView,
  type SavedDesired,
  type SchemaEngine,
} from "./engine/engine.ts";

/** What somebody changed outside slipway since the last apply: from the applied state to the database's. */
export type Drift = readonly Difference[];

/** True when what is recorded can be held against a catalog that is read now, on this major of PostgreSQL. */
export function isComparable(
  state: Pick<DeclarativeState, "engine" | "serverMajor">,
  serverMajor: number,
): boolean {
  return state.engine === ENGINE_VERSION && state.serverMajor === serverMajor;
}

/** Undefined when the declared objects are as the last apply left them. */
export function findDrift(
  engine: SchemaEngine,
  current: Catalog,
  saved: SavedDesired,
  state: Pick<DeclarativeState, "fingerprint">,
): Drift | undefined {
  const view = findDriftedView(engine, current, saved, state);
  return view === undefined ? undefined : driftOf(engine, saved, view);
}

/** Both states of the declared objects; undefined when they are as the last apply left them. */
export function findDriftedView(
  engine: SchemaEngine,
  current: Catalog,
  saved: SavedDesired,
  state: Pick<DeclarativeState, "fingerprint">,
): ManagedView | undefined {
  if (isUnsettled(state)) return undefined;
  const expected =
    saved.isReduced === true ? engine.fingerprint(saved.catalog, saved.declared) : state.fingerprint;
  if (engine.fingerprint(current, saved.declared) === expected) return undefined;
  return engine.view(current, saved.catalog, {
    declared: saved.declared,
    given: new Set([...saved.catalog.ids].filter((id) => !saved.declared.has(id))),
    lastDeclared: new Set(),
    unwanted: new Set(),
  });
}

export function driftOf(engine: SchemaEngine, saved: SavedDesired, view: ManagedView): Drift {
  return differencesBetween(engine, view.desired, view.current).filter(({ id }) => saved.declared.has(id));
}

/** The warning about it; refuses to go on where `drift:` asks for that. */
export function reportDrift({ config }: RunContext, drift: Drift): Warning {
  if (config.drift === "refuse") {
    const shown =
      drift.slice(0, 5).map(describeDifference).join(", ") ||
      "objects that compare equal but for their grants";
    const more = drift.length > 5 ? ` and ${drift.length - 5} more` : "";
    throw new SlipwayError("DRIFT_REFUSED", `the database was changed outside slipway: ${shown}${more}`);
  }
  return {
    message: "The database was changed outside slipway since the last apply",
    objects: drift.slice(0, 20).map(describeDifference),
  };
}

/** For example `column app.orders.total (type: integer → bigint)`. */
function describeDifference({ object, kind, edits }: Difference): string {
  const words = kind === "changed" ? edits.map(formatEdit).filter((edit) => edit !== undefined) : [kind];
  return words.length === 0 ? object : `${object} (${words.join(", ")})`;
}
