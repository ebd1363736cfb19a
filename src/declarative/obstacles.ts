import type { RunContext } from "../context.ts";
import { ProblemsError } from "../errors.ts";
import { findContained } from "./contained.ts";
import { findDependents } from "./dependents.ts";
import { type DiffInput, viewOf } from "./diff.ts";
import type { Plan } from "./plan.ts";
import { findForbidding } from "./probes.ts";
import { findUnfillable } from "./unfillable.ts";

/**
 * Throws STATEMENT_FAILED with everything that would make the plan fail on its way, as far as it can be
 * known: rows and columns that forbid a change, and objects of others that hold on to what it drops. Nothing has run.
 */
export async function requireNoObstacles(context: RunContext, plan: Plan, input: DiffInput): Promise<void> {
  const { engine } = input;
  const view = viewOf(input);
  const problems = [
    ...(await findDependents(context, plan, input)),
    ...(await findUnfillable(context, engine, view)),
    ...(await findContained(context, plan, engine, view)),
    ...(await findForbidding(context, plan, engine, view)),
  ];
  if (problems.length === 0) return;
  throw new ProblemsError("STATEMENT_FAILED", problems, {
    next: "put in order what is named, then run again; nothing of the plan has run",
  });
}
