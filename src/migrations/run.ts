import { createHash } from "node:crypto";
import type { RunContext } from "../context.ts";
import { SlipwayError, StatementError } from "../errors.ts";
import { redact } from "../log/redact.ts";
import { toStatementError } from "../postgres/failure.ts";
import { withHeartbeat } from "../postgres/heartbeat.ts";
import { RESET, resetSession } from "../postgres/reset.ts";
import { retryLocked, sayRetry } from "../postgres/retry.ts";
import type { Session } from "../postgres/session.ts";
import {
  CANCELLED,
  hasSqlState,
  isServerError,
  REFUSES_TRANSACTION,
  RETRYABLE,
} from "../postgres/sqlstate.ts";
import {
  type Attempt,
  appliedSql,
  COLUMNS,
  claim,
  type Direction,
  doneSql,
  inflightSql,
  type LedgerRow,
  type Progress,
  type RecordedFailure,
  recordDownFailed,
  recordFailed,
} from "../records/ledger.ts";
import { classifyStatement } from "../sql/classify.ts";
import type { FileClass, StatementGroup } from "../sql/file-class.ts";
import type { Script } from "../sql/script.ts";
import type { SqlStatement } from "../sql/split.ts";
import { dropInvalidIndexes } from "./concurrent-index.ts";
import { findUnknownOutcome, finishDetach } from "./outcome.ts";
import { nextAfterFailure, toRecordedFailure } from "./reconcile.ts";
import { OWN_ROLE, roleOf, settingsOf } from "./session-state.ts";

/** One file ready to run, in one direction. */
export interface Work {
  readonly direction: Direction;
  readonly version: bigint;
  readonly name: string;
  readonly checksum: string;
  readonly sqlChecksum: string;
  readonly script: Script;
  readonly fileClass: FileClass;
  /** What the ledger says of earlier attempts. */
  readonly row: LedgerRow | undefined;
  /** SQL that writes the end into the ledger: in the file's own transaction where it has one. */
  readonly finish: (durationMs: number) => string;
}

/** True when effect and ledger row can be one transaction. */
export function isOneTransaction(fileClass: FileClass): boolean {
  return (
    fileClass.groups.length <= 1 && fileClass.groups.every(({ transactional }) => transactional === true)
  );
}

export function toAttempt(work: Omit<Work, "finish">): Attempt {
  return {
    version: work.version,
    name: work.name,
    checksum: work.checksum,
    sqlChecksum: work.sqlChecksum,
    transactional: isOneTransaction(work.fileClass),
    steps: work.fileClass.groups.length,
  };
}

/**
 * Runs one file in a session as it was at connect: nothing of an earlier file reaches it. A failure is recorded in the ledger and thrown; what the server, the lock or a signal
 * caused is no failure of the file and is not recorded as one.
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
  const finish = (): string => work.finish(performance.now() - start);
  await inTransaction(context, work, group, finish, `begin; ${RESET}; commit; `);
  if (/advisory_unlock/i.test(work.script.text)) await context.lock?.assertHeld();
}

/** Steps of their own transactions or of none, each recorded; goes on after the last complete one. */
async function runInSteps(context: RunContext, work: Work, start: number): Promise<void> {
  const { records, session } = context;
  const { groups } = work.fileClass;
  const done = stepsToSkip(work, groups);
  await resetSession(session);
  if (work.direction === "up") await claim(records, toAttempt(work));
  for (const setting of settingsOf(groups.slice(0, done))) await session.execute(setting);
  await takeRole(session, roleOf(groups.slice(0, done)));
  for (const [index, group] of groups.entries()) {
    const step = index + 1;
    if (step <= done) continue;
    context.signal.throwIfAborted();
    const role = { before: roleOf(groups.slice(0, index)), after: roleOf(groups.slice(0, step)) };
    const recorded = doneSql(records, work.direction, work.version, step, hashOfSteps(groups.slice(0, step)));
    const isInflight = progressOf(work)?.statementInflight === step;
    const isDone =
      (!isInflight || group.transactional === true) &&
      (await ranInTransaction(context, work, group, recorded, role.before));
    if (!isDone) {
      if (!isInflight || !(await isDoneAlready(context, work, group, step))) {
        const mark = (inflight: number | undefined): Promise<void> =>
          record(context, inflightSql(records, work.direction, work.version, inflight));
        await mark(step);
        await takeRole(session, role.before);
        try {
          for (const statement of group.statements) await runAlone(context, work, statement);
        } catch (error) {
          // The server has answered, so that the outcome is known.
          if (!session.closed.aborted) await mark(undefined).catch(() => undefined);
          throw error;
        }
      }
      await record(context, recorded);
    }
    await context.lock?.assertHeld();
    await takeRole(session, role.after);
  }
  await session.execute(`${OWN_ROLE}; ${work.finish(performance.now() - start)}`);
}

/**
 * False when the statement turns out to refuse a transaction, which has left nothing behind: a directive asks
 * for none, and most of what stands under one can have it, together with its record.
 */
