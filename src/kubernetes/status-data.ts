import { approvalAnnotation } from "../declarative/approval.ts";
import type { RunStatus } from "./status.ts";

/** Of `status.json`; a reader that knows it may rely on the fields that it had. */
const API_VERSION = "slipway.dev/v1";

type Data = Readonly<Record<string, string>>;

/** What a ConfigMap holds of one database's status, and for whom it is owned. */
export interface StatusRow {
  /** Each database of a list has its own keys and its own manager: their writers never collide. */
  readonly fieldManager: string;
  /** The annotation by which a person approves a plan. */
  readonly approvedBy: string;
  /** Bytes that the text of a plan may have here. */
  readonly longestPlan: number;
  toData(status: RunStatus): Data;
  /** The status that was written last; undefined where there is none, or none that can be read. */
  read(data: Data | undefined): RunStatus | undefined;
}

/** The one database of its ConfigMap: a key for each thing that a person asks for. */
const SINGLE: StatusRow = {
  fieldManager: "slipway",
  approvedBy: approvalAnnotation(undefined),
  // The API server takes 1 MiB for an object in all, and the text stands in it twice.
  longestPlan: 64 * 1_024,
  toData: (status) => ({
    phase: status.phase,
    result: status.result,
    message: status.message,
    schemaFingerprint: status.schemaFingerprint,
    userVersion: status.userVersion,
    pendingApproval: status.pendingApproval,
    startedAt: status.startedAt,
    finishedAt: status.finishedAt,
    runId: status.runId,
    pod: status.pod,
    "status.json": toJson(status),
  }),
  read: (data) => fromJson(data?.["status.json"]),
};

/** `database`: its name in the list that it stands in; undefined for a database by itself. */
export function rowOf(database: string | undefined): StatusRow {
  if (database === undefined) return SINGLE;
  const json = `${database}.json`;
  return {
    fieldManager: `slipway-${database}`,
    approvedBy: approvalAnnotation(database),
    // Hundreds of databases share one object.
    longestPlan: 1_024,
    toData: (status) => ({ [database]: toLine(status), [json]: toJson(status) }),
    read: (data) => fromJson(data?.[json]),
  };
}

/** `Succeeded applied version=12: Database schema management completed` */
function toLine({ phase, result, userVersion, message }: RunStatus): string {
  const words = [phase, result, userVersion === "" ? "" : `version=${userVersion}`];
  return `${words.filter((word) => word !== "").join(" ")}: ${message}`;
}

function toJson(status: RunStatus): string {
  return JSON.stringify({ apiVersion: API_VERSION, kind: "RunStatus", ...status });
}

function fromJson(text: string | undefined): RunStatus | undefined {
  try {
    const value = JSON.parse(text ?? "") as Partial<RunStatus> & { readonly apiVersion?: string };
    return value.apiVersion === API_VERSION && Array.isArray(value.conditions) && Array.isArray(value.phases)
      ? (value as RunStatus)
      : undefined;
  } catch {
    return undefined;
  }
}

/** True when a reader learns nothing from the newer one but which run found things as they were. */
export function saysTheSame(one: RunStatus, other: RunStatus): boolean {
  return essenceOf(one) === essenceOf(other);
}

function essenceOf(status: RunStatus): string {
  const { phase, result, message, schemaFingerprint, userVersion, pendingApproval } = status;
  const phases = status.phases.map(({ durationMs: _, ...record }) => record);
  const conditions = status.conditions.map(({ lastTransitionTime: _, ...condition }) => condition);
  return JSON.stringify([
    [phase, result, message, schemaFingerprint, userVersion, pendingApproval],
    phases,
    conditions,
  ]);
}
