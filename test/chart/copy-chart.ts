import { cpSync } from "node:fs";
import { basename, join } from "node:path";

/** The chart again within a folder, where files can be put beside its own. */
export function copyChart(chart: string, folder: string): string {
  const copy = join(folder, basename(chart));
  cpSync(chart, copy, { recursive: true });
  return copy;
}
