import { createHash } from "node:crypto";
import type { RunContext } from "../context.ts";
import type { Plan } from "../declarative/plan.ts";
import type { History } from "../migrations/reconcile.ts";
import { type BootstrapPlan, bootstrapPhase } from "./bootstrap.ts";
import { type DeclarativePlan, declarativePhase } from "./declarative.ts";
import { userPhase } from "./user.ts";

/** What each phase would do now. */
export interface Plans {
  readonly bootstrap: BootstrapPlan | undefined;
  readonly declarative: DeclarativePlan;
  readonly user: History | undefined;
}

/** Only reads, and may be called without the lock. */
export async function planPhases(context: RunContext): Promise<Plans> {
  return {
    bootstrap: await bootstrapPhase.plan(context),
    declarative: await declarativePhase.plan(context),
    user: await userPhase.plan(context),
  };
}

/** A line for each thing that would be done, by phase. */
export function pendingLines(plans: Plans): Readonly<Record<keyof Plans, readonly string[]>> {
  return {
    bootstrap: bootstrapPhase.pendingOf(plans.bootstrap),
    declarative: declarativePhase.pendingOf(plans.declarative),
    user: userPhase.pendingOf(plans.user),
  };
}

export function isPending(plans: Plans): boolean {
  return Object.values(pendingLines(plans)).some((lines) => lines.length > 0);
}

/** The plan of the declarative phase, where there is one to read; an install has only its files. */
export function declarativePlanOf({ declarative }: Pick<Plans, "declarative">): Plan | undefined {
  return declarative.kind === "change" ? declarative.plan : undefined;
}

/**
 * Names what all three phases would do: a run of another id does something else. The id of the declarative
 * plan, which people approve, is one of its ingredients.
 */
export function planSetId(plans: Plans, schemaHash: string): string {
  const { bootstrap, declarative, user } = plans;
  const plan = declarativePlanOf(plans);
  const parts = [
    bootstrap?.reason === undefined ? null : bootstrap.script.text,
    declarative.kind === "install" ? schemaHash : (plan?.changes.length ?? 0) > 0 ? plan?.id : null,
    (user?.pending ?? []).map(({ migration }) => [migration.version.toString(), migration.up.checksum]),
  ];
  return createHash("sha256")
    .update(JSON.stringify([1, ...parts]))
    .digest("hex")
    .slice(0, 16);
}
