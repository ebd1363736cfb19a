import type { RunContext } from "../context.ts";
import { ProblemsError } from "../errors.ts";
import { findDependents } from "./dependents.ts";
import type { DiffInput } from "./diff.ts";
import type { Plan } from "./plan.ts";
import { findForbidding } from "./probes.ts";
import { findUnfillable } from "./unfillable.ts";

/**
 * Throws STATEMENT_FAILED with everything that would make the plan fail on its way, as far as it can be
 * known: rows that forbid a change, and objects of others that hold on to what it drops. Nothing has run.
 */
export async function requireNoObstacles(context: RunContext, plan: Plan, input: DiffInput): Promise<void> {
  const problems = [
    ...(await findDependents(context, plan, input)),
    ...(await findUnfillable(context, input)),
    ...(await findForbidding(context, plan, input)),
  ];
  if (problems.length === 0) return;
  throw new ProblemsError("STATEMENT_FAILED", problems, {
    next: "put in order what is named, then run again; nothing of the plan has run",
  });
}
