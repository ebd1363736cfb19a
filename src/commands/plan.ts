import type { RunContext } from "../context.ts";
import type { Trial } from "../declarative/trial.ts";
import { ERRORS, SlipwayError } from "../errors.ts";
import { type DeclarativePlan, declarativePhase } from "../phases/declarative.ts";
import { declarativePlanOf, isPending, type Plans, pendingLines, planPhases } from "../phases/plans.ts";
import { tryDeclarative } from "../phases/trial.ts";
import { formatPlan, formatPlanSql } from "../report/plan-text.ts";
import { readSources } from "../source/sources.ts";
import { loadEngineOnce } from "./context.ts";
import { writeJson } from "./environment.ts";
import { withoutLock } from "./locked.ts";
import type { DatabaseEnvironment } from "./session.ts";

export interface PlanOptions {
  /** Print the statements of the declarative phase as a script. */
  readonly sql: boolean;
  /** Only the declarative phase. */
  readonly schemaOnly: boolean;
  /** Run the plan on a copy of the schema; throws what a run of it would. */
  readonly isTried?: boolean;
}

/** `slipway plan`: what `run` would do now. Exit 3 when there is something to do. Writes nothing. */
export async function planCommand(environment: DatabaseEnvironment, options: PlanOptions): Promise<number> {
  return withoutLock(environment, readSources(environment.config), (context) =>
    showPlan(context, environment, options),
  );
}

async function showPlan(
  context: RunContext,
  environment: DatabaseEnvironment,
  options: PlanOptions,
): Promise<number> {
  const { log, out } = environment;
  const plans = options.schemaOnly ? await planSchema(context) : await planPhases(context);
  const lines = pendingLines(plans);
  const warnings = plans.user?.warnings ?? [];

  const tried = options.isTried === true ? await tryOut(context, plans.declarative) : undefined;

  if (environment.json) {
    writeJson(out, { ...planJson(plans), ...(tried === undefined ? {} : { tried: toJson(tried) }) });
  } else if (options.sql) {
    const plan = declarativePlanOf(plans);
    if (plan !== undefined && plan.changes.length > 0) out.write(formatPlanSql(plan));
  } else {
    for (const line of lines.bootstrap) out.write(`${line}\n`);
    writeDeclarative(environment, plans.declarative, lines.declarative);
    for (const line of lines.user) out.write(`${line}\n`);
    for (const warning of warnings) log.warn(warning);
    if (!isPending(plans)) out.write("Everything is up to date\n");
  }
  if (tried !== undefined) report(environment, tried, options.sql);
  return isPending(plans) ? ERRORS.PENDING.exit : 0;
}

async function planSchema(context: RunContext): Promise<Plans> {
  return { bootstrap: undefined, declarative: await declarativePhase.plan(context), user: undefined };
}

/** What `plan --json` prints. */
export function planJson(plans: Plans) {
  const lines = pendingLines(plans);
  return {
    pending: isPending(plans),
    bootstrap: lines.bootstrap,
    declarative: {
      kind: plans.declarative.kind,
      pending: lines.declarative,
      plan: declarativePlanOf(plans),
    },
    migrations: (plans.user?.pending ?? []).map(({ migration }) => ({
      version: migration.version,
      name: migration.name,
    })),
    warnings: plans.user?.warnings ?? [],
  };
}

/** What the trial found, or what ended it: the plan is to be seen before that. */
type Tried = { readonly trial: Trial | undefined } | { readonly error: unknown };

async function tryOut(context: RunContext, declarative: DeclarativePlan): Promise<Tried> {
  try {
    const whole = await loadEngineOnce(undefined)();
    return { trial: await tryDeclarative(context, whole, declarative) };
  } catch (error) {
    return { error };
  }
}

function toJson(tried: Tried) {
  if ("trial" in tried) return { ok: true, ...tried.trial };
  const { error } = tried;
  return { ok: false, code: error instanceof SlipwayError ? error.code : "BUG" };
}

function report({ out, log, json }: DatabaseEnvironment, tried: Tried, isScript: boolean): void {
  if ("error" in tried) throw tried.error;
  const { trial } = tried;
  if (trial === undefined) return;
  const { changes, durationMs, unlike } = trial;
  if (unlike.length > 0)
    log.warn(
      { count: unlike.length, objects: unlike.slice(0, 10) },
      "The copy is not like the database here, and the trial says nothing about it",
    );
  if (json || isScript)
    log.info({ changes, durationMs }, "Tried on a copy of the schema, which became the desired one");
  else
    out.write(
      `Tried on a copy of the schema, which became the desired one (${changes} changes, ${durationMs} ms)\n`,
    );
}

function writeDeclarative(
  { out, log }: DatabaseEnvironment,
  declarative: DeclarativePlan,
  lines: readonly string[],
): void {
  if (declarative.kind === "kept") {
    const { message, ...fields } = declarative.warning;
    log.warn(fields, message);
  }
  if (declarative.kind === "change" && declarative.plan.changes.length > 0) {
    out.write(formatPlan(declarative.plan, { colour: out.colour }));
    return;
  }
  for (const line of lines) out.write(`${line}\n`);
}
