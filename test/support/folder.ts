import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";

/** What a file holds, by its path within the folder. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

const made: string[] = [];

afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A temporary folder with these files; it is gone again after the test file. */
export function writeFolder(files: Files = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "slipway-files-"));
  made.push(folder);
  chmodSync(folder, 0o755);
  writeFiles(folder, files);
  return folder;
}

/** Adds to a folder, or replaces in it. */
export function writeFiles(folder: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}
