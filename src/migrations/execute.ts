import type { RunContext } from "../context.ts";
import { SlipwayError, StatementError } from "../errors.ts";
import { toStatementError } from "../postgres/failure.ts";
import { withHeartbeat } from "../postgres/heartbeat.ts";
import { resetSession } from "../postgres/reset.ts";
import { retryLocked, sayRetry } from "../postgres/retry.ts";
import { hasSqlState, isServerError, NO_TRANSACTION, RETRYABLE } from "../postgres/sqlstate.ts";
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

export interface Ending {
  /** SQL that writes the end into the ledger; asked for when it is about to be sent. */
  readonly record: () => string;
  /** What brings the session back to how it was, behind the COMMIT. */
  readonly reset?: readonly string[];
}

/**
 * Runs statements and the record of their end in one transaction: again when it lost against another session.
 *
 * BEGIN is in one message with the first statement, and what ends the transaction in one with the last: most
 * files have few statements, and each message is a round trip. The server passes over the rest of a message
 * behind an error.
 */
export async function inTransaction(
  context: RunContext,
  work: Work,
  group: StatementGroup | undefined,
  ending: Ending,
): Promise<void> {
  const { session, config, signal, log } = context;
  let isAgain = false;
  await retryLocked(
    session,
    {
      what: `migration ${work.name}`,
      lockTimeoutMs: config.lockTimeoutMs,
      signal,
      onRetry: sayRetry(log, { migration: work.name }),
    },
    async () => {
      // A statement that it prepared outlived the rollback.
      if (isAgain && ending.reset !== undefined) await resetSession(session);
      isAgain = true;
      try {
        await sendTransaction(context, work, group, ending);
      } catch (error) {
        await session.rollback();
        throw error;
      }
    },
  ).catch((error: unknown) => {
    if (isServerError(error)) throw atCommit(work, error);
    throw error;
  });
}

async function sendTransaction(
  context: RunContext,
  work: Work,
  group: StatementGroup | undefined,
  { record, reset = [] }: Ending,
): Promise<void> {
  const { session, config } = context;
  const begin = [`begin ${group?.beginOptions ?? ""}`, `set local lock_timeout = ${config.lockTimeoutMs}`];
  // The file may have taken a role without rights on slipway's tables.
  const end = (): string[] => [...IN_TRANSACTION, OWN_ROLE, record(), "commit", ...reset];
  const statements = group?.statements ?? [];
  if (statements.length === 0) await send(context, work, undefined, { before: begin, after: end() });
  for (const [index, statement] of statements.entries()) {
    const isLast = index === statements.length - 1;
    await send(context, work, statement, { before: index === 0 ? begin : [], after: isLast ? end() : [] });
    if (!isLast && session.status !== "T") throw transactionEnded(work);
  }
}

/** Fails where no transaction is open, in which the record would be of something else than what it commits with. */
const IN_TRANSACTION = ["savepoint slipway", "release slipway"];

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

function notReset(work: Work, cause: Error): SlipwayError {
  return new SlipwayError(
    "SESSION_LOST",
    `migration ${work.name} is applied, but the session could not be brought back to how it was: ${cause.message}`,
    { cause },
  );
}

/** What is sent in one message with a statement of the file. */
interface Company {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

async function send(
  context: RunContext,
  work: Work,
  statement: SqlStatement | undefined,
  { before, after }: Company = { before: [], after: [] },
): Promise<void> {
  const { session, signal } = context;
  signal.throwIfAborted();
  const head = before.map((sql) => `${sql}; `).join("");
  const message = head + [...(statement === undefined ? [] : [statement.text]), ...after].join("; ");
  try {
    await withHeartbeat(context, `${work.script.path}:${statement?.line ?? 1}`, () =>
      session.execute(message),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!isServerError(error)) throw error;
    if (session.completed.includes("COMMIT")) throw notReset(work, error);
    if (hasSqlState(error, RETRYABLE) && session.status !== "I") throw error;
    const isBehind = session.completed.length > before.length;
    if (isBehind && hasSqlState(error, NO_TRANSACTION)) throw transactionEnded(work);
    if (isBehind || statement === undefined) throw error;
    const part = { script: work.script, start: statement.start, sql: statement.text, before: head };
    throw toStatementError(`migration ${work.name} failed`, error, part, nextAfter(work));
  }
}
