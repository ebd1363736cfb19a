import { quoteLiteral } from "../sql/quote.ts";
import type { RecordedFailure } from "./recorded-failure.ts";
import type { Records } from "./records.ts";

export type LedgerStatus = "pending" | "applied" | "failed";

/** One migration as the ledger (`migrations.app`) knows it. */
export interface LedgerRow {
  readonly version: bigint;
  readonly name: string;
  readonly status: LedgerStatus;
  readonly errorMessage: string | undefined;
  readonly appliedAt: Date | undefined;
  /** Of the file as it was applied or last tried; undefined when the row was written by a person. */
  readonly checksum: string | undefined;
  /** Of its statements alone; undefined where an older slipway or a person wrote the row. */
  readonly sqlChecksum: string | undefined;
  /** Steps of a file without one transaction around it: known to be complete, of all. */
  readonly statementsDone: number;
  readonly statementsTotal: number | undefined;
  /** A step that was begun, and of which nobody knows yet whether it is complete. From 1. */
  readonly statementInflight: number | undefined;
  /** Hash of the text of the steps that are complete. */
  readonly doneHash: string | undefined;
  /** The same three for the way back, while it is under way. */
  readonly down: Progress;
  readonly attempts: number;
  readonly startedAt: Date | undefined;
  readonly durationMs: number | undefined;
  /** The error as it was reported, for reporting it again. */
  readonly failure: RecordedFailure | undefined;
}

/** How far a file with steps has come. */
export interface Progress {
  readonly statementsDone: number;
  readonly statementInflight: number | undefined;
  readonly doneHash: string | undefined;
}

interface RawRow {
  version: string;
  name: string;
  status: LedgerStatus;
  error_message: string | null;
  applied_at: Date | null;
  checksum: string | null;
  sql_checksum: string | null;
  statements_done: number;
  statements_total: number | null;
  statement_inflight: number | null;
  done_hash: string | null;
  down_done: number;
  down_inflight: number | null;
  down_hash: string | null;
  attempts: number;
  started_at: Date | null;
  duration_ms: string | null;
  failure: RecordedFailure | null;
}

export async function readLedger(records: Records): Promise<LedgerRow[]> {
  if (!records.exist) return [];
  // By way of jsonb: commands that only read may come before the run that adds the column.
  const rows = await records.session.query<Record<string, unknown> & RawRow>(
    `select version::text, name, status, error_message, applied_at, checksum,
            pg_catalog.to_jsonb(app) ->> 'sql_checksum' as sql_checksum, statements_done, statements_total,
            statement_inflight, done_hash, down_done, down_inflight, down_hash, attempts, started_at, duration_ms::text, failure
       from ${records.schema}.app
      order by app.version`,
  );
  return rows.map((row) => ({
    version: BigInt(row.version),
    name: row.name,
    status: row.status,
    errorMessage: row.error_message ?? undefined,
    appliedAt: row.applied_at ?? undefined,
    checksum: row.checksum ?? undefined,
    sqlChecksum: row.sql_checksum ?? undefined,
    statementsDone: row.statements_done,
    statementsTotal: row.statements_total ?? undefined,
    statementInflight: row.statement_inflight ?? undefined,
    doneHash: row.done_hash ?? undefined,
    down: {
      statementsDone: row.down_done,
      statementInflight: row.down_inflight ?? undefined,
      doneHash: row.down_hash ?? undefined,
    },
    attempts: row.attempts,
    startedAt: row.started_at ?? undefined,
    durationMs: row.duration_ms === null ? undefined : Number(row.duration_ms),
    failure: row.failure ?? undefined,
  }));
}

/** What an attempt is about. */
export interface Attempt {
  readonly version: bigint;
  readonly name: string;
  readonly checksum: string;
  readonly sqlChecksum: string;
  readonly transactional: boolean;
  readonly steps: number;
}

