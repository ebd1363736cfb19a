import { SlipwayError, type StatementError } from "../errors.ts";
import { toStatementError } from "../postgres/failure.ts";
import type { Session } from "../postgres/session.ts";
import { hasSqlState, isServerError, OUT_OF_LOCKS, type ServerError } from "../postgres/sqlstate.ts";
import type { Script } from "../sql/script.ts";
import type { SqlStatement } from "../sql/split.ts";

interface Pending {
  readonly script: Script;
  readonly statement: SqlStatement;
  error?: ServerError;
}

const NEXT = "run again";

/**
 * Runs the desired files in the transaction that is open. Files may refer to each other in any order:
 * they are sent whole, as they come; once one fails, every statement goes by itself, and those that
 * fail are tried again after the others for as long as that helps.
 */
export async function loadScripts(
  session: Session,
  scripts: readonly Script[],
  searchPath?: string,
): Promise<void> {
  await session.execute("savepoint slipway_load");
  const whole = await sendWhole(session, scripts, searchPath);
  if (whole) {
    await session.execute("release savepoint slipway_load");
    return;
  }
  await session.execute("rollback to savepoint slipway_load");
  await sendPiecewise(session, scripts, searchPath);
}

async function sendWhole(
  session: Session,
  scripts: readonly Script[],
  searchPath?: string,
): Promise<boolean> {
  for (const script of scripts) {
    await resetSearchPath(session, searchPath);
    try {
      await session.execute(script.text);
    } catch (error) {
      if (!isServerError(error) || isToStop(error)) throw error;
      return false;
    }
  }
  return true;
}

/** The same outside of a transaction: for what outgrows one, where nobody minds the pieces. */
export async function loadScriptsInPieces(
  session: Session,
  scripts: readonly Script[],
  searchPath: string,
): Promise<void> {
  await sendPiecewise(session, scripts, searchPath);
}

async function sendPiecewise(
  session: Session,
  scripts: readonly Script[],
  searchPath?: string,
): Promise<void> {
  let pending: Pending[] = scripts.flatMap((script) =>
    script.statements.map((statement) => ({ script, statement })),
  );
  while (pending.length > 0) {
    const failed: Pending[] = [];
    let file: Script | undefined;
    for (const each of pending) {
      if (each.script !== file) await resetSearchPath(session, searchPath);
      file = each.script;
      const error = await trySend(session, each.statement.text);
      if (error !== undefined) failed.push({ ...each, error });
    }
    if (failed.length === pending.length) throw brokenFiles(failed);
    pending = failed;
  }
}

async function trySend(session: Session, sql: string): Promise<ServerError | undefined> {
  const nested = session.status !== "I";
  if (nested) await session.execute("savepoint slipway_statement");
  try {
    await session.execute(sql);
    if (nested) await session.execute("release savepoint slipway_statement");
    return undefined;
  } catch (error) {
    if (!isServerError(error) || isToStop(error)) throw error;
    if (nested) await session.execute("rollback to savepoint slipway_statement");
    return error;
  }
}

/** A cancel is somebody's wish to stop; neither it nor a full lock table says that another order would help. */
function isToStop(error: ServerError): boolean {
  return error.code === "57014" || hasSqlState(error, OUT_OF_LOCKS);
}

/** Each file starts from the same search_path: a SET in one must not decide where another's tables go. */
async function resetSearchPath(session: Session, searchPath: string | undefined): Promise<void> {
  if (searchPath === undefined) await session.execute("reset search_path");
  else await session.query("select pg_catalog.set_config('search_path', $1, false)", [searchPath]);
}

function brokenFiles(failed: readonly Pending[]): StatementError {
  const [first] = failed;
  if (first?.error === undefined) throw new SlipwayError("STATEMENT_FAILED", "the desired files failed");
  const { script, statement, error } = first;
  const more = failed.length > 1 ? ` (and ${failed.length - 1} statements more)` : "";
  return toStatementError(
    `the desired schema cannot be built${more}`,
    error,
    { script, start: statement.start, sql: statement.text },
    NEXT,
  );
}
