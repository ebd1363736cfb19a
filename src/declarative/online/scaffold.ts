import { createHash } from "node:crypto";
import type { ObjectId } from "../engine/engine.ts";

/**
 * Objects that a plan makes for its own work and takes away again. Should the run die in between, their name
 * tells the next one what they are.
 *
 * - `index`: an index that is built beside, until it takes its place
 * - `notNull`: a check that proves a column free of NULLs without a lock
 * - `fill`: an empty check, the mark of a column whose rows are still being filled
 */
export type ScaffoldKind = "index" | "notNull" | "fill";

const PREFIXES: Readonly<Record<ScaffoldKind, string>> = {
  index: "slipway_index_",
  notNull: "slipway_not_null_",
  fill: "slipway_fill_",
};

/** The scaffold for this object; the same one each time. */
export function scaffoldName(kind: ScaffoldKind, id: ObjectId): string {
  return `${PREFIXES[kind]}${createHash("sha256").update(id).digest("hex").slice(0, 16)}`;
}

export function scaffoldKindOf(name: string): ScaffoldKind | undefined {
  const match = /^(slipway_[a-z_]+_)[0-9a-f]{16}$/.exec(name)?.[1];
  return (Object.keys(PREFIXES) as ScaffoldKind[]).find((kind) => PREFIXES[kind] === match);
}
