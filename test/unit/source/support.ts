import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { formatProblem, ProblemsError } from "../../../src/errors.ts";

/** A folder with these files, gone when the test is over. */
export function createFolder(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "slipway-source-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  addFiles(folder, files);
  return folder;
}

export function addFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

/** Files in the layout of a mounted ConfigMap: links by way of `..data` into a folder of this generation. */
export function addConfigMap(folder: string, files: Readonly<Record<string, string>>): void {
  addFiles(join(folder, "..2026_01_02_03_04_05.1"), files);
  symlinkSync("..2026_01_02_03_04_05.1", join(folder, "..data"));
  for (const name of new Set(Object.keys(files).map((file) => file.split("/", 1).join("")))) {
    symlinkSync(join("..data", name), join(folder, name));
  }
}

/** What SOURCE_INVALID lists, with the folder's own path taken out. */
export function problemsOf(read: () => unknown, folder: string): readonly string[] {
  try {
    read();
  } catch (error) {
    if (!(error instanceof ProblemsError) || error.code !== "SOURCE_INVALID") throw error;
    return error.problems.map((problem) => formatProblem(problem).replaceAll(folder, "."));
  }
  return [];
}

/** Runs as a user whom file modes apply to; root may read everything. */
export function asOrdinaryUser<T>(act: () => T): T {
  if (process.geteuid?.() !== 0) return act();
  process.seteuid?.(65_532);
  try {
    return act();
  } finally {
    process.seteuid?.(0);
  }
}
