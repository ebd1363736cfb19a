import { planJson } from "../../commands/plan.ts";
import type { RunContext } from "../../context.ts";
import { splitObject } from "../../declarative/object-name.ts";
import type { Change, Plan } from "../../declarative/plan.ts";
import { destructiveChanges, segmentsOf, totalsOf } from "../../declarative/plan.ts";
import { declarativePlanOf, type Plans, planPhases, planSetId } from "../../phases/plans.ts";
import { formatPlanSql } from "../../report/plan-text.ts";
import { readSources } from "../../source/sources.ts";
import type { Change as ChangeBody, Plan as PlanBody, Planned, Scope } from "../schemas/internal-schema.ts";
import { toJson } from "./json.ts";
import type { Reader } from "./operation.ts";

/** `POST …/plan`: what a run would do now. `schema` only narrows what is shown. */
export async function plan(reader: Reader, { schema }: Scope): Promise<Planned> {
  return reader.context(
    ({ config }) => readSources(config),
    async (context) => {
      const start = performance.now();
      const plans = await planPhases(context);
      return toPlanned(context, plans, schema, performance.now() - start);
    },
  );
}

function toPlanned(
  { sources }: RunContext,
  plans: Plans,
  schema: string | undefined,
  durationMs: number,
): Planned {
  const { pending, bootstrap, declarative, migrations, warnings } = planJson(plans);
  const found = declarativePlanOf(plans);
  return toJson({
    id: planSetId(plans, sources.schema?.hash ?? ""),
    pending,
    needs_approval: needsApproval(plans),
    bootstrap,
    declarative: { kind: declarative.kind, pending: declarative.pending },
    plan: found === undefined ? null : toBody(found, schema, durationMs),
    migrations,
    warnings,
  });
}

/** True when a person has to say yes to the declarative plan; one that was said already counts all the same. */
export function needsApproval(plans: Plans): boolean {
  const found = declarativePlanOf(plans);
  if (found === undefined || found.changes.length === 0) return false;
  const goesBack = plans.declarative.kind === "change" && plans.declarative.goesBack;
  return goesBack || destructiveChanges(found).length > 0;
}

function toBody(whole: Plan, schema: string | undefined, durationMs: number): PlanBody {
  const changes = whole.changes.filter((change) => schema === undefined || placeOf(change).schema === schema);
  const totals = totalsOf({ ...whole, changes });
  return {
    id: whole.id,
    changes: changes.map(toChange),
    ddl: changes.length === 0 ? "" : formatPlanSql({ ...whole, changes }),
    transaction: segmentsOf(whole.changes).every(
      ({ transactional }, _, all) => transactional && all.length === 1,
    ),
    duration: `${Math.round(durationMs)}ms`,
    summary: {
      total_changes: changes.length,
      create_count: totals.create,
      alter_count: totals.alter,
      drop_count: totals.drop,
      destructive_count: totals.destructive,
    },
    renames: [...whole.renames],
    extras: [...whole.extras],
    tables: [...whole.tables],
  };
}

function toChange(change: Change): ChangeBody {
  const { schema, kind, name } = placeOf(change);
  const { sql, object, group, hazards, transactional } = change;
  return {
    type: ({ create: "CREATE", alter: "ALTER", drop: "DROP" } as const)[change.verb],
    object_type: kind,
    schema: schema ?? null,
    name,
    sql,
    destructive: change.class === "destructive",
    object,
    group,
    class: change.class,
    hazards: [...hazards],
    transactional,
    online: change.online !== undefined,
  };
}

/** An object's kind, name and schema, from the way people name it. */
export function placeOf({ object }: { readonly object: string }): {
  readonly kind: string;
  readonly name: string;
  readonly schema: string | undefined;
} {
  const { kind, name } = splitObject(object);
  const schema = kind === "schema" ? name : /^(?:[a-z ]+ )?([^.\s(]+)\./.exec(name)?.[1];
  return { kind, name, schema };
}
