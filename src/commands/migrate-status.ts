import { fileStateOf } from "../migrations/findings.ts";
import { type LedgerRow, readLedger } from "../records/ledger.ts";
import { formatTable } from "../report/table.ts";
import type { Migration } from "../source/migrations.ts";
import { writeJson } from "./environment.ts";
import { migrationSources } from "./migrate-files.ts";
import { createRunId } from "./run-id.ts";
import { type DatabaseEnvironment, openCommandSession, openRecords } from "./session.ts";

/** `slipway migrate status`: a row a migration, from files and ledger. Writes nothing. */
export async function migrateStatus(environment: DatabaseEnvironment): Promise<number> {
  const { config, out } = environment;
  const { migrations } = migrationSources(config);
  const runId = createRunId();
  await using session = await openCommandSession(environment, runId);
  const rows = statusRows(migrations, await readLedger(await openRecords(session, config, runId, "read")));
  if (environment.json) writeJson(out, rows);
  else if (rows.length === 0) out.write("No migration is in the folder, and none in the ledger\n");
  else out.write(formatRows(rows));
  return 0;
}

/** A migration, from its file and its row of the ledger. */
export interface StatusRow {
  readonly version: bigint;
  readonly name: string;
  readonly state: LedgerRow["status"];
  readonly stepsDone: number | undefined;
  readonly stepsTotal: number | undefined;
  /** The step of which nobody knows whether it took effect. */
  readonly stepInFlight: number | undefined;
  readonly takenBackInPart: boolean;
  readonly appliedAt: Date | undefined;
  readonly durationMs: number | undefined;
  readonly checksum: string;
  readonly error: string | undefined;
}

export function statusRows(migrations: readonly Migration[], ledger: readonly LedgerRow[]): StatusRow[] {
  const files = new Map(migrations.map((migration) => [migration.version, migration]));
  const rows = new Map(ledger.map((row) => [row.version, row]));
  const versions = [...new Set([...files.keys(), ...rows.keys()])].sort((a, b) => (a < b ? -1 : 1));
  return versions.map((version) => {
    const file = files.get(version);
    const row = rows.get(version);
    const down = row?.down;
    return {
      version,
      name: file?.name ?? row?.name ?? "",
      state: row?.status ?? "pending",
      stepsDone: row?.statementsDone,
      stepsTotal: row?.statementsTotal,
      stepInFlight: row?.status === "applied" ? down?.statementInflight : row?.statementInflight,
      takenBackInPart:
        down !== undefined && (down.statementsDone > 0 || down.statementInflight !== undefined),
      appliedAt: row?.appliedAt,
      durationMs: row?.durationMs,
      checksum: checksumState(file, row),
      error: row?.status === "failed" ? row.errorMessage : undefined,
    };
  });
}

function checksumState(file: Migration | undefined, row: LedgerRow | undefined): string {
  if (file === undefined) return "file missing";
  return row?.status === "applied" ? fileStateOf(file, row) : "";
}

function formatRows(rows: readonly StatusRow[]): string {
  const table = formatTable(
    ["version", "name", "state", "applied at", "took", "checksum"],
    rows.map((row) => [
      row.version.toString(),
      row.name,
      stateWords(row),
      row.appliedAt?.toISOString() ?? "",
      row.durationMs === undefined ? "" : `${row.durationMs} ms`,
      row.checksum,
    ]),
  );
  const errors = rows.flatMap(({ name, error }) => (error === undefined ? [] : [`\n${name}: ${error}\n`]));
  return `${table}${errors.join("")}`;
}

function stateWords({
  state,
  stepsDone = 0,
  stepsTotal = 0,
  stepInFlight,
  takenBackInPart,
}: StatusRow): string {
  if (stepInFlight !== undefined) return `${state}, step ${stepInFlight} in flight`;
  if (takenBackInPart) return `${state}, taken back in part`;
  return state !== "applied" && stepsDone > 0 ? `${state}, ${stepsDone} of ${stepsTotal} steps done` : state;
}
