import { ApprovalError } from "../declarative/approval.ts";
import { formatPlace, formatProblem, ProblemsError, SlipwayError, StatementError } from "../errors.ts";

/** What a person needs to know of a failure: what, where, why, and how to get on. */
export interface Failure {
  readonly code: string;
  readonly exit: number;
  readonly what: string;
  readonly where?: string;
  readonly why?: string;
  readonly sqlstate?: string;
  readonly detail?: string;
  readonly excerpt?: string;
  readonly problems?: readonly string[];
  readonly planId?: string;
  readonly next: string;
}

export function toFailure(error: unknown): Failure {
  if (!(error instanceof SlipwayError)) return bug(error);
  const base = { code: error.code, exit: error.exit, what: error.message, next: error.next };
  if (error instanceof StatementError) {
    const { place, sqlstate, reason, detail, pgHint, excerpt } = error.failure;
    const more = [detail, pgHint === undefined ? undefined : `PostgreSQL's hint: ${pgHint}`].filter(
      (each) => each !== undefined,
    );
    return {
      ...base,
      ...(place === undefined ? {} : { where: formatPlace(place) }),
      why: `${sqlstate} ${reason}`,
      sqlstate,
      ...(more.length === 0 ? {} : { detail: more.join("; ") }),
      ...(excerpt === undefined ? {} : { excerpt }),
    };
  }
  if (error instanceof ProblemsError) {
    const problems = error.problems.map(formatProblem);
    const excerpts = error.problems.flatMap((problem) => problem.excerpt ?? []);
    const [first] = excerpts;
    return { ...base, problems, ...(first === undefined || excerpts.length > 1 ? {} : { excerpt: first }) };
  }
  if (error instanceof ApprovalError) return { ...base, planId: error.plan.id };
  return base;
}

function bug(error: unknown): Failure {
  const what = error instanceof Error ? error.message : String(error);
  return {
    code: "BUG",
    exit: 1,
    what: `unexpected: ${what}`,
    next: "this is a bug in slipway: report it with the output of the same command under SLIPWAY_LOG_LEVEL=debug",
  };
}

/**
 * The one line that the log, the termination message and the status all end with:
 * `STATEMENT_FAILED (exit 30): migration 003_x failed at 003_x.up.sql:4:12: 42P01 relation "a" does not exist. Next: …`
 */
export function lastLine(failure: Failure): string {
  const where = failure.where === undefined ? "" : ` at ${failure.where}`;
  const why = failure.why === undefined ? "" : `: ${failure.why}`;
  const line = `${failure.code} (exit ${failure.exit}): ${failure.what.replace(/\.$/, "")}${where}${why}. Next: ${failure.next}`;
  return line.replaceAll(/\s+/g, " ");
}
