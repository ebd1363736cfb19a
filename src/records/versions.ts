import { isUnsettled } from "./declarative-state.ts";
import { type Records, requireRow } from "./records.ts";

/** What a database is at. */
export interface Versions {
  /** Of the declarative schema in force; empty where there is none, or it is not known. */
  readonly schemaFingerprint: string;
  /** The highest user migration that is applied. */
  readonly userVersion: bigint | undefined;
}

export async function readVersions({ session, schema }: Records): Promise<Versions> {
  const row = requireRow(
    await session.query<{ fingerprint: string | null; version: string | null }>(
      `select (select schema_fingerprint from ${schema}.declarative_state order by id desc limit 1) as fingerprint,
              (select max(version)::text from ${schema}.app where status = 'applied') as version`,
    ),
  );
  const fingerprint = row.fingerprint ?? "";
  return {
    schemaFingerprint: isUnsettled({ fingerprint }) ? "" : fingerprint,
    userVersion: row.version === null ? undefined : BigInt(row.version),
  };
}