/** A quick text of the ledger's content, by which a later run sees that nobody changed it. */
export function ledgerSignatureSql(schema: string): string {
  return `select count(*) || ':' || coalesce(bit_xor(pg_catalog.hash_record_extended(
            row(version, name, status, checksum, statements_done, down_done), 0)), 0) from ${schema}.app`;
}

/**
 * Marks an attempt as begun. A file in one transaction does this inside it, together with the mark of
 * its end: there is nothing to see of it from outside, and nothing to clean up.
 */
export async function claim(records: Records, attempt: Attempt): Promise<void> {
  await records.session.query(
    `insert into ${records.schema}.app
       (version, name, status, checksum, transactional, statements_total, attempts, started_at, run_id, sql_checksum)
     values ($1, $2, 'pending', $3, $4, $5, 1, clock_timestamp(), $6, $7)
     on conflict (version) do update
        set name = excluded.name, status = 'pending', checksum = excluded.checksum,
            transactional = excluded.transactional, statements_total = excluded.statements_total,
            attempts = app.attempts + 1, started_at = excluded.started_at, run_id = excluded.run_id,
            applied_at = null, failure = null, sql_checksum = excluded.sql_checksum`,
    [
      attempt.version.toString(),
      attempt.name,
      attempt.checksum,
      attempt.transactional,
      attempt.steps,
      records.runId,
      attempt.sqlChecksum,
    ],
  );
}

/**
 * SQL that writes the whole of an attempt at once, where effect and ledger row are one transaction. Text
 * without parameters, so that it can share a message with the statements and the COMMIT.
 *
 * `durationMs` is up to the sending of that message; the server adds what came of it since. `isFirst` says that
 * the ledger has no row of the migration: to write one that may be there costs half as much again.
 */
export function appliedSql(
  { schema, runId, release }: Records,
  attempt: Attempt,
  durationMs: number,
  isFirst: boolean,
): string {
  const version = attempt.version.toString();
  const [name, checksum, sqlChecksum, run] = [attempt.name, attempt.checksum, attempt.sqlChecksum, runId].map(
    quoteLiteral,
  );
  const { transactional, steps } = attempt;
  const ms = millisecondsSql(durationMs);
  const update = `on conflict (version) do update
          set name = excluded.name, status = 'applied', checksum = excluded.checksum,
              transactional = excluded.transactional, statements_total = excluded.statements_total,
              statements_done = excluded.statements_total, statement_inflight = null, done_hash = null,
              attempts = app.attempts + case when excluded.transactional then 1 else 0 end,
              started_at = case when excluded.transactional then excluded.started_at else app.started_at end,
              applied_at = excluded.applied_at, duration_ms = excluded.duration_ms, run_id = excluded.run_id,
              error_message = null, failure = null, sql_checksum = excluded.sql_checksum`;
  return `with row as (
       insert into ${schema}.app
         (version, name, status, checksum, transactional, statements_total, statements_done, attempts, started_at,
          applied_at, duration_ms, run_id, sql_checksum)
       values (${version}, ${name}, 'applied', ${checksum}, ${transactional}, ${steps}, ${steps}, 1,
               statement_timestamp() - ${intervalSql(durationMs)}, clock_timestamp(), ${ms}, ${run}, ${sqlChecksum})
       ${isFirst ? "" : update})
     insert into ${schema}.app_log (run_id, version, name, event, duration_ms, checksum, release)
     values (${run}, ${version}, ${name}, 'applied', ${ms}, ${checksum}, ${quoteLiteral(release)})`;
}

/** How long something has taken when the server comes to it, of which `durationMs` were before the message was sent. */
function millisecondsSql(durationMs: number): string {
  return `round(extract(epoch from clock_timestamp() - statement_timestamp() + ${intervalSql(durationMs)}) * 1000)`;
}

const intervalSql = (ms: number): string => `interval '${Math.round(ms)} ms'`;

export type Direction = "up" | "down";

/** Where the progress in each direction stands. */
export const COLUMNS = {
  up: { done: "statements_done", inflight: "statement_inflight", hash: "done_hash" },
  down: { done: "down_done", inflight: "down_inflight", hash: "down_hash" },
} as const satisfies Record<Direction, { done: string; inflight: string; hash: string }>;

