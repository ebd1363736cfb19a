import { ERRORS, type ErrorCode, SlipwayError, StatementError } from "../errors.ts";

/** What is kept of a failure, so that it can be reported again without running anything. */
export interface RecordedFailure {
  readonly code: string;
  readonly message: string;
  readonly next: string;
  readonly sqlstate?: string;
  readonly reason?: string;
  readonly place?: { readonly file: string; readonly line?: number; readonly column?: number };
  readonly excerpt?: string;
  readonly detail?: string;
}

export function toRecordedFailure(error: SlipwayError): RecordedFailure {
  const base: RecordedFailure = { code: error.code, message: error.message, next: error.next };
  if (!(error instanceof StatementError)) return base;
  const { sqlstate, reason, place, excerpt, detail } = error.failure;
  return {
    ...base,
    sqlstate,
    reason,
    ...(place === undefined ? {} : { place }),
    ...(excerpt === undefined ? {} : { excerpt }),
    ...(detail === undefined ? {} : { detail }),
  };
}

/** The error as it was reported then; undefined for a code that this release does not know. */
export function fromRecordedFailure(recorded: RecordedFailure): SlipwayError | undefined {
  const { code, message, next } = recorded;
  if (!isErrorCode(code)) return undefined;
  return (
    (code === "STATEMENT_FAILED" ? toStatementError(recorded) : undefined) ??
    new SlipwayError(code, message, { next })
  );
}

/** The refused statement; undefined when what failed was none. */
export function toStatementError(recorded: RecordedFailure): StatementError | undefined {
  const { message, next, sqlstate, reason, place, excerpt, detail } = recorded;
  if (sqlstate === undefined || reason === undefined) return undefined;
  return new StatementError(
    message,
    {
      sqlstate,
      reason,
      ...(place === undefined ? {} : { place }),
      ...(excerpt === undefined ? {} : { excerpt }),
      ...(detail === undefined ? {} : { detail }),
    },
    { next },
  );
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
