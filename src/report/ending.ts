import { ERRORS } from "../errors.ts";
import { type Failure, lastLine } from "./failure.ts";
import type { Ending } from "./termination.ts";

export function endingOfFailure(failure: Failure, runId: string | undefined): Ending {
  const { code, exit, where, sqlstate, planId } = failure;
  return { line: lastLine(failure), code, exit, where, sqlstate, planId, runId };
}

/** Of a command that ended without a failure: its exit code is an answer. */
export function endingOfAnswer(exit: number): Ending {
  if (exit === 0) return { line: "Done", code: "OK", exit };
  const known = Object.entries(ERRORS).find(([, each]) => each.exit === exit);
  if (known === undefined) return { line: `Ended with exit code ${exit}`, code: "OK", exit };
  const [code, { hint: next }] = known;
  return { line: lastLine({ code, exit, what: "what was found is in the log", next }), code, exit };
}
