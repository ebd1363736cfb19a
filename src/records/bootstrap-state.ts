import type { Records } from "./records.ts";

/** For which file, and in which state of the server, bootstrap.sql ran last. */
export interface BootstrapState {
  readonly hash: string;
  /** Names that the file mentions: what the signature looks at. */
  readonly names: readonly string[];
  readonly signature: string;
}

export async function findBootstrapState(records: Records): Promise<BootstrapState | undefined> {
  if (!records.exist) return undefined;
  const [row] = await records.session.query<{ hash: string; names: string[]; signature: string }>(
    `select hash, names, signature from ${records.schema}.bootstrap_state order by id desc limit 1`,
  );
  return row;
}

export async function recordBootstrap(records: Records, state: BootstrapState): Promise<void> {
  await records.session.query(
    `insert into ${records.schema}.bootstrap_state (hash, names, signature, run_id, release)
     values ($1, $2, $3, $4, $5)`,
    [state.hash, state.names, state.signature, records.runId, records.release],
  );
}

/**
 * Keeps the signature as it is at the end of a run: later phases may grant on the same schemas, and that
 * alone must not make bootstrap run again.
 */
export async function refreshBootstrapSignature(records: Records, signature: string): Promise<void> {
  await records.session.query(
    `update ${records.schema}.bootstrap_state set signature = $1
      where id = (select max(id) from ${records.schema}.bootstrap_state) and signature <> $1`,
    [signature],
  );
}
