import { readSchemaStatus } from "../../commands/schema-status.ts";
import { readStatus } from "../../commands/status.ts";
import { findBootstrapState } from "../../records/bootstrap-state.ts";
import { RELEASE } from "../../release.ts";
import { readSources } from "../../source/sources.ts";
import type { Status } from "../schemas/internal-schema.ts";
import type { Problem } from "../schemas/problem.ts";
import { toJson } from "./json.ts";
import type { Memo } from "./memo.ts";
import type { Reader } from "./operation.ts";
import { findOutlook, type Outlook } from "./outlook.ts";
import { toProblem } from "./problem.ts";

/** `GET …/status`. What is recorded is told even where nobody can say what is pending. */
export async function status(reader: Reader, memo: Memo<Outlook>, caller: Status["caller"]): Promise<Status> {
  const recorded = await reader.records(async (records, { config }) => ({
    state: await readStatus(records),
    declarative: await readSchemaStatus(records),
    bootstrapped: (await findBootstrapState(records)) !== undefined,
    schema_dir: config.schemaPath ?? null,
  }));
  const { state, declarative, ...rest } = recorded;
  const { outlook, problem } = await tryOutlook(reader, memo);
  const { applied, failed, pending, version } = state.migrations;
  return toJson({
    ...rest,
    has_imperative_migrations: applied + failed.length + pending > 0,
    last_migration_version: version ?? null,
    has_declarative_state: declarative.applied !== null,
    schema_fingerprint: declarative.applied?.fingerprint ?? null,
    pending_changes: outlook?.changes ?? null,
    pending_migrations: outlook?.migrations ?? null,
    has_destructive_changes: outlook?.destructive ?? null,
    up_to_date: outlook?.upToDate ?? false,
    problem,
    release: RELEASE,
    caller,
    state,
    declarative,
  });
}

interface Found {
  readonly outlook: Outlook | undefined;
  readonly problem: Problem | null;
}

async function tryOutlook(reader: Reader, memo: Memo<Outlook>): Promise<Found> {
  try {
    const outlook = await reader.context(
      ({ config }) => readSources(config),
      (context) => findOutlook(context, memo),
    );
    return { outlook, problem: null };
  } catch (error) {
    return { outlook: undefined, problem: toProblem(error) };
  }
}
