import { StatementError, type StatementFailure } from "../errors.ts";
import { offsetOfServerPosition } from "../sql/position.ts";
import type { Script } from "../sql/script.ts";
import { adviceFor } from "./advice.ts";
import { hasSqlState, NOT_THERE, type ServerError } from "./sqlstate.ts";

/** The piece of a script that was sent in one message. */
export interface SentPart {
  readonly script: Script;
  /** Where the piece starts in `script.text`. */
  readonly start: number;
  readonly sql: string;
  /** What stood before it in the same message, of which the server's position counts the characters too. */
  readonly before?: string;
}

/** Translates PostgreSQL's answer into an error that says where in the user's file it happened, and why. */
export function toStatementError(
  what: string,
  error: ServerError,
  part: SentPart,
  next: string,
): StatementError {
  const offset = offsetOf(error, part);
  const failure = describeFailure(error);
  // What stands behind it in the same message is none of the user's business.
  const isIncomplete = offset === part.start + part.sql.length;
  const reason = isIncomplete
    ? failure.reason.replace(/ at or near ";"$/, " at end of input")
    : failure.reason;
  return new StatementError(
    what,
    { ...failure, reason, place: part.script.placeOf(offset), excerpt: part.script.excerptOf(offset) },
    { cause: error, next: joinAdvice(error, next) },
  );
}

/** The same for a statement that slipway wrote itself: there is no file to point to. */
export function toPlanStatementError(
  what: string,
  error: ServerError,
  sql: string,
  next: string,
): StatementError {
  const first = sql.split("\n", 1)[0] ?? sql;
  return new StatementError(
    what,
    { ...describeFailure(error), excerpt: `  ${first.length > 200 ? `${first.slice(0, 199)}…` : first}` },
    { cause: error, next: joinAdvice(error, next) },
  );
}

function describeFailure(error: ServerError): StatementFailure {
  return {
    sqlstate: error.code,
    reason: error.message,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    ...(error.hint === undefined ? {} : { pgHint: error.hint }),
    ...(error.where === undefined ? {} : { context: error.where }),
  };
}

function joinAdvice(error: ServerError, next: string): string {
  const advice = adviceForRoutine(error) ?? adviceFor(error.code, error.message);
  return advice === undefined ? next : `${advice}; then ${next}`;
}

/**
 * Something is missing to a function that the statement runs: an index's, a default's. Since 17 PostgreSQL
 * runs those of an index or a materialized view under a search_path of its own (manual, CREATE INDEX).
 */
function adviceForRoutine(error: ServerError): string | undefined {
  const name = /(?:PL\/pgSQL|SQL) function "?([^\n"]+?)"? (?:line|statement|during)/.exec(
    error.where ?? "",
  )?.[1];
  if (name === undefined || name === "inline_code_block" || !hasSqlState(error, NOT_THERE)) return undefined;
  return `${name} looks in the wrong schemas when this statement runs it: qualify the names in its body, or give it SET search_path`;
}

function offsetOf(error: ServerError, part: SentPart): number {
  if (error.position !== undefined) {
    const { before = "" } = part;
    return part.start + offsetOfServerPosition(before + part.sql, Number(error.position)) - before.length;
  }
  return part.start + (offsetInBlock(error, part.sql) ?? 0);
}

/**
 * A DO block's run-time error comes without a position, but its context names the line of the body
 * (`PL/pgSQL function inline_code_block line 4 at RAISE`), counted from the line of the opening quote.
 */
function offsetInBlock(error: ServerError, sql: string): number | undefined {
  const line = /inline_code_block line (\d+)/.exec(error.where ?? "")?.[1];
  const quote = /\$[A-Za-z_\d]*\$/.exec(sql)?.index;
  if (line === undefined || quote === undefined) return undefined;
  let offset = quote;
  for (let left = Number(line) - 1; left > 0; left -= 1) {
    const feed = sql.indexOf("\n", offset);
    if (feed === -1) return undefined;
    offset = feed + 1;
  }
  return offset === quote ? quote : offset + (/^\s*/.exec(sql.slice(offset))?.[0].length ?? 0);
}
