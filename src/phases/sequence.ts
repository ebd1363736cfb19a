import type { RunContext } from "../context.ts";
import type { PhaseRecord } from "../records/runs.ts";
import { bootstrapPhase } from "./bootstrap.ts";
import { declarativePhase } from "./declarative.ts";
import type { Phase } from "./phase.ts";
import type { Plans } from "./plans.ts";
import { userPhase } from "./user.ts";

/** What the phases did, and the error that ended them. Phases that were not reached are `pending`. */
export interface SequenceResult {
  readonly phases: readonly PhaseRecord[];
  readonly planId: string | undefined;
  readonly userVersion: bigint | undefined;
  readonly error: unknown;
}

const PHASES: readonly Phase<unknown>[] = [
  bootstrapPhase as Phase<unknown>,
  declarativePhase as Phase<unknown>,
  userPhase as Phase<unknown>,
];

/**
 * Takes the phases in order and stops at the first failure. Never throws: a failed run is a result with
 * a `failed` entry and `pending` ones after it.
 *
 * `given` are plans that were made under the same lock: each is carried out as it is, until a phase changes
 * something that later ones have to look at again.
 */
export async function runPhases(context: RunContext, given?: Plans): Promise<SequenceResult> {
  const phases: PhaseRecord[] = PHASES.map(({ name }) => ({
    phase: name,
    outcome: "pending",
    durationMs: 0,
    changes: 0,
  }));
  let planId: string | undefined;
  let userVersion: bigint | undefined;
  for (const [index, phase] of PHASES.entries()) {
    const start = performance.now();
    const since = (): number => Math.round(performance.now() - start);
    try {
      context.signal.throwIfAborted();
      context.observe({ kind: "phase", phase: phase.name });
      const isGiven = given !== undefined && phases.every(({ outcome }) => outcome !== "applied");
      const plan = isGiven ? given[phase.name] : await phase.plan(context);
      const { planId: applied, userVersion: version, ...result } = await phase.apply(context, plan);
      const record = { phase: phase.name, durationMs: since(), ...result };
      phases[index] = record;
      context.observe({ kind: "phase-end", record });
      planId ??= applied;
      userVersion ??= version;
      for (const { message, ...fields } of result.warnings ?? []) context.log.warn(fields, message);
    } catch (error) {
      const record = { phase: phase.name, outcome: "failed", durationMs: since(), changes: 0 } as const;
      phases[index] = record;
      context.observe({ kind: "phase-end", record });
      return { phases, planId, userVersion, error };
    }
  }
  return { phases, planId, userVersion, error: undefined };
}
