import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import { redact } from "../log/redact.ts";
import { RESET, resetSession } from "../postgres/reset.ts";
import { recordDownFailed, recordFailed } from "../records/ledger.ts";
import { type RecordedFailure, toRecordedFailure } from "../records/recorded-failure.ts";
import { inTransaction } from "./execute.ts";
import { runInSteps } from "./steps.ts";
import { isOneTransaction, toAttempt, type Work } from "./work.ts";

/**
 * Runs one file in a session that is as it was at connect, and leaves it so: nothing of a file reaches the next.
 * A failure is recorded in the ledger and thrown; what the server, the lock or a signal caused is no failure of the file and is not
 * recorded as one.
 */
export async function runFile(context: RunContext, work: Work): Promise<void> {
  const start = performance.now();
  try {
    if (isOneTransaction(work.fileClass)) await runInTransaction(context, work, start);
    else await runInSteps(context, work, start);
  } catch (error) {
    await context.session.rollback();
    if (error instanceof SlipwayError && isFaultOfFile(error)) {
      // Of a file in steps, an earlier one may have taken a role without rights on slipway's tables.
      await resetSession(context.session);
      const failure = JSON.parse(redact(JSON.stringify(toRecordedFailure(error)))) as RecordedFailure;
      const message = failure.reason === undefined ? error.message : `${failure.sqlstate} ${failure.reason}`;
      const durationMs = performance.now() - start;
      if (work.direction === "up")
        await recordFailed(context.records, toAttempt(work), failure, message, durationMs);
      else await recordDownFailed(context.records, work, failure, message, durationMs);
    }
    throw error;
  }
}

function isFaultOfFile(error: SlipwayError): boolean {
  return error.code === "STATEMENT_FAILED";
}

async function runInTransaction(context: RunContext, work: Work, start: number): Promise<void> {
  const [group] = work.fileClass.groups;
  const record = (): string => work.finish(performance.now() - start);
  await inTransaction(context, work, group, { record, reset: RESET });
  if (/advisory_unlock/i.test(work.script.text)) await context.lock?.assertHeld();
}
