import { ApprovalError } from "../declarative/approval.ts";
import { type Log, type LogOptions, writeAll } from "../log/log.ts";
import { redact } from "../log/redact.ts";
import { type Failure, lastLine, toFailure } from "./failure.ts";
import { formatPlan } from "./plan-text.ts";

/**
 * Says a failure once, at the edge. As JSON it is one line; for people the
 * particulars come first and the line that says it all last.
 */
export function logFailure(log: Log, error: unknown, options: LogOptions): Failure {
  const failure = toFailure(error);
  const bug = failure.code === "BUG" && error instanceof Error ? { stack: error.stack } : {};
  if (options.format === "json" || (options.format === "auto" && !options.isTerminal)) {
    const plan = error instanceof ApprovalError ? { plan: error.plan } : {};
    log.error({ ...failure, ...plan, ...bug }, lastLine(failure));
    return failure;
  }
  if (error instanceof ApprovalError) writeAll(options.fd, redact(`\n${formatPlan(error.plan, options)}\n`));
  if (failure.code === "BUG") log.debug(bug, "Stack of the unexpected error");
  writeAll(options.fd, redact(`${particulars(failure)}ERROR ${lastLine(failure)}\n`));
  return failure;
}

function particulars(failure: Failure): string {
  const lines = [
    ...(failure.problems === undefined || failure.problems.length < 2
      ? []
      : failure.problems.map((problem) => `  - ${problem}`)),
    ...(failure.where === undefined ? [] : [`  ${failure.where}`]),
    ...(failure.excerpt === undefined ? [] : [failure.excerpt]),
    ...(failure.detail === undefined ? [] : [`  ${failure.detail}`]),
  ];
  return lines.map((line) => `${line}\n`).join("");
}
