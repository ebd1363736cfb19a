import { formatStatusTarget } from "../config/config.ts";
import { findUpToDate, type LastRun, readStanding } from "../records/standing.ts";
import { COMPLETED } from "../report/unchanged.ts";
import { readSourceFiles, type SourceConfig, type SourceFiles } from "../source/files.ts";
import { quoteIdent } from "../sql/quote.ts";
import { type Conclusion, writeJson } from "./environment.ts";
import { createRunId } from "./run-id.ts";
import type { Admission } from "./run-locked.ts";
import { causeOf, type RunReport, unchanged } from "./run-report.ts";
import { type DatabaseEnvironment, openCommandSession } from "./session.ts";

/** `slipway run`: bootstrap, declarative schema, user migrations. */
export async function runCommand(environment: DatabaseEnvironment): Promise<Conclusion> {
  const runId = createRunId();
  try {
    const report = await run(environment, runId);
    if (environment.json) writeJson(environment.out, report);
    return { line: COMPLETED, runId, planId: report.planId };
  } catch (error) {
    return { error, runId };
  }
}

export async function run(
  environment: DatabaseEnvironment,
  runId = createRunId(),
  admit?: Admission,
): Promise<RunReport> {
  const { config, log, signal } = environment;
  const files = await readFiles(config);
  for (const warning of files.warnings) log.warn({ at: warning.at }, warning.message);
  // Looking into the files takes longer than asking the database whether they are applied already.
  await using session = await openCommandSession(environment, runId, async () => {
    const { prepareSources } = await import("../source/sources.ts");
    prepareSources(config, files);
  });
  try {
    const schema = quoteIdent(config.stateSchema);
    const isUpToDate = async (): Promise<LastRun | undefined> =>
      findUpToDate(await readStanding(session, schema), files.hash, formatStatusTarget(config));
    const before = await isUpToDate();
    if (before !== undefined) return unchanged(environment, runId, before);

    const { runLocked } = await import("./run-locked.ts");
    return await runLocked({ environment, session, runId, files, isUpToDate, admit });
  } catch (error) {
    throw causeOf(error, signal, session);
  }
}

/** Where a name or a byte is wrong, the contents of the other files are looked into as well: all at once. */
async function readFiles(config: SourceConfig): Promise<SourceFiles> {
  try {
    return readSourceFiles(config);
  } catch (error) {
    const { readSources } = await import("../source/sources.ts");
    readSources(config);
    throw error;
  }
}
