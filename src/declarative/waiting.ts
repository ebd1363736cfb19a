import { gunzipSync, gzipSync } from "node:zlib";
import type { Records } from "../records/records.ts";
import type { Plan } from "./plan.ts";

/** A plan that waits, or waited, for a person's approval. */
export interface WaitingPlan {
  readonly plan: Plan;
  readonly filesHash: string;
  /** The state of the catalog that the plan was made for. */
  readonly catalogSignature: string;
  readonly approvedBy: string | undefined;
}

interface PlanRow {
  files_hash: string;
  catalog_signature: string;
  plan: Buffer;
  approved_by: string | null;
}

/**
 * The plan that still waits for the same files on the same catalog: it can be reported again without
 * computing anything.
 */
export async function findWaitingPlan(
  records: Records,
  filesHash: string,
  catalogSignature: string,
): Promise<WaitingPlan | undefined> {
  return findNewest(records, "files_hash = $1 and catalog_signature = $2", [filesHash, catalogSignature]);
}

/** The newest plan that waited for these files, whatever the catalog was. */
export async function findLastPlan(records: Records, filesHash: string): Promise<WaitingPlan | undefined> {
  return findNewest(records, "files_hash = $1", [filesHash]);
}

/** The newest plan for these files that a person said yes to and that was not applied to its end. */
export async function findApprovedPlan(
  records: Records,
  filesHash: string,
): Promise<WaitingPlan | undefined> {
  return findNewest(records, "files_hash = $1 and approved_at is not null", [filesHash], "approved_at");
}

async function findNewest(
  records: Records,
  condition: string,
  parameters: readonly string[],
  by: "created_at" | "approved_at" = "created_at",
): Promise<WaitingPlan | undefined> {
  if (!records.exist) return undefined;
  const [row] = await records.session.query<PlanRow>(
    `select files_hash, catalog_signature, plan, approved_by
       from ${records.schema}.plans
      where ${condition} and applied_at is null
      order by ${by} desc
      limit 1`,
    parameters,
  );
  if (row === undefined) return undefined;
  return {
    plan: JSON.parse(gunzipSync(row.plan).toString("utf8")) as Plan,
    filesHash: row.files_hash,
    catalogSignature: row.catalog_signature,
    approvedBy: row.approved_by ?? undefined,
  };
}

/** A plan that was applied before and has come up again waits anew: its approval went with that application. */
export async function recordWaitingPlan(
  records: Records,
  waiting: Omit<WaitingPlan, "approvedBy">,
  summary: string,
  destructive: number,
): Promise<void> {
  await records.session.query(
    `insert into ${records.schema}.plans as known (id, files_hash, catalog_signature, plan, summary, destructive, run_id)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (id) do update
        set catalog_signature = excluded.catalog_signature, files_hash = excluded.files_hash,
            approved_at = case when known.applied_at is null then known.approved_at end,
            approved_by = case when known.applied_at is null then known.approved_by end,
            applied_at = null`,
    [
      waiting.plan.id,
      waiting.filesHash,
      waiting.catalogSignature,
      gzipSync(JSON.stringify(waiting.plan)),
      summary,
      destructive,
      records.runId,
    ],
  );
}

export async function isApproved(records: Records, planId: string): Promise<boolean> {
  if (!records.exist) return false;
  const rows = await records.session.query(
    `select from ${records.schema}.plans where id = $1 and approved_at is not null and applied_at is null`,
    [planId],
  );
  return rows.length > 0;
}

/** Records a person's yes. False when no such plan waits. */
export async function approvePlan(records: Records, planId: string, approvedBy: string): Promise<boolean> {
  if (!records.exist) return false;
  const { rowCount } = await records.session.raw(
    `update ${records.schema}.plans set approved_at = clock_timestamp(), approved_by = $2
      where id = $1 and applied_at is null`,
    [planId, approvedBy],
  );
  return (rowCount ?? 0) > 0;
}

/** An approval is good for one application; what else waited for these files has no object any more. */
export async function closePlans(records: Records, planId: string, filesHash: string): Promise<void> {
  const { session, schema } = records;
  await session.query(
    `update ${schema}.plans set applied_at = clock_timestamp() where id = $1 and applied_at is null`,
    [planId],
  );
  await session.query(`delete from ${schema}.plans where files_hash = $1 and applied_at is null`, [
    filesHash,
  ]);
}
