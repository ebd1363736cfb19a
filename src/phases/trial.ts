import type { RunContext } from "../context.ts";
import type { SchemaEngine } from "../declarative/engine/engine.ts";
import { type Trial, tryInstall, tryPlan } from "../declarative/trial.ts";
import type { DeclarativePlan } from "./declarative.ts";

/** Proves what the declarative phase would do; undefined when it would do nothing. Throws what a run would. */
export async function tryDeclarative(
  context: RunContext,
  whole: SchemaEngine,
  planned: DeclarativePlan,
): Promise<Trial | undefined> {
  if (planned.kind === "install") return tryInstall(context, await context.loadEngine());
  if (planned.kind !== "change" || planned.plan.changes.length === 0) return undefined;
  return tryPlan(context, whole, planned.plan, planned.input);
}
