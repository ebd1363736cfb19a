import { createHash } from "node:crypto";
import { compareCodeUnits } from "./folder.ts";
import type { SqlFile } from "./text.ts";

export interface SourceParts {
  readonly files: readonly Pick<SqlFile, "name" | "checksum">[];
  /** The values that placeholders in the files are filled with. */
  readonly vars: Readonly<Record<string, string>>;
}

/**
 * One hex SHA-256 that changes when a file is added, removed, renamed or edited, or a value changes. It does
 * not depend on the order in which files or values are given.
 *
 * Every field is preceded by its length, and every list by its count: without them `a` + `bc` would be
 * `ab` + `c`.
 */
export function hashSource({ files, vars }: SourceParts): string {
  const hash = createHash("sha256");
  const add = (field: string): void => {
    hash.update(`${Buffer.byteLength(field)}:`).update(field);
  };
  add("slipway source 1");
  add(String(files.length));
  for (const { name, checksum } of files.toSorted((one, other) => compareCodeUnits(one.name, other.name))) {
    add(name);
    add(checksum);
  }
  const names = Object.keys(vars).sort(compareCodeUnits);
  add(String(names.length));
  for (const name of names) {
    add(name);
    add(vars[name] ?? "");
  }
  return hash.digest("hex");
}
