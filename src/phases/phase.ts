import type { RunContext } from "../context.ts";
import type { PhaseOutcome, PhaseRecord, Warning } from "../records/runs.ts";

export interface PhaseResult {
  readonly outcome: PhaseOutcome;
  /** Changes made, or migrations applied. */
  readonly changes: number;
  readonly message?: string;
  /** Said by this run, and again by every one that finds things as they are. */
  readonly warnings?: readonly Warning[];
  readonly planId?: string;
  /** Highest applied user migration. */
  readonly userVersion?: bigint;
}

/**
 * One of the three fixed parts of a run. `plan` only reads, and may be called without the lock; `apply`
 * carries out exactly what `plan` gave, under the lock.
 */
export interface Phase<Plan> {
  readonly name: PhaseRecord["phase"];
  plan(context: RunContext): Promise<Plan>;
  /** What the plan would do, a line each; empty when there is nothing to do. */
  pendingOf(plan: Plan): readonly string[];
  apply(context: RunContext, plan: Plan): Promise<PhaseResult>;
}
