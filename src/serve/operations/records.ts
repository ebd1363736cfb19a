import { migrationSources } from "../../commands/migrate-files.ts";
import { statusRows } from "../../commands/migrate-status.ts";
import { readLedger } from "../../records/ledger.ts";
import { findRun, listRuns } from "../../records/runs.ts";
import type { Ledger, Run, RunList } from "../schemas/records.ts";
import { toJson } from "./json.ts";
import type { Reader } from "./operation.ts";
import { ApiError } from "./problem.ts";

/** `GET …/migrations`: from files and ledger; without a folder of migrations, the ledger alone. */
export function ledger(reader: Reader): Promise<Ledger> {
  return reader.records(async (records, { config }) => {
    const { migrations } =
      config.migrationsPath === undefined ? { migrations: [] } : migrationSources(config);
    return toJson({ migrations: statusRows(migrations, await readLedger(records)) });
  });
}

/** `GET …/runs`: the newest first. */
export function runs(reader: Reader, limit: number): Promise<RunList> {
  return reader.records(async (records) => toJson({ runs: await listRuns(records, limit) }));
}

/** `GET …/runs/{id}`. */
export async function run(reader: Reader, id: string): Promise<Run> {
  const found = await reader.records((records) => findRun(records, id));
  if (found === undefined) throw new ApiError("NOT_FOUND", `there is no run ${id}`);
  return toJson(found);
}