async function ranInTransaction(
  context: RunContext,
  work: Work,
  group: StatementGroup,
  recorded: string,
  role: string | undefined,
): Promise<boolean> {
  if (group.transactional === false) return false;
  try {
    await inTransaction(context, work, group, () => recorded);
    return true;
  } catch (error) {
    const isRefused = error instanceof SlipwayError && hasSqlState(error.cause, REFUSES_TRANSACTION);
    if (group.transactional === true || !isRefused) throw error;
    await takeRole(context.session, role);
    return false;
  }
}

/**
 * Writes into the ledger, in slipway's own role. A stop signal cancels what is at work, once: it may come too
 * late for the statement, and must not keep its end from being recorded.
 */
async function record(context: RunContext, sql: string): Promise<void> {
  const { session, signal } = context;
  const write = (): Promise<unknown> => session.execute(`${OWN_ROLE}; ${sql}`);
  await write().catch(async (error: unknown) => {
    if (!signal.aborted || !hasSqlState(error, CANCELLED)) throw error;
    await write();
  });
}

async function takeRole(session: Session, role: string | undefined): Promise<void> {
  if (role !== undefined) await session.execute(role);
}

/** What the ledger says of an earlier attempt that did not come to its end. */
function progressOf({ row, direction }: Pick<Work, "row" | "direction">): Progress | undefined {
  if (row === undefined) return undefined;
  if (direction === "down") return row.down;
  return row.status === "applied" ? undefined : row;
}

/**
 * Complete steps of an earlier attempt are left out, if the file still begins with them. The hash may be of
 * fewer steps than are done: a person who looked may have counted one on (see OUTCOME_UNKNOWN).
 */
function stepsToSkip(work: Work, groups: readonly StatementGroup[]): number {
  const { statementsDone: done = 0, doneHash } = progressOf(work) ?? {};
  if (done === 0) return 0;
  const isKnown = (steps: number): boolean => hashOfSteps(groups.slice(0, steps)) === doneHash;
  const prefixes = Array.from({ length: Math.min(done, groups.length) }, (_, index) => index + 1);
  if (done <= groups.length && (doneHash === undefined || prefixes.some(isKnown))) return done;
  throw new SlipwayError(
    "HISTORY_MISMATCH",
    `${work.script.path}: the first ${done} of its steps are done, and were changed since`,
    {
      next: `put these statements back as they were and change only what comes after; or undo them and start over: ${startOver(work)}`,
    },
  );
}

function startOver({ direction, version }: Work): string {
  return direction === "up"
    ? `slipway migrate resolve ${version} --as-pending`
    : `update migrations.app set ${COLUMNS.down.done} = 0 where version = ${version}`;
}

function hashOfSteps(groups: readonly StatementGroup[]): string {
  const hash = createHash("sha256");
  for (const statement of groups.flatMap((group) => group.statements)) {
    hash.update(`${statement.text.replaceAll("\r\n", "\n")}\n;\n`);
  }
  return hash.digest("hex");
}

/** The process died in this very step: what can be seen of it in the database decides. */
async function isDoneAlready(
  context: RunContext,
  work: Work,
  group: StatementGroup,
  step: number,
): Promise<boolean> {
  const { session, log } = context;
  for (const statement of group.statements) {
    const outcome = await findUnknownOutcome(session, statement);
    if (outcome === "done") continue;
    if (outcome === "again") return false;
    throw outcomeUnknown(work, statement, step);
  }
  log.info({ migration: work.name, step }, "An earlier run had completed this step");
  return true;
}

function outcomeUnknown(work: Work, statement: SqlStatement, step: number): SlipwayError {
  const again = work.direction === "up" ? "run again" : "slipway migrate down";
  return new SlipwayError(
    "OUTCOME_UNKNOWN",
    `${work.script.path}:${statement.line}: an earlier run ended inside step ${step} of ${work.fileClass.groups.length}, and whether it took effect cannot be seen from here: ${classifyStatement(statement).summary}`,
    {
      next: `look whether it took effect; if so: slipway migrate resolve ${work.version} --as-applied; if not: slipway migrate retry ${work.version}; then ${again}`,
    },
  );
}

async function runAlone(context: RunContext, work: Work, statement: SqlStatement): Promise<void> {
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
    { next: nextAfterFailure(work.name, work.version) },
  );
}

async function inTransaction(
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
  return toStatementError(
    `migration ${work.name} failed at its commit`,
    error,
    part,
    nextAfterFailure(work.name, work.version),
  );
}

function transactionEnded(work: Work): SlipwayError {
  return new SlipwayError("STATEMENT_FAILED", `migration ${work.name} ended the transaction it runs in`, {
    next: nextAfterFailure(work.name, work.version),
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
    throw toStatementError(
      `migration ${work.name} failed`,
      error,
      part,
      nextAfterFailure(work.name, work.version),
    );
  }
}

/** How the end of an up migration is written into the ledger. */
export function finishUp(context: RunContext, work: Omit<Work, "finish">): Work["finish"] {
  return (durationMs) => appliedSql(context.records, toAttempt(work), durationMs);
}
