import { findDrift, isComparable } from "../declarative/drift.ts";
import { readCatalogSignature } from "../postgres/signature.ts";
import { findDeclarativeHistory, listWaitingPlans, type PlanEntry } from "../records/declarative-history.ts";
import { type DeclarativeState, findDeclarativeState, isUnsettled } from "../records/declarative-state.ts";
import type { Records } from "../records/records.ts";
import { findLastSignature } from "../records/runs.ts";
import { formatTable } from "../report/table.ts";
import { loadEngineOnce } from "./context.ts";
import { writeJson } from "./environment.ts";
import { createRunId } from "./run-id.ts";
import { type DatabaseEnvironment, openCommandSession, openRecords } from "./session.ts";

/** `slipway schema status`: what is recorded of the declarative schema, and whether it drifted. Writes nothing. */
export async function schemaStatusCommand(environment: DatabaseEnvironment): Promise<number> {
  const { config, out } = environment;
  const runId = createRunId();
  await using session = await openCommandSession(environment, runId);
  const records = await openRecords(session, config, runId);
  const state = await findDeclarativeState(records);
  const history = await findDeclarativeHistory(records);
  const plans = await listWaitingPlans(records);
  if (state === undefined || history === undefined) {
    if (environment.json) writeJson(out, { applied: null, plans });
    else out.write(`No declarative schema was applied yet\n${formatPlans(plans)}`);
    return 0;
  }
  const drift = await driftNow(records, state);
  const applied = {
    at: state.appliedAt,
    how: history.source,
    planId: history.planId,
    runId: history.runId,
    by: history.pod,
    release: history.release,
    filesHash: state.filesHash,
    fingerprint: state.fingerprint,
    engine: state.engine,
    serverMajor: state.serverMajor,
    managedSchemas: state.managedSchemas,
    superseded: history.superseded,
  };
  if (environment.json) {
    writeJson(out, { applied, drift, plans });
    return 0;
  }
  const lines: readonly (readonly [string, string])[] = [
    [
      "applied",
      `${state.appliedAt.toISOString()} (${history.source}) by ${history.pod ?? "-"}, slipway ${history.release}`,
    ],
    ["run", history.runId ?? "-"],
    ["plan", history.planId ?? "-"],
    ["files", state.filesHash],
    ["fingerprint", isUnsettled(state) ? "unknown: a run ended on the way" : state.fingerprint],
    ["engine", `${state.engine}, PostgreSQL ${state.serverMajor}`],
    ["manages", state.managedSchemas.join(", ") || "nothing"],
    ["superseded", String(history.superseded)],
    ["drift", formatDrift(drift)],
  ];
  out.write(`${lines.map(([name, value]) => `${name.padEnd(12)}${value}\n`).join("")}${formatPlans(plans)}`);
  return 0;
}

type DriftNow =
  | { readonly state: "none" }
  | { readonly state: "unknown" }
  | { readonly state: "found"; readonly objects: readonly string[] };

/** The cheap signature tells in one query that nothing moved; only else is the catalog read. */
async function driftNow(records: Records, state: DeclarativeState): Promise<DriftNow> {
  const { session } = records;
  const last = await findLastSignature(records);
  if (last !== undefined && last === (await readCatalogSignature(session, state))) return { state: "none" };
  if (!isComparable(state, session.serverMajor) || isUnsettled(state)) return { state: "unknown" };
  const engine = await loadEngineOnce(undefined)();
  const current = await engine.read(session, records.schemaName);
  const drift = findDrift(engine, current, engine.load(state.desired), state);
  return drift === undefined
    ? { state: "none" }
    : { state: "found", objects: drift.map(({ object }) => object) };
}

function formatDrift(drift: DriftNow): string {
  if (drift.state !== "found") return drift.state === "none" ? "none" : "not known; the next run compares";
  const shown = drift.objects.slice(0, 5).join(", ");
  const more = drift.objects.length > 5 ? ` and ${drift.objects.length - 5} more` : "";
  return `${shown}${more} (see \`slipway schema validate\`)`;
}

function formatPlans(plans: readonly PlanEntry[]): string {
  const rows = plans.map((plan) => [
    plan.id,
    plan.createdAt.toISOString(),
    plan.summary,
    plan.approvedAt === undefined
      ? "waits"
      : `approved by ${plan.approvedBy ?? "-"} at ${plan.approvedAt.toISOString()}`,
  ]);
  return rows.length === 0 ? "" : `\n${formatTable(["plan", "made", "changes", "approval"], rows)}`;
}
