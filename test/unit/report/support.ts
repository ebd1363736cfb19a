import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What is written to the file descriptor, in place of stderr. */
export function written(write: (fd: number) => void): string {
  const folder = mkdtempSync(join(tmpdir(), "slipway-report-"));
  const path = join(folder, "stderr");
  const fd = openSync(path, "w");
  try {
    write(fd);
    return readFileSync(path, "utf8");
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
}
