import type { Session } from "../postgres/session.ts";
import { bootstrapSignatureSql, catalogSignatureSql } from "../postgres/signature.ts";
import { hasSqlState, NO_PRIVILEGE, NOT_THERE } from "../postgres/sqlstate.ts";
import { requireReadable } from "./install.ts";
import { LAYOUT_VERSION, parseStamp } from "./layout.ts";
import { ledgerSignatureSql } from "./ledger.ts";
import type { PhaseRecord, RunSignatures } from "./runs.ts";

/** The run that left the database as it is. */
export interface LastRun {
  readonly phases: readonly PhaseRecord[];
  readonly userVersion: bigint | undefined;
  readonly finishedAt: Date;
  /** Where in Kubernetes it was shown. */
  readonly statusConfigMap: string | undefined;
}

/** How the database stands: the signatures of now, and what the last complete runs left. */
export interface Standing {
  readonly now: Omit<RunSignatures, "sourceHash">;
  readonly runs: readonly (LastRun & RunSignatures)[];
}

interface LastRunRow {
  phases: PhaseRecord[];
  user_version: string | null;
  finished_at: string | Date;
  status_configmap: string | null;
}

interface StandingRow {
  stamp: string | null;
  catalog: string;
  bootstrap: string;
  ledger: string;
  runs: readonly (LastRunRow & {
    source_hash: string;
    catalog_signature: string;
    bootstrap_signature: string;
    ledger_signature: string;
  })[];
}

type EndedRow = Record<string, unknown> &
  LastRunRow & { id: string; is_done: boolean; source_hash: string | null };

/** As many complete runs are looked at: more releases than that don't take turns on one database. */
const RUNS = 20;

const standingSql = (schema: string): string => `
with state as materialized (
  select managed_schemas, declared_partitions from ${schema}.declarative_state order by id desc limit 1),
bootstrap as materialized (
  select names from ${schema}.bootstrap_state order by id desc limit 1),
done as (
  select source_hash, catalog_signature, bootstrap_signature, ledger_signature, phases,
         user_version::text as user_version, finished_at, status_configmap
    from ${schema}.runs
   where status = 'done' and source_hash is not null
   order by started_at desc limit ${RUNS})
select pg_catalog.obj_description($1::text::regnamespace, 'pg_namespace') as stamp,
       (${catalogSignatureSql(
         "(select managed_schemas from state)::text[]",
         "(select declared_partitions from state)::text[]",
       )}) as catalog,
       (${bootstrapSignatureSql("(select names from bootstrap)::text[]")}) as bootstrap,
       (${ledgerSignatureSql(schema)}) as ledger,
       coalesce((select pg_catalog.json_agg(done) from done), '[]') as runs`;

/**
 * How the database stands, in one question and without a lock; undefined before the first run, and where the
 * records have an older layout. `schema` is the records' schema, quoted. Throws RECORDS_TOO_NEW.
 */
export async function readStanding(session: Session, schema: string): Promise<Standing | undefined> {
  const row = await findRow(session, schema);
  if (row === undefined) return undefined;
  const layout = parseStamp(row.stamp) ?? 0;
  requireReadable(schema, layout);
  // Records of an older layout are brought up to date under the lock: there is something to do.
  if (layout < LAYOUT_VERSION) return undefined;
  return {
    now: { catalog: row.catalog, bootstrap: row.bootstrap, ledger: row.ledger },
    runs: row.runs.map((run) => ({
      sourceHash: run.source_hash,
      catalog: run.catalog_signature,
      bootstrap: run.bootstrap_signature,
      ledger: run.ledger_signature,
      ...toLastRun(run),
    })),
  };
}

function toLastRun(row: LastRunRow): LastRun {
  return {
    phases: row.phases,
    userVersion: row.user_version === null ? undefined : BigInt(row.user_version),
    finishedAt: new Date(row.finished_at),
    statusConfigMap: row.status_configmap ?? undefined,
  };
}

async function findRow(session: Session, schema: string): Promise<StandingRow | undefined> {
  try {
    const rows = await session.query<Record<string, unknown> & StandingRow>(standingSql(schema), [schema]);
    return rows[0];
  } catch (error) {
    // Before the first run there are no records; an older layout lacks a column.
    // A role without rights on them is told so by whoever reads the layout next.
    if (hasSqlState(error, NOT_THERE) || hasSqlState(error, NO_PRIVILEGE)) return undefined;
    throw error;
  }
}

/** A run that came to its end, whatever its outcome. */
export interface EndedRun extends LastRun {
  readonly id: string;
  readonly isDone: boolean;
  readonly sourceHash: string | undefined;
}

/** The run that ended last. Asked again and again by those who wait, it must cost next to nothing. */
export async function readLatestEnd(session: Session, schema: string): Promise<EndedRun | undefined> {
  try {
    const [run] = await session.query<EndedRow>(
      `select id, status = 'done' as is_done, source_hash, phases, user_version::text as user_version, finished_at,
              status_configmap
         from ${schema}.runs where finished_at is not null order by finished_at desc limit 1`,
    );
    if (run === undefined) return undefined;
    return { ...toLastRun(run), id: run.id, isDone: run.is_done, sourceHash: run.source_hash ?? undefined };
  } catch (error) {
    if (hasSqlState(error, NOT_THERE) || hasSqlState(error, NO_PRIVILEGE)) return undefined;
    throw error;
  }
}

/** True when the run did what is asked for; while somebody waits for it, there is no need to look at what it left. */
export function didTheSame(run: EndedRun, sourceHash: string, statusConfigMap?: string): boolean {
  return run.isDone && run.sourceHash === sourceHash && isShown(run, statusConfigMap);
}

function isShown(run: LastRun, statusConfigMap: string | undefined): boolean {
  return statusConfigMap === undefined || run.statusConfigMap === statusConfigMap;
}

/**
 * The newest complete run that was asked for the very same, if everything still is as it left it. Where a status
 * is asked for, that run must have been shown there: otherwise one is due.
 */
export function findUpToDate(
  standing: Standing | undefined,
  sourceHash: string,
  statusConfigMap?: string,
): LastRun | undefined {
  const last = standing?.runs.find((run) => run.sourceHash === sourceHash);
  if (last === undefined || standing === undefined) return undefined;
  const { now } = standing;
  const isSame =
    now.catalog === last.catalog && now.bootstrap === last.bootstrap && now.ledger === last.ledger;
  return isSame && isShown(last, statusConfigMap) ? last : undefined;
}
