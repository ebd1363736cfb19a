import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import { isDevelopment } from "../postgres/development.ts";
import { readCatalogSignature, type SignatureScope } from "../postgres/signature.ts";
import {
  APPLYING_FINGERPRINT,
  type DeclarativeState,
  findDeclarativeState,
} from "../records/declarative-state.ts";
import { type Change, destructiveChanges, formatTotals, type Plan, totalsOf } from "./plan.ts";
import {
  approvePlan,
  findApprovedPlan,
  findLastPlan,
  findWaitingPlan,
  isApproved,
  recordWaitingPlan,
} from "./waiting.ts";

/** A plan that needs a person's yes and has none yet. Carries the plan, for printing it. */
export class ApprovalError extends SlipwayError {
  readonly plan: Plan;

  constructor(code: "APPROVAL_REQUIRED" | "PLAN_STALE", message: string, plan: Plan, next: string) {
    super(code, message, { next });
    this.plan = plan;
  }
}

/**
 * Returns when the plan may run: nothing in it is destructive, or a person approved exactly this plan.
 * Going back to an older desired schema always needs a yes. A refusal is recorded, so that a restarted
 * pod can repeat it without computing the plan again.
 */
export async function requireApproval(context: RunContext, plan: Plan, goesBack: boolean): Promise<void> {
  const offenders = destructiveChanges(plan);
  if (offenders.length === 0 && !goesBack) return;
  const { config, records, sources } = context;
  if (config.approve === "any") {
    if (await isDevelopment(context.session)) return;
    throw new SlipwayError("APPROVAL_REQUIRED", "`--approve any` works only in a development database", {
      next: `approve exactly this plan: --approve ${plan.id}`,
    });
  }
  const filesHash = sources.schema?.hash ?? "";
  const state = await findDeclarativeState(records);
  if (await isApproved(records, plan.id)) return;
  if (!goesBack && (await isRestOfApproved(context, state, filesHash, offenders))) return;

  const earlier = await findLastPlan(records, filesHash);
  await recordWaitingPlan(
    records,
    { plan, filesHash, catalogSignature: await readCatalogSignature(context.session, state) },
    formatTotals(totalsOf(plan)),
    offenders.length,
  );
  const approvedBy = config.approve.includes(plan.id)
    ? (context.approver ?? `--approve of run ${records.runId}`)
    : await context.takeApproval?.(plan.id);
  if (approvedBy !== undefined) {
    // Kept, should the process die half way: what is left of the plan was approved with it.
    await approvePlan(records, plan.id, approvedBy);
    return;
  }
  const isStale =
    config.approve.length > 0 || (earlier?.approvedBy !== undefined && earlier.plan.id !== plan.id);
  if (isStale) throw stale(context, plan, earlier?.plan);
  throw approvalRequired(context, plan, goesBack);
}

/** True when a run died while it applied an approved plan, and all that is destructive now was destructive in it. */
async function isRestOfApproved(
  { records }: RunContext,
  state: DeclarativeState | undefined,
  filesHash: string,
  offenders: readonly Change[],
): Promise<boolean> {
  if (state?.fingerprint !== APPLYING_FINGERPRINT) return false;
  const approved = await findApprovedPlan(records, filesHash);
  const known = new Set(
    (approved === undefined ? [] : destructiveChanges(approved.plan)).map(({ sql }) => sql),
  );
  return offenders.every(({ sql }) => known.has(sql));
}

/**
 * Refuses again, from the records, what was refused before: a restarted pod must not compute the same plan
 * each time. Returns when something moved since, or a person said yes.
 */
export async function repeatRefusal(context: RunContext, state: SignatureScope | undefined): Promise<void> {
  const { config, records, sources, session } = context;
  if (context.lock === undefined || config.extras === "drop" || config.approve.length > 0) return;
  const signature = await readCatalogSignature(session, state);
  const waiting = await findWaitingPlan(records, sources.schema?.hash ?? "", signature);
  if (waiting === undefined || waiting.approvedBy !== undefined) return;
  const { plan } = waiting;
  const approvedBy = await context.takeApproval?.(plan.id);
  if (approvedBy === undefined) throw approvalRequired(context, plan, destructiveChanges(plan).length === 0);
  await approvePlan(records, plan.id, approvedBy);
}

function approvalRequired({ config }: RunContext, plan: Plan, goesBack: boolean): ApprovalError {
  const offenders = destructiveChanges(plan);
  const what =
    goesBack && offenders.length === 0 ? "goes back to an older desired schema" : describe(offenders);
  return new ApprovalError(
    "APPROVAL_REQUIRED",
    `plan ${plan.id} needs an approval: ${what}${renameWords(plan)}`,
    plan,
    howToApprove(config, plan.id),
  );
}

/** Older plans, kept in the records, know of no renames. */
function renameWords({ renames = [] }: Partial<Plan>): string {
  return renames
    .map(
      ({ from, to, sql }) =>
        `; looks like a rename of ${from} to ${to} (to keep the data run \`${sql}\` first)`,
    )
    .join("");
}

/** On the status ConfigMap; each database of a list has its own. */
export function approvalAnnotation(database: string | undefined): string {
  return database === undefined ? "slipway.dev/approve" : `approve.slipway.dev/${database}`;
}

function howToApprove({ statusConfigMap, databaseName }: RunContext["config"], planId: string): string {
  const command = `read it with \`slipway plan\`, then approve it: slipway run --approve ${planId}`;
  if (statusConfigMap === undefined) return command;
  const { namespace, name } = statusConfigMap;
  const where = namespace === undefined ? "" : ` --namespace ${namespace}`;
  const annotation = approvalAnnotation(databaseName);
  return `${command}, or kubectl annotate${where} --overwrite configmap ${name} ${annotation}=${planId}`;
}

function stale({ config }: RunContext, plan: Plan, earlier: Plan | undefined): ApprovalError {
  const before = new Set(earlier?.changes.map((change) => change.sql) ?? []);
  const now = new Set(plan.changes.map((change) => change.sql));
  const added = plan.changes
    .filter((change) => !before.has(change.sql))
    .map((change) => `+ ${change.verb} ${change.object}`);
  const gone = (earlier?.changes ?? [])
    .filter((change) => !now.has(change.sql))
    .map((change) => `- ${change.verb} ${change.object}`);
  const isOther = earlier !== undefined && earlier.id !== plan.id;
  const list = [...added, ...gone].join(", ") || "the same changes on another state of the database";
  const differences = isOther ? `; against plan ${earlier.id}: ${list}` : "";
  return new ApprovalError(
    "PLAN_STALE",
    `what was approved is not what would run now, which is plan ${plan.id}${differences}`,
    plan,
    howToApprove(config, plan.id),
  );
}

function describe(changes: readonly Change[]): string {
  const shown = changes
    .slice(0, 3)
    .map((change) => `${change.verb} ${change.object} (${change.hazards.join(", ") || "removed"})`);
  const more = changes.length > 3 ? ` and ${changes.length - 3} more` : "";
  return `${shown.join(", ")}${more}`;
}
