import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DumpFile } from "../declarative/dump/files.ts";
import { SlipwayError } from "../errors.ts";

/** Lists the files of the dump that a folder holds: by it, a later dump knows what it may take away. */
const MANIFEST = ".slipway-dump";

const HEAD = "# Written by `slipway schema dump`, which replaces these files:\n";

export interface Written {
  /** Files of an earlier dump that this one has no more. */
  readonly removed: readonly string[];
  /** SQL files that no dump wrote; `run` would read them along. */
  readonly foreign: readonly string[];
}

/**
 * Throws USAGE when the folder holds something and no earlier dump, unless `force`. What an earlier dump wrote
 * is replaced; other files are never touched.
 */
export function requireDumpFolder(folder: string, force: boolean): void {
  if (force || !existsSync(folder) || existsSync(join(folder, MANIFEST))) return;
  if (readdirSync(folder).length === 0) return;
  throw new SlipwayError("USAGE", `${folder} is not empty and holds no earlier dump`, {
    next: "name another folder, or add --force to write the files among those that are there",
  });
}

export function writeDump(folder: string, files: readonly DumpFile[]): Written {
  const now = new Set(files.map(({ path }) => path));
  const removed = earlierFiles(folder).filter((path) => !now.has(path) && existsSync(join(folder, path)));
  for (const path of removed) remove(folder, path);
  for (const { path, text } of files) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    if (!existsSync(target) || readFileSync(target, "utf8") !== text) writeFileSync(target, text);
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, MANIFEST), `${HEAD}${[...now].map((path) => `${path}\n`).join("")}`);
  return { removed, foreign: sqlFiles(folder).filter((path) => !now.has(path)) };
}

function earlierFiles(folder: string): string[] {
  const manifest = join(folder, MANIFEST);
  if (!existsSync(manifest)) return [];
  const lines = readFileSync(manifest, "utf8").split("\n");
  // A list that somebody wrote must not lead out of the folder.
  return lines.filter((line) => /^(bootstrap\.sql|schemas\/.+\.sql)$/.test(line) && !line.includes(".."));
}

function remove(folder: string, path: string): void {
  rmSync(join(folder, path));
  for (let above = dirname(path); above !== "."; above = dirname(above)) {
    if (readdirSync(join(folder, above)).length > 0) return;
    rmdirSync(join(folder, above));
  }
}

function sqlFiles(folder: string): string[] {
  const schemas = join(folder, "schemas");
  const inSchemas = existsSync(schemas) ? readdirSync(schemas, { recursive: true, encoding: "utf8" }) : [];
  return [
    ...(existsSync(join(folder, "bootstrap.sql")) ? ["bootstrap.sql"] : []),
    ...inSchemas
      .filter((path) => path.endsWith(".sql"))
      .map((path) => `schemas/${path.replaceAll("\\", "/")}`),
  ].sort();
}
