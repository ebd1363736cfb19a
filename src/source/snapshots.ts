import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ProblemsError } from "../errors.ts";
import { listFolder } from "./folder.ts";
import { describeReadError } from "./read-error.ts";

/** A compiled desired schema that lies beside the files it was made from, one for each server major. */
export interface SnapshotFile {
  readonly path: string;
  readonly serverMajor: number;
  /** Throws SOURCE_INVALID when it cannot be read. */
  read(): Uint8Array;
}

/** `pg18.snapshot` in the schema folder; no part of the desired schema, and of no hash. */
export function snapshotPath(folder: string, serverMajor: number): string {
  return join(folder, `pg${serverMajor}.snapshot`);
}

const NAME = /^pg(\d+)\.snapshot$/;

export function listSnapshots(folder: string): readonly SnapshotFile[] {
  return listFolder(folder).entries.flatMap(({ name, path, kind }): SnapshotFile[] => {
    const major = NAME.exec(name)?.[1];
    if (major === undefined || kind !== "file") return [];
    return [{ path, serverMajor: Number(major), read: () => readSnapshot(path) }];
  });
}

function readSnapshot(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ProblemsError("SOURCE_INVALID", [describeReadError(error, path, path)]);
  }
}
