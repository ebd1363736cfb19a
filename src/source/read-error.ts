import { lstatSync, readlinkSync, statSync } from "node:fs";
import { getegid, geteuid } from "node:process";
import type { Problem } from "../errors.ts";

/** Why a file or folder can't be read, with what a person needs to put it right. */
export function describeReadError(error: unknown, path: string, shownAs: string): Problem {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const at = { file: shownAs };
  switch (code) {
    case "EACCES":
    case "EPERM":
      return {
        at,
        message: `can't be read: permission denied${describeOwners(path)}`,
        hint: "in a ConfigMap or Secret volume set defaultMode to 0444",
      };
    case "EISDIR":
      return { at, message: "is a folder where a file is expected" };
    case "ENOTDIR":
      return { at, message: "is not a folder" };
    case "ENOENT":
      return { at, message: describeAbsence(path) };
    case "ELOOP":
      return { at, message: "is a symlink that leads back to itself" };
    default:
      return { at, message: `can't be read: ${code}` };
  }
}

function describeOwners(path: string): string {
  const self = `this process runs as ${geteuid?.()}:${getegid?.()}`;
  try {
    const { mode, uid, gid } = statSync(path);
    return ` (mode ${(mode & 0o7777).toString(8).padStart(4, "0")}, owner ${uid}:${gid}; ${self})`;
  } catch {
    // The folder around it can't be entered either.
    return ` (${self})`;
  }
}

function describeAbsence(path: string): string {
  try {
    if (lstatSync(path).isSymbolicLink()) return `is a symlink to nothing: ${readlinkSync(path)}`;
  } catch {
    // Not even the link is there.
  }
  return "does not exist";
}
