import type { Dirent } from "node:fs";
import { readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "../errors.ts";
import { describeReadError } from "./read-error.ts";

export interface Entry {
  readonly name: string;
  readonly path: string;
  /** What it is after following symlinks: every file of a mounted ConfigMap is one. */
  readonly kind: "file" | "folder" | "other";
  /** Where a symlink leads to, for telling folders apart that are reached twice. */
  readonly target?: string;
}

export interface Listing {
  /** In code-unit order of their names, without those that start with a dot. */
  readonly entries: readonly Entry[];
  readonly problems: readonly Problem[];
}

/**
 * Names with a leading dot are passed over: a mounted ConfigMap keeps its files in `..2026_…` folders and
 * `..data`, and shows each of them a second time under its own name.
 */
export function listFolder(folder: string): Listing {
  let found: Dirent[];
  try {
    found = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    return { entries: [], problems: [describeReadError(error, folder, folder)] };
  }
  const entries: Entry[] = [];
  const problems: Problem[] = [];
  // join() for every one of them would cost as much as the listing.
  const prefix = join(folder, "/");
  for (const item of found) {
    if (item.name.startsWith(".")) continue;
    const path = `${prefix}${item.name}`;
    if (!item.isSymbolicLink()) {
      entries.push({ name: item.name, path, kind: kindOf(item) });
      continue;
    }
    try {
      const stats = statSync(path);
      entries.push({ name: item.name, path, kind: kindOf(stats), target: `${stats.dev}:${stats.ino}` });
    } catch (error) {
      problems.push(describeReadError(error, path, path));
    }
  }
  return { entries: entries.sort((a, b) => compareCodeUnits(a.name, b.name)), problems };
}

function kindOf(what: { isFile(): boolean; isDirectory(): boolean }): Entry["kind"] {
  if (what.isFile()) return "file";
  return what.isDirectory() ? "folder" : "other";
}

/** The same order on every machine, whatever its language settings. */
export function compareCodeUnits(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** Reads again, once, when the kubelet swapped the contents of a mounted ConfigMap in the middle of it. */
export function readUnchanged<T>(folders: readonly string[], read: () => T): T {
  const before = generationOf(folders);
  const first = read();
  return generationOf(folders) === before ? first : read();
}

// An update is one rename of the link `..data` to a new folder of files.
function generationOf(folders: readonly string[]): string {
  return folders
    .map((folder) => {
      try {
        return readlinkSync(join(folder, "..data"));
      } catch {
        return "";
      }
    })
    .join("\n");
}

/** Left behind by editors and patch tools; nobody means them to run. */
export function isBackup(name: string): boolean {
  return /(~|\.(bak|orig|old|rej|tmp|swp))$/i.test(name);
}
