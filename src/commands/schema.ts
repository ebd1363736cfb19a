import { approvePlan } from "../declarative/waiting.ts";
import { SlipwayError } from "../errors.ts";
import { createRunId } from "./run-id.ts";
import { type DatabaseEnvironment, openCommandSession, openRecords } from "./session.ts";

/** `slipway schema approve ID`: records a person's yes to a plan that waits for it. */
export async function approveCommand(environment: DatabaseEnvironment, planId: string): Promise<number> {
  const { config, out } = environment;
  const runId = createRunId();
  await using session = await openCommandSession(environment, runId);
  const records = await openRecords(session, config, runId);
  const approved = await approvePlan(records, planId, `${config.database.user} on ${environment.pod}`);
  if (!approved) {
    throw new SlipwayError("PLAN_STALE", `no plan ${planId} waits for an approval`, {
      next: "see the id of the plan that would run now: slipway plan",
    });
  }
  out.write(`Plan ${planId} is approved; the next run applies it\n`);
  return 0;
}
