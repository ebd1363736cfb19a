import type { RunContext } from "../../context.ts";
import { destructiveChanges } from "../../declarative/plan.ts";
import { declarativePlanOf, planPhases } from "../../phases/plans.ts";
import { findUpToDate, readStanding } from "../../records/standing.ts";
import type { Memo } from "./memo.ts";

/** How much a run would do. */
export interface Outlook {
  readonly upToDate: boolean;
  /** Of the declarative plan; an install counts as one. */
  readonly changes: number;
  readonly migrations: number;
  readonly destructive: boolean;
}

const NOTHING: Outlook = { upToDate: true, changes: 0, migrations: 0, destructive: false };
/** Tells what a run would do, and plans only when something moved. */
export async function findOutlook(context: RunContext, memo: Memo<Outlook>): Promise<Outlook> {
  const { session, records, sources } = context;
  const standing = await readStanding(session, records.schema);
  if (findUpToDate(standing, sources.hash) !== undefined) return NOTHING;
  const key = JSON.stringify([sources.hash, standing?.now ?? null, records.exist]);
  return memo.find(key, () => planOutlook(context));
}

async function planOutlook(context: RunContext): Promise<Outlook> {
  const plans = await planPhases(context);
  const plan = declarativePlanOf(plans);
  const changes = plans.declarative.kind === "install" ? 1 : (plan?.changes.length ?? 0);
  const migrations = plans.user?.pending.length ?? 0;
  return {
    // Also what only a look at every phase shows: the run after this one would just record it.
    upToDate: changes === 0 && migrations === 0 && plans.bootstrap?.reason === undefined,
    changes,
    migrations,
    destructive: plan !== undefined && destructiveChanges(plan).length > 0,
  };
}
