import { ERRORS, formatProblem, type Problem, ProblemsError } from "../errors.ts";
import { type Finding, findContradictions, findGaps } from "../migrations/findings.ts";
import { type LedgerRow, readLedger } from "../records/ledger.ts";
import { inflightOf } from "../records/mend.ts";
import { findSourceFiles } from "../source/files.ts";
import { inspectSources } from "../source/sources.ts";
import { writeJson } from "./environment.ts";
import { requireFolder } from "./migrate-files.ts";
import { createRunId } from "./run-id.ts";
import { type DatabaseEnvironment, openCommandSession, openRecords } from "./session.ts";

/**
 * `slipway migrate verify`: holds files and ledger against each other, runs nothing and writes nothing. Exit 35
 * where a run would be refused, 3 where there is something to look at, 11 where files can't be run.
 */
export async function migrateVerify(environment: DatabaseEnvironment): Promise<number> {
  const { config, out } = environment;
  requireFolder(config);
  const alone = { ...config, schemaPath: undefined };
  const files = findSourceFiles(alone);
  const migrations = files.migrations ?? [];
  const problems = [...files.problems, ...inspectSources(alone, files).flatMap((each) => each.problems)];
  if (problems.length > 0) throw new ProblemsError("SOURCE_INVALID", problems);
  const runId = createRunId();
  await using session = await openCommandSession(environment, runId);
  const ledger = await readLedger(await openRecords(session, config, runId, "read"));

  const histories = { migrations, ledger };
  const versions = migrations.map(({ version }) => version);
  const findings: readonly Finding[] = [
    ...findContradictions(histories, config),
    ...findGaps(histories, versions, config.gap),
    ...files.warnings.map(toFinding),
    ...ledger.flatMap(ofState),
  ];
  if (environment.json) writeJson(out, findings);
  else for (const each of findings) out.write(`${each.severity}: ${formatProblem(toProblem(each))}\n`);
  const errors = findings.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new ProblemsError("HISTORY_MISMATCH", errors.map(toProblem));
  if (findings.length > 0) return ERRORS.PENDING.exit;
  if (!environment.json) {
    out.write(`${migrations.length} migrations and ${ledger.length} ledger rows agree\n`);
  }
  return 0;
}

function toProblem({ at, message, next }: Finding): Problem {
  return { at, message, hint: next };
}

function toFinding({ at, message, hint }: Problem): Finding {
  return { severity: "warning", at, message, next: hint ?? "see whether it is meant so" };
}

/** What an attempt left that a person has to look at. */
function ofState(row: LedgerRow): Finding[] {
  const inflight = inflightOf(row);
  if (inflight !== undefined) {
    return [
      {
        severity: "warning",
        at: "the ledger",
        message: `step ${inflight.step} of ${row.name} (${inflight.direction}) was begun, and its end is not recorded`,
        next: "run again: what became of it is looked up, or you are told what to look at",
      },
    ];
  }
  if (row.status !== "failed") return [];
  return [
    {
      severity: "warning",
      at: "the ledger",
      message: `${row.name} failed${row.errorMessage === undefined ? "" : `: ${row.errorMessage}`}`,
      next: `correct ${row.name}.up.sql, or slipway migrate retry ${row.version}`,
    },
  ];
}
