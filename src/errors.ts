/**
 * Every way slipway can stop. Codes and exit numbers are public: added to, never renumbered.
 *
 * The tens say who has to act. Tens: nothing was contacted. Twenties: the surroundings failed, try
 * again. Thirties: a person must act. Forties: the world moved, try again. The Job's
 * `podFailurePolicy` is generated from this table.
 */
export const ERRORS = {
  USAGE: { exit: 2, hint: "run `slipway --help`" },
  PENDING: { exit: 3, hint: "run `slipway run` to apply what is pending" },
  CONFIG_INVALID: { exit: 10, hint: "fix every setting listed; nothing was contacted" },
  SOURCE_INVALID: { exit: 11, hint: "fix every file listed; nothing was changed" },
  DATABASE_UNREACHABLE: {
    exit: 20,
    hint: "check host, port, network policy and credentials; it is safe to run again",
  },
  LOCK_BUSY: {
    exit: 21,
    hint: "another run holds the lock; it is safe to run again, or raise SLIPWAY_LOCK_WAIT",
  },
  SESSION_LOST: { exit: 22, hint: "it is safe to run again: the next run finds out what was committed" },
  TABLE_LOCKED: {
    exit: 23,
    hint: "end the blocking session or raise SLIPWAY_LOCK_TIMEOUT; it is safe to run again",
  },
  WAIT_TIMEOUT: { exit: 24, hint: "look at the run that should have finished: `slipway status`" },
  STATEMENT_FAILED: { exit: 30, hint: "fix the statement and run again; what was committed before it stays" },
  APPROVAL_REQUIRED: {
    exit: 31,
    hint: "read the plan (`slipway plan`), then approve exactly that plan by its id",
  },
  OUTCOME_UNKNOWN: { exit: 32, hint: "look at the database, then record what you found" },
  DRIFT_REFUSED: { exit: 33, hint: "see `slipway schema validate`; undo the change, or set `drift: apply`" },
  RECORDS_TOO_NEW: { exit: 34, hint: "use a slipway at least as new as the one that ran last" },
  HISTORY_MISMATCH: { exit: 35, hint: "see `slipway migrate status`" },
  UNSAFE_DATABASE: {
    exit: 36,
    hint: "connect directly to the primary with a role that has the rights named",
  },
  NOT_CONVERGED: { exit: 37, hint: "see `slipway plan` for what still differs" },
  PLAN_STALE: { exit: 40, hint: "read the new plan (`slipway plan`) and approve its id" },
  INTERRUPTED: { exit: 143, hint: "run again: what was finished is recorded, the rest is untouched" },
} as const satisfies Record<string, { readonly exit: number; readonly hint: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** A place in a file the user wrote. Line and column start at 1; columns count code points. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** `file:line:column`, as editors and terminals link it. */
export function formatPlace(place: Place): string {
  const line = place.line === undefined ? "" : `:${place.line}`;
  const column = place.line === undefined || place.column === undefined ? "" : `:${place.column}`;
  return `${place.file}${line}${column}`;
}

/** One thing wrong with a setting or a file. All of one kind are reported together. */
export interface Problem {
  /** Where it came from: a file position, or words such as `SLIPWAY_LOCK_WAIT` or `--lock-wait`. */
  readonly at: Place | string;
  /** One lowercase sentence without a full stop. Never holds the value of a secret. */
  readonly message: string;
  /** The nearest right form, when one can be named. */
  readonly hint?: string;
  /** The offending line with a caret under it. */
  readonly excerpt?: string;
}

export function formatProblem(problem: Problem): string {
  const at = typeof problem.at === "string" ? problem.at : formatPlace(problem.at);
  const hint = problem.hint === undefined ? "" : ` (${problem.hint})`;
  return `${at}: ${problem.message}${hint}`;
}

export interface SlipwayErrorOptions extends ErrorOptions {
  /** The command or sentence that gets on from here; the table's hint when left out. */
  readonly next?: string;
}

/** Base of the one error tree: a code from the table, a message, a cause and what to do next. */
export class SlipwayError extends Error {
  readonly code: ErrorCode;
  readonly next: string;

  constructor(code: ErrorCode, message: string, options?: SlipwayErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.next = options?.next ?? ERRORS[code].hint;
  }

  get exit(): number {
    return ERRORS[this.code].exit;
  }
}

/** Settings, files or rows that are wrong. Holds all problems, so that a person edits once. */
export class ProblemsError extends SlipwayError {
  readonly problems: readonly Problem[];

  constructor(
    code: "CONFIG_INVALID" | "SOURCE_INVALID" | "HISTORY_MISMATCH" | "UNSAFE_DATABASE" | "STATEMENT_FAILED",
    problems: readonly Problem[],
    options?: SlipwayErrorOptions,
  ) {
    const [first] = problems;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
    super(code, first === undefined ? "no problem given" : `${formatProblem(first)}${more}`, options);
    this.problems = problems;
  }
}

/** What PostgreSQL said about a statement, and where in the user's file that statement stands. */
export interface StatementFailure {
  readonly sqlstate: string;
  /** PostgreSQL's own words (`M`), without severity. */
  readonly reason: string;
  readonly place?: Place;
  readonly excerpt?: string;
  readonly detail?: string;
  readonly pgHint?: string;
  readonly context?: string;
}

/** A statement that PostgreSQL refused. */
export class StatementError extends SlipwayError {
  readonly failure: StatementFailure;

  constructor(what: string, failure: StatementFailure, options?: SlipwayErrorOptions) {
    super("STATEMENT_FAILED", what, options);
    this.failure = failure;
  }
}

/** True when the same run fails again until a person acts: nothing was contacted, or the thirties. */
export function isForPerson(code: ErrorCode): boolean {
  const { exit } = ERRORS[code];
  return (exit >= 10 && exit < 20) || (exit >= 30 && exit < 40);
}

/** 1 for a bug: distinct from every failure that was foreseen. */
export function exitCodeOf(error: unknown): number {
  return error instanceof SlipwayError ? error.exit : 1;
}