/**
 * SQL that marks a step which has no transaction as begun: its outcome is not known until it is recorded.
 * Undefined takes the mark away: it is known that it had none.
 */
export function inflightSql(
  { schema }: Records,
  direction: Direction,
  version: bigint,
  step: number | undefined,
): string {
  const { inflight } = COLUMNS[direction];
  return `update ${schema}.app set ${inflight} = ${step ?? "null"} where version = ${version}`;
}

/** SQL that records a step as complete: in the step's own transaction where it has one. */
export function doneSql(
  { schema }: Records,
  direction: Direction,
  version: bigint,
  step: number,
  doneHash: string,
): string {
  const { done, inflight, hash } = COLUMNS[direction];
  return `update ${schema}.app set ${done} = ${step}, ${hash} = ${quoteLiteral(doneHash)}, ${inflight} = null where version = ${version}`;
}

/** A way back that failed leaves the migration applied: only the history tells. */
export async function recordDownFailed(
  records: Records,
  migration: { readonly version: bigint; readonly name: string },
  failure: RecordedFailure,
  message: string,
  durationMs: number,
): Promise<void> {
  await records.session.query(
    `insert into ${records.schema}.app_log
       (run_id, version, name, event, direction, sqlstate, message, duration_ms, release)
     values ($1, $2, $3, 'failed', 'down', $4, $5, $6, $7)`,
    [
      records.runId,
      migration.version.toString(),
      migration.name,
      failure.sqlstate ?? null,
      message,
      Math.round(durationMs),
      records.release,
    ],
  );
}

export async function recordFailed(
  records: Records,
  attempt: Attempt,
  failure: RecordedFailure,
  message: string,
  durationMs: number,
): Promise<void> {
  await records.session.query(
    `with row as (
       insert into ${records.schema}.app
         (version, name, status, checksum, transactional, statements_total, attempts, started_at, duration_ms, run_id,
          error_message, failure, sql_checksum)
       values ($1, $2, 'failed', $3, $4, $5, 1, clock_timestamp() - make_interval(secs => $6::float8 / 1000), $6::float8,
               $7, $8, $9, $12)
       on conflict (version) do update
          set name = excluded.name, status = 'failed', checksum = excluded.checksum,
              transactional = excluded.transactional, statements_total = excluded.statements_total,
              attempts = app.attempts + case when excluded.transactional then 1 else 0 end,
              started_at = case when excluded.transactional then excluded.started_at else app.started_at end,
              duration_ms = excluded.duration_ms, run_id = excluded.run_id,
              error_message = excluded.error_message, failure = excluded.failure, applied_at = null,
              sql_checksum = excluded.sql_checksum)
     insert into ${records.schema}.app_log
       (run_id, version, name, event, sqlstate, message, duration_ms, checksum, release)
     values ($7, $1, $2, 'failed', $10, $8, $6::float8, $3, $11)`,
    [
      attempt.version.toString(),
      attempt.name,
      attempt.checksum,
      attempt.transactional,
      attempt.steps,
      Math.round(durationMs),
      records.runId,
      message,
      JSON.stringify(failure),
      failure.sqlstate ?? null,
      records.release,
      attempt.sqlChecksum,
    ],
  );
}

/** SQL that takes a migration off the ledger, in the transaction that undid it. `durationMs` as of `appliedSql`. */
export function revertedSql(
  { schema, runId, release }: Records,
  migration: { readonly version: bigint; readonly name: string },
  durationMs: number,
): string {
  const { version, name } = migration;
  const values = [
    quoteLiteral(runId),
    version,
    quoteLiteral(name),
    "'applied', 'down'",
    millisecondsSql(durationMs),
  ];
  return `with gone as (delete from ${schema}.app where version = ${version})
     insert into ${schema}.app_log (run_id, version, name, event, direction, duration_ms, release)
     values (${values.join(", ")}, ${quoteLiteral(release)})`;
}
