import type { LedgerRow } from "./ledger.ts";
import type { Records } from "./records.ts";

/** What the ledger keeps of a migration's file. */
export interface FileRecord {
  readonly version: bigint;
  readonly name: string;
  readonly checksum: string;
  readonly sqlChecksum: string;
}

/** How a migration came to be recorded as applied without slipway running it. */
export type Hearsay = "adopt" | "baseline" | "resolve";

const FILES =
  "unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) as m(version, name, checksum, sql_checksum)";

function columnsOf(files: readonly FileRecord[]): readonly string[][] {
  return [
    files.map(({ version }) => version.toString()),
    files.map(({ name }) => name),
    files.map(({ checksum }) => checksum),
    files.map(({ sqlChecksum }) => sqlChecksum),
  ];
}

/** Records migrations as applied that slipway did not run, whatever their rows said before. */
export async function recordAsApplied(
  records: Records,
  files: readonly FileRecord[],
  event: Hearsay,
  message: string,
): Promise<void> {
  const { session, schema, runId, release } = records;
  await session.query(
    `with row as (
       insert into ${schema}.app (version, name, status, checksum, sql_checksum, applied_at, run_id)
       select version, name, 'applied', checksum, sql_checksum, clock_timestamp(), $5 from ${FILES} order by version
       on conflict (version) do update
          set name = excluded.name, status = 'applied', checksum = excluded.checksum,
              sql_checksum = excluded.sql_checksum, applied_at = excluded.applied_at, run_id = excluded.run_id,
              error_message = null, failure = null, statement_inflight = null, done_hash = null
       returning version, name, checksum)
     insert into ${schema}.app_log (run_id, version, name, event, message, checksum, release)
     select $5, version, name, $6, $7, checksum, $8 from row order by version`,
    [...columnsOf(files), runId, event, message, release],
  );
}

/** Records a migration as one that another tool left half done: nothing runs until a person resolved it. */
export async function recordHalfDone(
  records: Records,
  file: FileRecord,
  failure: { readonly message: string; readonly next: string },
): Promise<void> {
  await records.session.query(
    `with row as (
       insert into ${records.schema}.app
         (version, name, status, checksum, sql_checksum, started_at, run_id, error_message, failure)
       values ($1, $2, 'failed', $3, $4, clock_timestamp(), $5, $6, $7)
       on conflict (version) do nothing)
     insert into ${records.schema}.app_log (run_id, version, name, event, message, checksum, release)
     values ($5, $1, $2, 'adopt', $6, $3, $8)`,
    [
      file.version.toString(),
      file.name,
      file.checksum,
      file.sqlChecksum,
      records.runId,
      failure.message,
      JSON.stringify({ code: "HISTORY_MISMATCH", ...failure }),
      records.release,
    ],
  );
}

/**
 * Has applied rows say what their files are: name and checksums. The history gets a line where a name or a
 * known checksum changed. Gives what was renamed.
 */
export async function recordFiles(
  records: Records,
  files: readonly FileRecord[],
): Promise<{ readonly name: string; readonly was: string }[]> {
  const { session, schema, runId, release } = records;
  return await session.query<{ name: string; was: string }>(
    `with old as (
       select app.version, app.name as was, app.checksum as checksum_was, m.name, m.checksum
         from ${schema}.app join ${FILES} using (version) where app.status = 'applied'),
     row as (
       update ${schema}.app set name = m.name, checksum = m.checksum, sql_checksum = m.sql_checksum
         from ${FILES} where app.version = m.version and app.status = 'applied'),
     log as (
       insert into ${schema}.app_log (run_id, version, name, event, message, checksum, release)
       select $5, version, name, case when was <> name then 'rename' else 'checksum' end,
              case when was <> name then 'was named ' || was else 'was ' || coalesce(checksum_was, 'not recorded') end,
              checksum, $6
         from old where was <> name or checksum_was is distinct from checksum order by version)
     select name, was from old where was <> name order by version`,
    [...columnsOf(files), runId, release],
  );
}

/** A step that was begun and of which nobody recorded the end, in either direction. */
export function inflightOf(
  row: LedgerRow,
): { readonly direction: "up" | "down"; readonly step: number } | undefined {
  if (row.statementInflight !== undefined && row.status !== "applied") {
    return { direction: "up", step: row.statementInflight };
  }
  return row.down.statementInflight === undefined
    ? undefined
    : { direction: "down", step: row.down.statementInflight };
}

/** Sets a migration to go on with the step it failed at, or that was in flight. */
export async function setToRetry(records: Records, row: LedgerRow): Promise<void> {
  await mend(
    records,
    row,
    `status = case when status = 'failed' then 'pending' else status end, error_message = '', failure = null,
     statement_inflight = null, down_inflight = null`,
    "retry",
    "set to be tried again",
  );
}

/** Counts the step that was in flight as done, in whichever direction it is. */
export async function countInflightAsDone(records: Records, row: LedgerRow): Promise<void> {
  await mend(
    records,
    row,
    `statements_done = case when status = 'applied' then statements_done else coalesce(statement_inflight, statements_done) end,
     statement_inflight = null, down_done = coalesce(down_inflight, down_done), down_inflight = null`,
    "resolve",
    "a person found that the step in flight took effect",
  );
}

/** Sets a migration to be run from its first statement, as if it had never been tried. */
export async function setToStartOver(records: Records, row: LedgerRow): Promise<void> {
  await mend(
    records,
    row,
    `status = 'pending', error_message = '', failure = null, applied_at = null,
     statements_done = 0, statement_inflight = null, done_hash = null,
     down_done = 0, down_inflight = null, down_hash = null`,
    "resolve",
    "a person found that nothing of it is there",
  );
}

async function mend(
  records: Records,
  row: LedgerRow,
  assignments: string,
  event: string,
  message: string,
): Promise<void> {
  const { session, schema, runId, release } = records;
  await session.query(
    `with row as (update ${schema}.app set ${assignments} where version = $1)
     insert into ${schema}.app_log (run_id, version, name, event, message, release)
     values ($2, $1, $3, $4, $5, $6)`,
    [row.version.toString(), runId, row.name, event, message, release],
  );
}
