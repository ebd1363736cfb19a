import { createHash } from "node:crypto";
import type { EngineLock, ObjectId, OnlineWork } from "./engine/engine.ts";
import type { Rename } from "./rename.ts";

/** How dangerous a change is; `destructive` needs a person's approval of the very plan. */
export type ChangeClass = "safe" | "locking" | "destructive";

export type Hazard =
  | "data loss"
  | "removes a guard"
  | "table rewrite"
  | "full scan"
  | "blocks writes"
  | "blocks reads"
  | "may fail on existing data"
  | "not transactional"
  | "privileges widened"
  | "privileges revoked";

/** One entry of a plan: one statement, what it is about and what it may do to people. */
export interface Change {
  readonly sql: string;
  readonly verb: "create" | "alter" | "drop";
  /** The object the change is about, for example `table app.orders`. */
  readonly object: string;
  /** Where it is listed: the table of a column, else the object itself. */
  readonly group: string;
  readonly objectId: ObjectId;
  readonly class: ChangeClass;
  readonly hazards: readonly Hazard[];
  readonly lock: EngineLock;
  readonly transactional: boolean;
  /** A COMMIT must follow before later changes may use the result. */
  readonly commitAfter: boolean;
  /** Set where others read and write on while the statement works. */
  readonly online?: OnlineWork;
}

export interface TableSize {
  readonly table: string;
  readonly estimatedRows: number;
  readonly bytes: number;
}

/** The ordered changes that turn the database into the desired schema. */
export interface Plan {
  /** Names exactly this plan against exactly this state of the database. */
  readonly id: string;
  readonly sourceFingerprint: string;
  readonly targetFingerprint: string;
  readonly changes: readonly Change[];
  readonly settings: readonly { readonly name: string; readonly value: string }[];
  /** What the plan drops and makes anew, and a person may have meant to rename. */
  readonly renames: readonly Rename[];
  /** Objects that no desired schema ever had: reported, not touched. */
  readonly extras: readonly string[];
  readonly tables: readonly TableSize[];
}

/** What decides a plan's id: what would be executed, in order, on which state. */
export function planId(sourceFingerprint: string, changes: readonly Change[]): string {
  const executed = changes.map((change) => [change.sql, change.transactional, change.commitAfter]);
  return createHash("sha256")
    .update(JSON.stringify([1, sourceFingerprint, executed]))
    .digest("hex")
    .slice(0, 16);
}

export function destructiveChanges(plan: Plan): readonly Change[] {
  return plan.changes.filter((change) => change.class === "destructive");
}

export interface PlanTotals {
  readonly create: number;
  readonly alter: number;
  readonly drop: number;
  readonly destructive: number;
}

export function totalsOf(plan: Plan): PlanTotals {
  const count = (verb: Change["verb"]): number =>
    plan.changes.filter((change) => change.verb === verb).length;
  return {
    create: count("create"),
    alter: count("alter"),
    drop: count("drop"),
    destructive: destructiveChanges(plan).length,
  };
}

/** For example `3 to create, 1 to alter, 1 to drop (1 destructive)`. */
export function formatTotals(totals: PlanTotals): string {
  const parts = [
    totals.create > 0 ? `${totals.create} to create` : "",
    totals.alter > 0 ? `${totals.alter} to alter` : "",
    totals.drop > 0 ? `${totals.drop} to drop` : "",
  ].filter((part) => part !== "");
  const destructive = totals.destructive > 0 ? ` (${totals.destructive} destructive)` : "";
  return `${parts.join(", ") || "no changes"}${destructive}`;
}

/** Changes that succeed or fail together: one transaction, or one statement outside of any. */
export interface Segment {
  readonly transactional: boolean;
  readonly changes: readonly Change[];
}

export function segmentsOf(changes: readonly Change[]): Segment[] {
  const segments: Segment[] = [];
  let open: Change[] = [];
  const close = (): void => {
    if (open.length > 0) segments.push({ transactional: true, changes: open });
    open = [];
  };
  for (const change of changes) {
    if (!change.transactional) {
      close();
      segments.push({ transactional: false, changes: [change] });
      continue;
    }
    open.push(change);
    if (change.commitAfter) close();
  }
  close();
  return segments;
}
