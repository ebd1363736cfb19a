import { formatPlace, SlipwayError, type StatementError } from "../errors.ts";
import { toStatementError } from "../postgres/failure.ts";
import type { Session } from "../postgres/session.ts";
import { hasSqlState, isServerError, OUT_OF_LOCKS, type ServerError } from "../postgres/sqlstate.ts";
import { quoteLiteral } from "../sql/quote.ts";
import type { Script } from "../sql/script.ts";
import type { SqlStatement } from "../sql/split.ts";
import { describe } from "../sql/summary.ts";
import { prepareLoadChecks } from "./loaded.ts";

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
  const requireSound = await prepareLoadChecks(session, scripts);
  await session.execute("savepoint slipway_load");
  if (await sendWhole(session, scripts, searchPath)) {
    await session.execute("release savepoint slipway_load");
  } else {
    await session.execute("rollback to savepoint slipway_load");
    await sendPiecewise(session, scripts, searchPath);
  }
  await requireSound();
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
  const requireSound = await prepareLoadChecks(session, scripts);
  await sendPiecewise(session, scripts, searchPath);
  await requireSound();
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

/** Each file starts from the same search_path and role: a SET in one must not decide where another's tables go. */
async function resetSearchPath(session: Session, searchPath: string | undefined): Promise<void> {
  const path =
    searchPath === undefined
      ? "reset search_path"
      : `select pg_catalog.set_config('search_path', ${quoteLiteral(searchPath)}, false)`;
  await session.execute(`reset role; ${path}`);
}

/**
 * Of statements that all fail, most only miss what another of them would have made: the one to be mended is
 * the first that doesn't. Where there is none, they wait for each other in a circle.
 */
function brokenFiles(failed: readonly Pending[]): StatementError {
  const root = failed.find((each) => !failed.some((other) => other !== each && isMissing(each, other)));
  const shown = root ?? failed[0];
  if (shown?.error === undefined) throw new SlipwayError("STATEMENT_FAILED", "the desired files failed");
  const { script, statement, error } = shown;
  const more = failed.length > 1 ? ` (and ${failed.length - 1} statements more)` : "";
  const what =
    root === undefined
      ? `the desired schema cannot be built, these wait for each other: ${failed.slice(0, 5).map(label).join(", ")}`
      : `the desired schema cannot be built${more}`;
  const place = { script, start: statement.start, sql: statement.text };
  return toStatementError(what, error, place, root === undefined ? NEXT_OF_CIRCLE : NEXT);
}

const NEXT_OF_CIRCLE =
  "take a foreign key out of one of these tables and add it with `alter table … add foreign key`, then run again";

function label({ script, statement }: Pending): string {
  return `${describe(statement.text).summary} (${formatPlace(script.placeOf(statement.start))})`;
}

/** True when what one statement fails for is what the other would make. */
function isMissing({ error }: Pending, other: Pending): boolean {
  if (error === undefined || !MISSING.has(error.code)) return false;
  const { verb, summary } = describe(other.statement.text);
  if (!verb.startsWith("create ")) return false;
  const made = summary.slice(verb.length + 1).replaceAll('"', "");
  // Quoted or not, in whatever language the server speaks.
  const words: readonly string[] = error.message.match(/[\p{L}\p{N}_.$]+/gu) ?? [];
  return words.includes(made) || words.includes(made.split(".").at(-1) ?? made);
}

/** undefined_table, undefined_object (a type), undefined_function, invalid_schema_name */
const MISSING: ReadonlySet<string> = new Set(["42P01", "42704", "42883", "3F000"]);
