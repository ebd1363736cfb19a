import { findDrift, isComparable } from "../declarative/drift.ts";
import { readCatalogSignature } from "../postgres/signature.ts";
import { findDeclarativeHistory, listWaitingPlans, type PlanEntry } from "../records/declarative-history.ts";
import {
  type DeclarativeState,
  findDeclarativeState,
  isUnsettled,
  type StateSource,
} from "../records/declarative-state.ts";
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
  const records = await openRecords(session, config, runId, "read");
  const status = await readSchemaStatus(records);
  if (environment.json) writeJson(out, status);
  else out.write(formatStatus(status));
  return 0;
}

/** What is recorded of the declarative schema. */
export interface SchemaStatus {
  /** Null before anything was applied. */
  readonly applied: AppliedSchema | null;
  readonly drift?: DriftNow;
  readonly plans: readonly PlanEntry[];
}

export interface AppliedSchema {
  readonly at: Date;
  readonly how: StateSource;
  readonly planId: string | undefined;
  readonly runId: string | undefined;
  readonly by: string | undefined;
  readonly release: string;
  readonly filesHash: string;
  readonly fingerprint: string;
  readonly engine: string;
  readonly serverMajor: number;
  readonly managedSchemas: readonly string[];
  readonly superseded: number;
}

/** Reads the catalog only where the cheap signature moved. */
export async function readSchemaStatus(records: Records): Promise<SchemaStatus> {
  const state = await findDeclarativeState(records);
  const history = await findDeclarativeHistory(records);
  const plans = await listWaitingPlans(records);
  if (state === undefined || history === undefined) return { applied: null, plans };
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
  return { applied, drift: await driftNow(records, state), plans };
}

function formatStatus({ applied, drift, plans }: SchemaStatus): string {
  if (applied === null || drift === undefined)
    return `No declarative schema was applied yet\n${formatPlans(plans)}`;
  const lines: readonly (readonly [string, string])[] = [
    [
      "applied",
      `${applied.at.toISOString()} (${applied.how}) by ${applied.by ?? "-"}, slipway ${applied.release}`,
    ],
    ["run", applied.runId ?? "-"],
    ["plan", applied.planId ?? "-"],
    ["files", applied.filesHash],
    ["fingerprint", isUnsettled(applied) ? "unknown: a run ended on the way" : applied.fingerprint],
    ["engine", `${applied.engine}, PostgreSQL ${applied.serverMajor}`],
    ["manages", applied.managedSchemas.join(", ") || "nothing"],
    ["superseded", String(applied.superseded)],
    ["drift", formatDrift(drift)],
  ];
  return `${lines.map(([name, value]) => `${name.padEnd(12)}${value}\n`).join("")}${formatPlans(plans)}`;
}

export type DriftNow =
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
