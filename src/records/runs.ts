import type { RecordedFailure } from "./recorded-failure.ts";
import type { Records } from "./records.ts";

export type RunStatus = "running" | "done" | "failed" | "interrupted" | "abandoned";

/** What a phase did, as recorded and reported. */
export type PhaseOutcome = "pending" | "skipped" | "unchanged" | "applied" | "kept" | "planned" | "failed";

/** A constant message, and what it is about. */
export interface Warning {
  readonly message: string;
  readonly objects?: readonly string[];
}

export interface PhaseRecord {
  readonly phase: "bootstrap" | "declarative" | "user";
  readonly outcome: PhaseOutcome;
  readonly durationMs: number;
  /** Changes made, or migrations applied. */
  readonly changes: number;
  readonly message?: string;
  /** What has to be said again by every run that finds things as they are. */
  readonly warnings?: readonly Warning[];
  /** What ended it. */
  readonly failure?: RecordedFailure;
}

/** The hashes by which a later run sees, without a lock, that there is nothing to do. */
export interface RunSignatures {
  readonly sourceHash: string;
  readonly catalog: string;
  readonly bootstrap: string;
  readonly ledger: string;
}

export interface FinishedRun {
  readonly status: Exclude<RunStatus, "running" | "abandoned">;
  readonly phases: readonly PhaseRecord[];
  readonly planId?: string | undefined;
  readonly userVersion?: bigint | undefined;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
  readonly signatures?: Omit<RunSignatures, "sourceHash"> | undefined;
}

/**
 * Writes the row of a run that starts on files of this hash: who waits for them sees it at work. The caller
 * holds the run lock, so any other row still marked running belongs to a process that died.
 */
export async function beginRun(
  records: Records,
  command: string,
  pod: string,
  sourceHash: string,
): Promise<void> {
  const { session, schema, runId, release } = records;
  await session.query(
    `with gone as (
       update ${schema}.runs set status = 'abandoned', finished_at = clock_timestamp() where status = 'running')
     insert into ${schema}.runs (id, command, pod, release, source_hash) values ($1, $2, $3, $4, $5)`,
    [runId, command, pod, release, sourceHash],
  );
}

/**
 * Records where the end of the run is shown. Until then that is due, should the process die before. It is the
 * run's end: those who wait for it look again when `finished_at` moves.
 */
export async function recordShown({ session, schema, runId }: Records, place: string): Promise<void> {
  await session.query(
    `update ${schema}.runs set status_configmap = $2, finished_at = clock_timestamp() where id = $1`,
    [runId, place],
  );
}

export async function finishRun(records: Records, run: FinishedRun): Promise<void> {
  const { session, schema, runId } = records;
  await session.query(
    `update ${schema}.runs
        set status = $2, finished_at = clock_timestamp(), phases = $3, plan_id = $4, user_version = $5,
            error_code = $6, error_message = $7,
            catalog_signature = $8, bootstrap_signature = $9, ledger_signature = $10
      where id = $1`,
    [
      runId,
      run.status,
      JSON.stringify(run.phases),
      run.planId ?? null,
      run.userVersion?.toString() ?? null,
      run.error?.code ?? null,
      run.error?.message ?? null,
      run.signatures?.catalog ?? null,
      run.signatures?.bootstrap ?? null,
      run.signatures?.ledger ?? null,
    ],
  );
}

export interface RunRow {
  readonly id: string;
  readonly command: string;
  readonly status: RunStatus;
  readonly startedAt: Date;
  readonly finishedAt: Date | undefined;
  readonly phases: readonly PhaseRecord[];
  readonly planId: string | undefined;
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
  readonly pod: string | undefined;
  readonly release: string;
}

interface RawRunRow {
  id: string;
  command: string;
  status: RunStatus;
  started_at: Date;
  finished_at: Date | null;
  phases: PhaseRecord[];
  plan_id: string | null;
  error_code: string | null;
  error_message: string | null;
  pod: string | null;
  release: string;
}

const COLUMNS =
  "id, command, status, started_at, finished_at, phases, plan_id, error_code, error_message, pod, release";

/** The newest runs first. */
export async function listRuns(records: Records, limit: number): Promise<RunRow[]> {
  if (!records.exist) return [];
  const rows = await records.session.query<RawRunRow>(
    `select ${COLUMNS} from ${records.schema}.runs order by started_at desc limit $1`,
    [limit],
  );
  return rows.map(toRun);
}

export async function findRun(records: Records, id: string): Promise<RunRow | undefined> {
  if (!records.exist) return undefined;
  const [row] = await records.session.query<RawRunRow>(
    `select ${COLUMNS} from ${records.schema}.runs where id = $1`,
    [id],
  );
  return row === undefined ? undefined : toRun(row);
}

function toRun(row: RawRunRow): RunRow {
  return {
    id: row.id,
    command: row.command,
    status: row.status,
    startedAt: row.started_at,
    finishedAt: row.finished_at ?? undefined,
    phases: row.phases,
    planId: row.plan_id ?? undefined,
    errorCode: row.error_code ?? undefined,
    errorMessage: row.error_message ?? undefined,
    pod: row.pod ?? undefined,
    release: row.release,
  };
}

/**
 * The catalog's signature as the last complete run left it; undefined when that run found the declared
 * objects changed and left them so.
 */
export async function findLastSignature(records: Records): Promise<string | undefined> {
  if (!records.exist) return undefined;
  const [row] = await records.session.query<{ catalog_signature: string | null; phases: PhaseRecord[] }>(
    `select catalog_signature, phases from ${records.schema}.runs
      where status = 'done' and catalog_signature is not null
      order by finished_at desc limit 1`,
  );
  const isKept = row?.phases.some((phase) => phase.phase === "declarative" && phase.outcome === "kept");
  return isKept === true ? undefined : (row?.catalog_signature ?? undefined);
}
