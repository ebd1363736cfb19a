import { createHash } from "node:crypto";
import type { RunContext } from "../context.ts";
import { SlipwayError } from "../errors.ts";
import { resetSession } from "../postgres/reset.ts";
import type { Session } from "../postgres/session.ts";
import { CANCELLED, hasSqlState, REFUSES_TRANSACTION } from "../postgres/sqlstate.ts";
import { COLUMNS, claim, doneSql, inflightSql, type Progress } from "../records/ledger.ts";
import { classifyStatement } from "../sql/classify.ts";
import type { StatementGroup } from "../sql/file-class.ts";
import type { SqlStatement } from "../sql/split.ts";
import { inTransaction, runAlone } from "./execute.ts";
import { findUnknownOutcome } from "./outcome.ts";
import { OWN_WRITE, roleOf, settingsOf } from "./session-state.ts";
import { toAttempt, type Work } from "./work.ts";

/** Steps of their own transactions or of none, each recorded; goes on after the last complete one. */
export async function runInSteps(context: RunContext, work: Work, start: number): Promise<void> {
  const { records, session } = context;
  const { groups } = work.fileClass;
  const done = stepsToSkip(work, groups);
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
  await session.execute(`${OWN_WRITE}; ${work.finish(performance.now() - start)}`);
  await resetSession(session);
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
    await inTransaction(context, work, group, { record: () => recorded });
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
  const write = (): Promise<unknown> => session.execute(`${OWN_WRITE}; ${sql}`);
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
