import { closeSync, constants, openSync, writeSync } from "node:fs";
import { redact } from "../log/redact.ts";
import { cut } from "./cut.ts";

/** Kubernetes keeps as much of a container's termination message (`terminationMessagePath`). */
const LONGEST_BYTES = 4_096;
/** Paths and names may be long; the sentence is worth more. */
const LONGEST_WHERE_BYTES = 512;

/** How a command ended: the line that people read, and what programs want to know. */
export interface Ending {
  readonly line: string;
  /** A code of the table of errors, `BUG`, or `OK`. */
  readonly code: string;
  readonly exit: number;
  readonly where?: string | undefined;
  readonly sqlstate?: string | undefined;
  readonly planId?: string | undefined;
  readonly runId?: string | undefined;
}

/** Two lines: the one for people, and one of JSON. */
export function formatTermination(ending: Ending): string {
  const { line, where, ...rest } = ending;
  const details = {
    ...rest,
    ...(where === undefined ? {} : { where: cut(where, LONGEST_WHERE_BYTES, "…") }),
  };
  const json = redact(JSON.stringify(details));
  return `${cut(redact(line), LONGEST_BYTES - Buffer.byteLength(json) - 2, "…")}\n${json}\n`;
}

/**
 * Leaves the ending where the kubelet looks for it. The file is the kubelet's: where there is none, none is made,
 * and nothing that goes wrong here matters to the command.
 */
export function writeTermination(path: string | undefined, ending: Ending): void {
  if (path === undefined) return;
  try {
    const file = openSync(path, constants.O_WRONLY | constants.O_TRUNC);
    try {
      writeSync(file, formatTermination(ending));
    } finally {
      closeSync(file);
    }
  } catch {
    // No container, or a file that is not ours to write.
  }
}
