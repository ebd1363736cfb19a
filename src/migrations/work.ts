import type { RunContext } from "../context.ts";
import { type Attempt, appliedSql, type Direction, type LedgerRow } from "../records/ledger.ts";
import type { FileClass } from "../sql/file-class.ts";
import type { Script } from "../sql/script.ts";
import { nextAfterFailure } from "./reconcile.ts";

/** One file ready to run, in one direction. */
export interface Work {
  readonly direction: Direction;
  readonly version: bigint;
  readonly name: string;
  readonly checksum: string;
  readonly sqlChecksum: string;
  readonly script: Script;
  readonly fileClass: FileClass;
  /** What the ledger says of earlier attempts. */
  readonly row: LedgerRow | undefined;
  /** SQL that writes the end into the ledger, in the file's own transaction where it has one; how long it took so far. */
  readonly finish: (durationMs: number) => string;
}

/** True when effect and ledger row can be one transaction. */
export function isOneTransaction(fileClass: FileClass): boolean {
  return (
    fileClass.groups.length <= 1 && fileClass.groups.every(({ transactional }) => transactional === true)
  );
}

export function toAttempt(work: Omit<Work, "finish">): Attempt {
  return {
    version: work.version,
    name: work.name,
    checksum: work.checksum,
    sqlChecksum: work.sqlChecksum,
    transactional: isOneTransaction(work.fileClass),
    steps: work.fileClass.groups.length,
  };
}

/** The way on from a failure of the file. */
export function nextAfter({ direction, name, version }: Work): string {
  if (direction === "up") return nextAfterFailure(name, version);
  return `correct ${name}.down.sql, then take it back again: slipway migrate down`;
}

/** How the end of an up migration is written into the ledger. */
export function finishUp(context: RunContext, work: Omit<Work, "finish">): Work["finish"] {
  const attempt = toAttempt(work);
  // A file in steps has claimed its row before the first of them.
  const isFirst = attempt.transactional && work.row === undefined;
  return (durationMs) => appliedSql(context.records, attempt, durationMs, isFirst);
}
