import type { PhaseRecord } from "./records/runs.ts";

/**
 * What a run tells of itself while it goes on. A value: whoever shows it (a status, a page) decides how.
 *
 * A phase begins, does its steps and ends; without a step it changed nothing. A step that is tried again, or
 * begun again in another transaction, is told again. The outcome of the run as a whole is its report.
 */
export type RunProgress =
  | { readonly kind: "phase"; readonly phase: PhaseRecord["phase"] }
  | {
      readonly kind: "step";
      readonly phase: PhaseRecord["phase"];
      /** `create table app.orders`, `migration 003_orders` */
      readonly what: string;
      /** From 1. */
      readonly step: number;
      readonly steps: number;
    }
  | { readonly kind: "phase-end"; readonly record: PhaseRecord };

/** Gets each value at once and in order. The run waits for it: it must neither throw nor take time. */
export type RunObserver = (progress: RunProgress) => void;
