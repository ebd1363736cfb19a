import { ERRORS } from "../errors.ts";
import { findDeclarativeState } from "../records/declarative-state.ts";
import { type LedgerRow, readLedger } from "../records/ledger.ts";
import type { Records } from "../records/records.ts";
import { listRuns, type RunRow } from "../records/runs.ts";
import { findUpToDate, readStanding } from "../records/standing.ts";
import { formatTable } from "../report/table.ts";
import { readSourceFiles } from "../source/files.ts";
import { writeJson } from "./environment.ts";
import { createRunId } from "./run-id.ts";
import { type DatabaseEnvironment, openCommandSession, openRecords } from "./session.ts";

export interface StatusOptions {
  /** Exit 3 when these files ask for something that the database is not at. */
  readonly check: boolean;
}

/** `slipway status`: what the database says of itself. Writes nothing. */
export async function statusCommand(
  environment: DatabaseEnvironment,
  options: StatusOptions,
): Promise<number> {
  const { config, out } = environment;
  const files = options.check ? readSourceFiles(config) : undefined;
  const runId = createRunId();
  await using session = await openCommandSession(environment, runId);
  const records = await openRecords(session, config, runId, "read");
  const status = await readStatus(records);
  if (environment.json) writeJson(out, status);
  else out.write(formatStatus(status));
  if (files === undefined) return 0;
  const upToDate = findUpToDate(await readStanding(session, records.schema), files.hash);
  if (!environment.json)
    out.write(upToDate === undefined ? "Something is pending: see `slipway plan`\n" : "Up to date\n");
  return upToDate === undefined ? ERRORS.PENDING.exit : 0;
}

export interface Status {
  readonly database: string;
  readonly server: string;
  readonly schema:
    | { readonly fingerprint: string; readonly appliedAt: Date; readonly managed: readonly string[] }
    | undefined;
  readonly migrations: {
    readonly version: bigint | undefined;
    readonly applied: number;
    readonly pending: number;
    readonly failed: readonly Pick<LedgerRow, "version" | "name" | "errorMessage">[];
  };
  readonly runs: readonly RunRow[];
}

export async function readStatus(records: Records): Promise<Status> {
  const { session } = records;
  const state = await findDeclarativeState(records);
  const ledger = await readLedger(records);
  const count = (status: LedgerRow["status"]): LedgerRow[] => ledger.filter((row) => row.status === status);
  return {
    database: session.target.describe,
    server: session.parameter("server_version"),
    schema:
      state === undefined
        ? undefined
        : { fingerprint: state.fingerprint, appliedAt: state.appliedAt, managed: state.managedSchemas },
    migrations: {
      version: count("applied").at(-1)?.version,
      applied: count("applied").length,
      pending: count("pending").length,
      failed: count("failed").map(({ version, name, errorMessage }) => ({ version, name, errorMessage })),
    },
    runs: await listRuns(records, 5),
  };
}

function formatStatus(status: Status): string {
  const { schema, migrations } = status;
  const lines = [
    `database    ${status.database}, PostgreSQL ${status.server}`,
    schema === undefined
      ? "schema      nothing applied yet"
      : `schema      ${schema.fingerprint.slice(0, 12)}, applied ${schema.appliedAt.toISOString()}, manages ${schema.managed.join(", ") || "nothing"}`,
    `migrations  version ${migrations.version ?? "none"}: ${migrations.applied} applied, ${migrations.failed.length} failed, ${migrations.pending} pending`,
    ...migrations.failed.map((row) => `  failed    ${row.name}: ${row.errorMessage ?? ""}`),
    "",
  ];
  const runs = status.runs.map((run) => [
    run.startedAt.toISOString(),
    run.status,
    run.phases.map((phase) => `${phase.phase} ${phase.outcome}`).join(", ") || "-",
    duration(run),
    run.errorCode ?? "",
    run.pod ?? "",
  ]);
  return `${lines.join("\n")}${formatTable(["started", "run", "phases", "took", "error", "by"], runs)}`;
}

function duration(run: RunRow): string {
  if (run.finishedAt === undefined) return "-";
  return `${((run.finishedAt.getTime() - run.startedAt.getTime()) / 1_000).toFixed(1)} s`;
}
