import type { RunContext } from "../context.ts";
import { SlipwayError, StatementError } from "../errors.ts";
import { toStatementError } from "../postgres/failure.ts";
import { withHeartbeat } from "../postgres/heartbeat.ts";
import { retryLocked, sayRetry } from "../postgres/retry.ts";
import { hasSqlState, isServerError, RETRYABLE } from "../postgres/sqlstate.ts";
import type { StatementGroup } from "../sql/file-class.ts";
import type { SqlStatement } from "../sql/split.ts";
import { dropInvalidIndexes } from "./concurrent-index.ts";
import { finishDetach } from "./outcome.ts";
import { OWN_ROLE } from "./session-state.ts";
import { nextAfter, type Work } from "./work.ts";

/** Runs one statement outside of any transaction. */
export async function runAlone(context: RunContext, work: Work, statement: SqlStatement): Promise<void> {
  const { session, log } = context;
  if (await finishDetach(session, statement)) return;
  await dropInvalidIndexes(session, statement, log);
  // lock_timeout also ends the waiting of a concurrent build for old snapshots, and leaves an invalid index.
  await session.execute("set lock_timeout = 0");
  try {
    await send(context, work, statement);
  } catch (error) {
    // Not only useless: what is left of a unique index already refuses rows.
    if (error instanceof StatementError && error.failure.sqlstate === "23505") {
      await dropInvalidIndexes(session, statement, log);
    }
    throw error;
  }
  if (!(await dropInvalidIndexes(session, statement, log))) return;
  throw new SlipwayError(
    "STATEMENT_FAILED",
    `${work.script.path}:${statement.line}: the index was left invalid`,
    { next: nextAfter(work) },
  );
}

/** Runs statements and `record`, which writes their end into the ledger, in one transaction: again when it lost against another session. */
export async function inTransaction(
  context: RunContext,
  work: Work,
  group: StatementGroup | undefined,
  record: () => string,
  before = "",
): Promise<void> {
  const { session, config, signal, log } = context;
  const begin = `${before}begin ${group?.beginOptions ?? ""}; set local lock_timeout = ${config.lockTimeoutMs}`;
  await retryLocked(
    session,
    {
      what: `migration ${work.name}`,
      lockTimeoutMs: config.lockTimeoutMs,
      signal,
      onRetry: sayRetry(log, { migration: work.name }),
    },
    () =>
      session.transaction(
        async () => {
          for (const statement of group?.statements ?? []) await send(context, work, statement);
          if (session.status !== "T") throw transactionEnded(work);
        },
        // The file may have taken a role without rights on slipway's tables.
        { begin, end: () => `${OWN_ROLE}; ${record()}` },
      ),
  ).catch((error: unknown) => {
    if (isServerError(error)) throw atCommit(work, error);
    throw error;
  });
}

/** Deferred constraints speak up at COMMIT: the file's fault, at no statement in particular. */
function atCommit(work: Work, error: Parameters<typeof toStatementError>[1]): SlipwayError {
  const last = work.script.statements.at(-1);
  const part = { script: work.script, start: last?.start ?? 0, sql: last?.text ?? "" };
  return toStatementError(`migration ${work.name} failed at its commit`, error, part, nextAfter(work));
}

function transactionEnded(work: Work): SlipwayError {
  return new SlipwayError("STATEMENT_FAILED", `migration ${work.name} ended the transaction it runs in`, {
    next: nextAfter(work),
  });
}

async function send(context: RunContext, work: Work, statement: SqlStatement): Promise<void> {
  const { session, signal } = context;
  signal.throwIfAborted();
  try {
    await withHeartbeat(context, `${work.script.path}:${statement.line}`, () =>
      session.execute(statement.text),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!isServerError(error)) throw error;
    if (hasSqlState(error, RETRYABLE) && session.status !== "I") throw error;
    const part = { script: work.script, start: statement.start, sql: statement.text };
    throw toStatementError(`migration ${work.name} failed`, error, part, nextAfter(work));
  }
}
