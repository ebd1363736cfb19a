import type { PhaseRecord } from "../records/runs.ts";

/** As `metav1.Condition`, without the generation, which a ConfigMap doesn't have. */
export interface Condition {
  readonly type:
    | "Ready"
    | "Reconciling"
    | "Stalled"
    | "BootstrapApplied"
    | "SchemaInSync"
    | "MigrationsApplied";
  readonly status: "True" | "False" | "Unknown";
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
  /** When `status` became what it is. */
  readonly lastTransitionTime: string;
}

export interface Standing {
  /** Absent while the run goes on. */
  readonly end?: { readonly isGood: boolean; readonly result: string; readonly needsPerson: boolean };
  readonly message: string;
  readonly phases: readonly PhaseRecord[];
}

type Fresh = Omit<Condition, "lastTransitionTime">;

const OF_PHASE: Readonly<Record<PhaseRecord["phase"], Condition["type"]>> = {
  bootstrap: "BootstrapApplied",
  declarative: "SchemaInSync",
  user: "MigrationsApplied",
};

const STATUS_OF_OUTCOME: Readonly<Record<PhaseRecord["outcome"], Condition["status"]>> = {
  applied: "True",
  unchanged: "True",
  // Turned off: there is nothing that could be missing.
  skipped: "True",
  kept: "False",
  failed: "False",
  planned: "Unknown",
  pending: "Unknown",
};

/** What stands, in the words of `kubectl wait` and its like; a status that is what it was keeps its time. */
export function conditionsOf(
  standing: Standing,
  earlier: readonly Condition[],
  now: string,
): readonly Condition[] {
  const { end, message, phases } = standing;
  const reason = end === undefined ? "Running" : toReason(end.result);
  const fresh: readonly Fresh[] = [
    { type: "Ready", status: word(end?.isGood === true), reason, message },
    { type: "Reconciling", status: word(end === undefined), reason, message },
    { type: "Stalled", status: word(end?.needsPerson === true), reason, message },
    ...phases.map((record) => ofPhase(record)),
  ];
  return fresh.map((condition) => {
    const before = earlier.find(({ type }) => type === condition.type);
    const isSame = before?.status === condition.status;
    return { ...condition, lastTransitionTime: isSame ? before.lastTransitionTime : now };
  });
}

function ofPhase({ phase, outcome, message }: PhaseRecord): Fresh {
  return {
    type: OF_PHASE[phase],
    status: STATUS_OF_OUTCOME[outcome],
    reason: toReason(outcome),
    message: message ?? "",
  };
}

const word = (is: boolean): Condition["status"] => (is ? "True" : "False");

/** `APPROVAL_REQUIRED` is `ApprovalRequired`. */
function toReason(words: string): string {
  return words
    .toLowerCase()
    .split("_")
    .map((each) => `${each.charAt(0).toUpperCase()}${each.slice(1)}`)
    .join("");
}
