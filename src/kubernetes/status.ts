import { ApprovalError } from "../declarative/approval.ts";
import { isForPerson, SlipwayError } from "../errors.ts";
import { redact } from "../log/redact.ts";
import type { RunProgress } from "../progress.ts";
import type { PhaseRecord } from "../records/runs.ts";
import type { Versions } from "../records/versions.ts";
import { cut } from "../report/cut.ts";
import { type Failure, lastLine, toFailure } from "../report/failure.ts";
import { formatPlan } from "../report/plan-text.ts";
import { type Condition, conditionsOf } from "./conditions.ts";

/** One run, as far as it doesn't change. */
export interface RunIdentity {
  readonly runId: string;
  readonly pod: string;
  readonly release: string;
  /** RFC 3339, as every time here. */
  readonly startedAt: string;
}

/** How a run ended. */
export interface RunEnd extends Versions {
  readonly phases: readonly PhaseRecord[];
  /** The last line on stderr of a run that is done. */
  readonly message: string;
  /** What ended it; undefined when it is done. */
  readonly error: unknown;
}

/** What the status says. Everything in it is text that may be read by others: redacted, and cut to size. */
export interface RunStatus extends RunIdentity {
  readonly phase: "Bootstrapping" | "ApplyingSchema" | "Migrating" | "Succeeded" | "Failed" | "Blocked";
  /** `applied`, `unchanged` or an error code; empty while the run goes on. */
  readonly result: string;
  /** The last line on stderr; while the run goes on, what it is at. */
  readonly message: string;
  readonly schemaFingerprint: string;
  readonly userVersion: string;
  /** The plan that waits for a person: its id, an empty line, and the plan as `slipway plan` shows it. */
  readonly pendingApproval: string;
  readonly finishedAt: string;
  readonly exitCode: number | null;
  readonly failure: Pick<Failure, "code" | "exit" | "what" | "where" | "why" | "planId" | "next"> | null;
  readonly phases: readonly PhaseRecord[];
  readonly conditions: readonly Condition[];
}

const LONGEST_MESSAGE = 4 * 1_024;
/** Objects that a warning names. */
const MOST_OBJECTS = 10;

const PHASE_WORDS = { bootstrap: "Bootstrapping", declarative: "ApplyingSchema", user: "Migrating" } as const;

/** What a run is at. */
export type RunningAt = Exclude<RunProgress, { readonly kind: "phase-end" }>;

/** Names the phases in their order, as ones that were not reached. */
export const NOT_REACHED: readonly PhaseRecord[] = (["bootstrap", "declarative", "user"] as const).map(
  (phase) => ({ phase, outcome: "pending", durationMs: 0, changes: 0 }),
);

/** The status of a run that goes on; `earlier` is the one it follows. */
export function runningStatus(
  identity: RunIdentity,
  progress: RunningAt,
  phases: readonly PhaseRecord[],
  earlier: RunStatus | undefined,
): RunStatus {
  const at = progress.kind === "step" ? `, ${progress.step} of ${progress.steps}: ${progress.what}` : "";
  const message = clean(`${progress.phase} phase${at}`);
  return {
    ...identity,
    phase: PHASE_WORDS[progress.phase],
    result: "",
    message,
    schemaFingerprint: earlier?.schemaFingerprint ?? "",
    userVersion: earlier?.userVersion ?? "",
    pendingApproval: "",
    finishedAt: "",
    exitCode: null,
    failure: null,
    phases: phases.map(shorten),
    conditions: conditionsOf({ message, phases }, earlier?.conditions ?? [], new Date().toISOString()),
  };
}

export function finishedStatus(
  identity: RunIdentity,
  end: RunEnd,
  earlier: readonly Condition[],
  longestPlan: number,
): RunStatus {
  const { error, phases } = end;
  const failure = error === undefined ? undefined : toFailure(error);
  const finishedAt = new Date().toISOString();
  const isChanged = phases.some(({ outcome }) => outcome === "applied");
  const result = failure?.code ?? (isChanged ? "applied" : "unchanged");
  const message = clean(failure === undefined ? end.message : lastLine(failure));
  const isBlocked = error instanceof ApprovalError;
  const needsPerson = isBlocked || (error instanceof SlipwayError && isForPerson(error.code));
  return {
    ...identity,
    phase: failure === undefined ? "Succeeded" : isBlocked ? "Blocked" : "Failed",
    result,
    message,
    schemaFingerprint: end.schemaFingerprint,
    userVersion: end.userVersion?.toString() ?? "",
    pendingApproval: isBlocked ? planText(error, longestPlan) : "",
    finishedAt,
    exitCode: failure?.exit ?? 0,
    failure: failure === undefined ? null : withoutParticulars(failure),
    phases: phases.map(shorten),
    conditions: conditionsOf(
      { end: { isGood: failure === undefined, result, needsPerson }, message, phases },
      earlier,
      finishedAt,
    ),
  };
}

/** Excerpts of files stay in the log. */
function withoutParticulars({ code, exit, what, where, why, planId, next }: Failure): RunStatus["failure"] {
  return {
    code,
    exit,
    what: clean(what),
    ...(where === undefined ? {} : { where: clean(where) }),
    ...(why === undefined ? {} : { why: clean(why) }),
    ...(planId === undefined ? {} : { planId }),
    next: clean(next),
  };
}

function planText({ plan }: ApprovalError, longest: number): string {
  const text = redact(`plan ${plan.id}\n\n${formatPlan(plan, { colour: false })}`);
  return cut(text, longest, "\n… cut here; `slipway plan` shows all of it\n");
}

function shorten({ warnings, ...record }: PhaseRecord): PhaseRecord {
  if (warnings === undefined) return record;
  return {
    ...record,
    warnings: warnings.map(({ message, objects }) => ({
      message: clean(message),
      ...(objects === undefined ? {} : { objects: objects.slice(0, MOST_OBJECTS) }),
    })),
  };
}

function clean(text: string): string {
  return cut(redact(text), LONGEST_MESSAGE, "…");
}
