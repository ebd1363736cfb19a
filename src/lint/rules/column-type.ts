import type { TypeName } from "libpg-query";
import { bodyOf, wordsOf } from "../tree/node.ts";

/** A column's type as the files give it. */
export interface ColumnType {
  /** PostgreSQL's own name where the grammar knows it (`int4`), else as written. */
  readonly name: string;
  /** `(10, 2)`; empty for none. */
  readonly modifiers: readonly number[];
  readonly isArray: boolean;
}

export function columnTypeOf({ names, typmods = [], arrayBounds = [] }: TypeName): ColumnType {
  return {
    name: wordsOf(names)
      .filter((word) => word !== "pg_catalog")
      .join("."),
    modifiers: typmods.map((each) => bodyOf(each, "A_Const")?.ival?.ival ?? 0),
    isArray: arrayBounds.length > 0,
  };
}

export function formatType({ name, modifiers, isArray }: ColumnType): string {
  return `${name}${modifiers.length > 0 ? `(${modifiers.join(", ")})` : ""}${isArray ? "[]" : ""}`;
}

/** Casts that change nothing that is stored (pg_cast, binary coercible), nor the order of an index. */
const COERCIBLE: ReadonlySet<string> = new Set([
  "varchar text",
  "text varchar",
  "cidr inet",
  // Free where TimeZone is UTC, to which slipway's session is pinned (PostgreSQL 12 release notes).
  "timestamp timestamptz",
  "timestamptz timestamp",
]);

const WIDENS: ReadonlySet<string> = new Set([
  "varchar",
  "varbit",
  "timestamp",
  "timestamptz",
  "time",
  "timetz",
]);

/** Whether ALTER COLUMN TYPE neither rewrites nor reads the table. */
export function isFreeChange(from: ColumnType, to: ColumnType): boolean {
  if (from.isArray !== to.isArray) return false;
  if (from.name !== to.name) {
    return COERCIBLE.has(`${from.name} ${to.name}`) && isWider(from.modifiers, to.modifiers);
  }
  if (from.name === "numeric" && to.modifiers.length > 0) {
    const [precision = Number.POSITIVE_INFINITY, scale = 0] = from.modifiers;
    const [wanted = 0, wantedScale = 0] = to.modifiers;
    return wanted >= precision && wantedScale === scale;
  }
  if (to.modifiers.length === 0) return true;
  const isSame = String(from.modifiers) === String(to.modifiers);
  return isSame || (WIDENS.has(from.name) && isWider(from.modifiers, to.modifiers));
}

/** Without a modifier there is no limit. */
function isWider([from = Number.POSITIVE_INFINITY]: readonly number[], [to]: readonly number[]): boolean {
  return to === undefined || to >= from;
}
