/**
 * Named sets of SQLSTATE codes (PostgreSQL manual, appendix A).
 */

/** The server is there but not ready: starting up, shutting down, or out of connection slots. */
export const NOT_UP_YET: ReadonlySet<string> = new Set(["57P03", "57P01", "57P02", "53300"]);

/** A refusal that waiting does not mend: wrong password, no `pg_hba.conf` entry. */
export const AUTHENTICATION: ReadonlySet<string> = new Set(["28000", "28P01"]);

/**
 * Failures of a transaction that leave nothing behind and may pass when the whole of it is tried
 * again. 57014 looks like another, but it is also what a person's `pg_cancel_backend` produces, and
 * retrying would overrule that person.
 */
export const RETRYABLE: ReadonlySet<string> = new Set(["55P03", "40P01", "40001"]);

/** A lock was not granted within `lock_timeout`, or at once where NOWAIT was said. */
export const LOCK_NOT_AVAILABLE: ReadonlySet<string> = new Set(["55P03"]);

/** A statement wants to be alone: a transaction block refuses it, or a procedure in it commits. */
export const REFUSES_TRANSACTION: ReadonlySet<string> = new Set(["25001", "2D000"]);

/** A statement that only a transaction block takes was sent outside of one. */
export const NO_TRANSACTION: ReadonlySet<string> = new Set(["25P01"]);

/** Somebody asked for it: a stop signal of ours, or a person's `pg_cancel_backend`. */
export const CANCELLED: ReadonlySet<string> = new Set(["57014"]);

/** What a session sees when the server or an operator ends it. */
export const SESSION_ENDED: ReadonlySet<string> = new Set(["57P01", "57P02", "57P05", "25P03", "25P04"]);

/** One transaction made more objects than the server's lock table holds (`max_locks_per_transaction`). */
export const OUT_OF_LOCKS: ReadonlySet<string> = new Set(["53200"]);

/** An object that a statement names is not there: schema, table, column, function. */
export const NOT_THERE: ReadonlySet<string> = new Set(["3F000", "42P01", "42703", "42883"]);

/** The role lacks a right (`insufficient_privilege`). */
export const NO_PRIVILEGE: ReadonlySet<string> = new Set(["42501"]);

/** The fields of PostgreSQL's ErrorResponse that slipway uses (manual, "Error and Notice Message Fields"). */
export interface ServerError extends Error {
  readonly code: string;
  readonly severity?: string;
  readonly detail?: string;
  readonly hint?: string;
  /** 1-based, in characters (code points) of the query text. */
  readonly position?: string;
  readonly internalQuery?: string;
  readonly where?: string;
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
}

/** True when the server itself answered with an error, as opposed to a socket or a bug of ours. */
export function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && "code" in error && "severity" in error && typeof error.code === "string";
}

/** True when `error` is a server error whose SQLSTATE is in the set. */
export function hasSqlState(error: unknown, set: ReadonlySet<string>): boolean {
  return isServerError(error) && set.has(error.code);
}
