import type { Records } from "./records.ts";

/** How a desired schema came to be in force. */
export type StateSource = "install" | "apply" | "adopt" | "verify";

/** The desired schema in force. */
export interface DeclarativeState {
  readonly filesHash: string;
  readonly fingerprint: string;
  /** The engine that computed the fingerprint; of another one it says nothing. */
  readonly engine: string;
  readonly serverMajor: number;
  readonly managedSchemas: readonly string[];
  /** Partitions that the files declare, as `schema.name`; all others are run-time partitions. */
  readonly declaredPartitions: readonly string[];
  /** What the engine saved of the declared objects. */
  readonly desired: Uint8Array;
}

interface StateRow {
  files_hash: string;
  schema_fingerprint: string;
  engine: string;
  server_major: number;
  managed_schemas: string[];
  declared_partitions: string[];
  desired: Buffer;
  applied_at: Date;
}

export async function findDeclarativeState(
  records: Records,
): Promise<(DeclarativeState & { readonly appliedAt: Date }) | undefined> {
  if (!records.exist) return undefined;
  const [row] = await records.session.query<StateRow>(
    `select files_hash, schema_fingerprint, engine, server_major, managed_schemas, declared_partitions, desired, applied_at
       from ${records.schema}.declarative_state
      order by id desc
      limit 1`,
  );
  if (row === undefined) return undefined;
  return {
    filesHash: row.files_hash,
    fingerprint: row.schema_fingerprint,
    engine: row.engine,
    serverMajor: row.server_major,
    managedSchemas: row.managed_schemas,
    declaredPartitions: row.declared_partitions,
    desired: row.desired,
    appliedAt: row.applied_at,
  };
}

/** When these files were applied and then superseded by others; undefined when they never were. */
export async function findSuperseded(records: Records, filesHash: string): Promise<Date | undefined> {
  if (!records.exist) return undefined;
  const [row] = await records.session.query<{ applied_at: Date }>(
    `select applied_at
       from ${records.schema}.declarative_state
      where files_hash = $1
        and files_hash <> (select files_hash from ${records.schema}.declarative_state order by id desc limit 1)
      order by id desc
      limit 1`,
    [filesHash],
  );
  return row?.applied_at;
}

/** Only the newest row keeps what the engine saved: older ones are remembered by their hash. */
export async function recordDeclarativeState(
  records: Records,
  state: DeclarativeState,
  source: StateSource,
  planId: string | undefined,
): Promise<void> {
  const { session, schema } = records;
  await session.query(`update ${schema}.declarative_state set desired = '' where desired <> ''`);
  await session.query(
    `insert into ${schema}.declarative_state
       (files_hash, schema_fingerprint, engine, server_major, source, plan_id, managed_schemas, declared_partitions,
        desired, run_id, release)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      state.filesHash,
      state.fingerprint,
      state.engine,
      state.serverMajor,
      source,
      planId ?? null,
      state.managedSchemas,
      state.declaredPartitions,
      Buffer.from(state.desired),
      records.runId,
      records.release,
    ],
  );
}

/** While user migrations are at work, which may change declared objects: what they leave is nobody's drift. */
export const UNKNOWN_FINGERPRINT = "";

/** While a plan is applied in several transactions: what is there is half of it, and to be planned from anew. */
export const APPLYING_FINGERPRINT = "applying";

/** True when a run ended in the middle of its changes, so that nobody knows what the objects should be like. */
export function isUnsettled({ fingerprint }: Pick<DeclarativeState, "fingerprint">): boolean {
  return fingerprint === UNKNOWN_FINGERPRINT || fingerprint === APPLYING_FINGERPRINT;
}

/** Sets what a later run finds undrifted. */
export async function setFingerprint(records: Records, fingerprint: string): Promise<void> {
  await records.session.query(
    `update ${records.schema}.declarative_state set schema_fingerprint = $1
      where id = (select max(id) from ${records.schema}.declarative_state) and schema_fingerprint <> $1`,
    [fingerprint],
  );
}
