import type { StateSource } from "./declarative-state.ts";
import type { Records } from "./records.ts";

/** How the desired schema in force came to be, and how many were before it. */
export interface DeclarativeHistory {
  readonly source: StateSource;
  readonly planId: string | undefined;
  readonly runId: string | undefined;
  /** slipway's version that applied it. */
  readonly release: string;
  readonly pod: string | undefined;
  /** Desired schemas that were applied once, and others after them. */
  readonly superseded: number;
}

interface HistoryRow {
  source: StateSource;
  plan_id: string | null;
  run_id: string | null;
  release: string;
  pod: string | null;
  superseded: number;
}

/** Undefined before anything was applied. */
export async function findDeclarativeHistory(records: Records): Promise<DeclarativeHistory | undefined> {
  if (!records.exist) return undefined;
  const { schema, session } = records;
  const [row] = await session.query<Record<string, unknown> & HistoryRow>(
    `select s.source, s.plan_id, s.run_id::text, s.release, r.pod,
            (select count(distinct files_hash)::int from ${schema}.declarative_state where files_hash <> s.files_hash) as superseded
       from ${schema}.declarative_state s left join ${schema}.runs r on r.id = s.run_id
      order by s.id desc
      limit 1`,
  );
  if (row === undefined) return undefined;
  return {
    source: row.source,
    planId: row.plan_id ?? undefined,
    runId: row.run_id ?? undefined,
    release: row.release,
    pod: row.pod ?? undefined,
    superseded: row.superseded,
  };
}

/** A plan that waits for a person, or for the run after one said yes. */
export interface PlanEntry {
  readonly id: string;
  readonly summary: string;
  readonly destructive: number;
  readonly createdAt: Date;
  readonly approvedAt: Date | undefined;
  readonly approvedBy: string | undefined;
}

interface PlanRow {
  id: string;
  summary: string;
  destructive: number;
  created_at: Date;
  approved_at: Date | null;
  approved_by: string | null;
}

/** Plans since the last apply, newest first: those of before it were for another state. */
export async function listWaitingPlans(records: Records): Promise<PlanEntry[]> {
  if (!records.exist) return [];
  const { schema, session } = records;
  const rows = await session.query<Record<string, unknown> & PlanRow>(
    `select id, summary, destructive, created_at, approved_at, approved_by
       from ${schema}.plans
      where applied_at is null
        and created_at > coalesce((select max(applied_at) from ${schema}.declarative_state), '-infinity')
      order by created_at desc`,
  );
  return rows.map((row) => ({
    id: row.id,
    summary: row.summary,
    destructive: row.destructive,
    createdAt: row.created_at,
    approvedAt: row.approved_at ?? undefined,
    approvedBy: row.approved_by ?? undefined,
  }));
}
