import { isUnsettled } from "./declarative-state.ts";
import type { RecordedFailure } from "./recorded-failure.ts";
import { type Records, requireRow } from "./records.ts";
import type { PhaseRecord } from "./runs.ts";

/** What files ask for, by the hashes under which runs record it; a part that they lack is undefined. */
export interface Wanted {
  readonly sourceHash: string;
  readonly bootstrap: string | undefined;
  readonly schema: string | undefined;
}

/** How far the records say that a database has come towards it. Migrations are in the ledger. */
export interface Reached {
  /** This bootstrap.sql ran once, be it that another one ran after it. */
  readonly isBootstrapped: boolean;
  /** What bootstrap.sql made and this server lacks: a restored backup brings the records, but no roles. */
  readonly lost: readonly string[];
  /** When the schema files were last applied; superseded when others were after them. */
  readonly schema: { readonly appliedAt: Date; readonly isSuperseded: boolean } | undefined;
  /** A run is, or ended, in the middle of changes to the schema. */
  readonly isUnsettled: boolean;
  /** The newest run for these very files, if it failed and nobody mended or approved anything since. */
  readonly failure: RecordedFailure | undefined;
}

interface ReachedRow {
  bootstrapped: boolean;
  lost: string[];
  applied_at: Date | null;
  in_force: string | null;
  fingerprint: string | null;
  phases: PhaseRecord[] | null;
}

const reachedSql = (schema: string): string => `
with bootstrap as (
  select hash, names from ${schema}.bootstrap_state order by id desc limit 1),
state as (
  select files_hash, schema_fingerprint from ${schema}.declarative_state order by id desc limit 1),
run as (
  select status, phases, finished_at from ${schema}.runs where source_hash = $3 order by started_at desc limit 1)
select exists (select from ${schema}.bootstrap_state where hash = $1) as bootstrapped,
       array(select wanted.name from bootstrap, pg_catalog.unnest(bootstrap.names) wanted(name)
              where bootstrap.hash = $1
                and not exists (select from pg_catalog.pg_roles where rolname = wanted.name)
                and not exists (select from pg_catalog.pg_namespace where nspname = wanted.name)
                and not exists (select from pg_catalog.pg_extension where extname = wanted.name)
              order by 1) as lost,
       (select max(applied_at) from ${schema}.declarative_state where files_hash = $2) as applied_at,
       (select files_hash from state) as in_force,
       (select schema_fingerprint from state) as fingerprint,
       (select phases from run
         where status = 'failed'
           and not exists (select from ${schema}.plans where approved_at > run.finished_at)
           and not exists (select from ${schema}.app_log where at > run.finished_at)) as phases`;

/** Asks the records alone, and may be asked again and again. */
export async function readReached(records: Records, wanted: Wanted): Promise<Reached> {
  const { session, schema } = records;
  const row = requireRow(
    await session.query<Record<string, unknown> & ReachedRow>(reachedSql(schema), [
      wanted.bootstrap ?? null,
      wanted.schema ?? null,
      wanted.sourceHash,
    ]),
  );
  return {
    isBootstrapped: row.bootstrapped,
    lost: row.lost,
    schema:
      row.applied_at === null
        ? undefined
        : { appliedAt: row.applied_at, isSuperseded: row.in_force !== wanted.schema },
    isUnsettled: row.fingerprint !== null && isUnsettled({ fingerprint: row.fingerprint }),
    failure: row.phases?.find(({ failure }) => failure !== undefined)?.failure,
  };
}

/** True when a schema whose fingerprint begins like this is in force, or was before others were applied. */
export async function hasFingerprint(records: Records, beginning: string): Promise<boolean> {
  const rows = await records.session.query(
    `select from ${records.schema}.declarative_state where pg_catalog.starts_with(schema_fingerprint, $1) limit 1`,
    [beginning],
  );
  return rows.length > 0;
}
