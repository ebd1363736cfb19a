import { run } from "../../commands/run.ts";
import { createRunId } from "../../commands/run-id.ts";
import type { RunReport } from "../../commands/run-report.ts";
import type { DatabaseEnvironment } from "../../commands/session.ts";
import type { RunContext } from "../../context.ts";
import { requireApproval } from "../../declarative/approval.ts";
import { SlipwayError } from "../../errors.ts";
import { redact } from "../../log/redact.ts";
import { type Plans, planPhases, planSetId } from "../../phases/plans.ts";
import type { RunProgress } from "../../progress.ts";
import { lastLine, toFailure } from "../../report/failure.ts";
import type { Apply } from "../schemas/internal-schema.ts";
import type { Events } from "./events.ts";
import { toJson } from "./json.ts";
import { asOperation } from "./operation.ts";
import { toProblem } from "./problem.ts";

/** A run that was let in. */
export interface StartedRun {
  /** Undefined when there was nothing to do, and so nothing was begun. */
  readonly runId: string | undefined;
  readonly finished: Promise<RunReport>;
}

/** Runs that the API asked for; at most one of them at a time holds the run lock. */
export class Runs {
  readonly #environment: DatabaseEnvironment;
  readonly #events: Events;
  readonly #going = new Set<Promise<unknown>>();
  readonly #ids = new Set<string>();

  constructor(environment: DatabaseEnvironment, events: Events) {
    this.#environment = environment;
    this.#events = events;
  }

  get going(): number {
    return this.#going.size;
  }

  /** True for a run that was let in here, of which listeners are told already. */
  isOwn(runId: string): boolean {
    return this.#ids.has(runId);
  }

  /**
   * Comes back when the run was let in: it holds the lock, its plan is the one that was asked for, and what is
   * destructive in it is approved. Throws LOCK_BUSY, PLAN_STALE or APPROVAL_REQUIRED else.
   */
  async start(request: Apply, by: string): Promise<StartedRun> {
    const admitted = Promise.withResolvers<string>();
    const finished = asOperation(this.#environment, undefined, (environment) =>
      this.#run(environment, request, by, admitted.resolve),
    );
    this.#going.add(finished);
    finished.catch(() => undefined).finally(() => this.#going.delete(finished));
    const first = await Promise.race([admitted.promise, finished]);
    return { runId: typeof first === "string" ? first : undefined, finished };
  }

  /** When all of them are over, however they end. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#going);
  }

  async #run(
    environment: DatabaseEnvironment,
    request: Apply,
    by: string,
    admit: (runId: string) => void,
  ): Promise<RunReport> {
    const { config, log } = environment;
    const runId = createRunId();
    let isAdmitted = false;
    const forRun: DatabaseEnvironment = {
      ...environment,
      config: {
        ...config,
        // Only what this request approves, and no waiting: who asks is told who holds the lock.
        approve: request.approve === undefined ? [] : [request.approve],
        lockWaitMs: 0,
      },
      observe: (progress) => this.#tell(runId, progress),
    };
    try {
      const report = await run(forRun, runId, async (context) => {
        const plans = await requirePlan(context, request, by);
        isAdmitted = true;
        this.#ids.add(runId);
        log.info({ run: runId, plan: request.id, by }, "Run asked for by the API");
        this.#events.publish({ event: "run", data: { runId, planId: request.id, by } });
        admit(runId);
        return plans;
      });
      if (isAdmitted) this.#end(runId, { report: toJson(report) });
      return report;
    } catch (error) {
      if (isAdmitted) {
        const failure = toFailure(error);
        log.error({ run: runId, ...failure }, lastLine(failure));
        this.#end(runId, { problem: toProblem(error) });
      }
      throw error;
    }
  }

  #tell(runId: string, progress: RunProgress): void {
    const { kind, ...data } = progress;
    this.#events.publish({ event: kind, data: { runId, ...data } });
  }

  #end(runId: string, outcome: Readonly<Record<string, unknown>>): void {
    this.#events.publish({ event: "run-end", data: { runId, ...outcome } });
  }
}

/** What would run under this lock, where it is what was asked for. */
async function requirePlan(context: RunContext, request: Apply, by: string): Promise<Plans> {
  const plans = await planPhases(context);
  const id = planSetId(plans, context.sources.schema?.hash ?? "");
  if (id !== request.id) {
    throw new SlipwayError("PLAN_STALE", `${request.id} is not what would run now, which is ${id}`, {
      next: "ask for the plan again, read it, and apply its id",
    });
  }
  const { declarative } = plans;
  if (declarative.kind === "change" && declarative.plan.changes.length > 0) {
    const approver = `${redact(by)} by the API`;
    await requireApproval({ ...context, approver }, declarative.plan, declarative.goesBack);
  }
  return plans;
}
