import { isAbsolute, relative, sep } from "node:path";
import type { Finding } from "../lint.ts";

/** Where a finding is, for machines: a path below the working folder where it lies there, with `/`. */
export interface FindingPlace {
  readonly file: string;
  readonly line: number | undefined;
  readonly column: number | undefined;
}

export function placeOf({ at }: Finding): FindingPlace {
  if (typeof at === "string") return { file: at, line: undefined, column: undefined };
  const { file, line, column } = at;
  const below = relative("", file);
  const isBelow = !isAbsolute(below) && !below.startsWith("..");
  return { file: (isBelow ? below : file).replaceAll(sep, "/"), line, column };
}

/** The page of a rule, relative to slipway's own folder. */
export function pageOf(rule: { readonly name: string }): string {
  return `docs/lint.md#${rule.name}`;
}
