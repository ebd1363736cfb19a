import { readSchemaStatus } from "../../commands/schema-status.ts";
import { findDeclarativeState } from "../../records/declarative-state.ts";
import { type LedgerStatus, readLedger } from "../../records/ledger.ts";
import type { Records } from "../../records/records.ts";
import { listRuns, type RunRow } from "../../records/runs.ts";
import { readStanding } from "../../records/standing.ts";
import { readSources } from "../../source/sources.ts";
import type { Memo } from "./memo.ts";
import type { Reader } from "./operation.ts";
import { findOutlook, type Outlook } from "./outlook.ts";

/** What can be told of the database in numbers. */
export interface Health {
  readonly lastRun: RunRow | undefined;
  readonly ledger: Readonly<Record<LedgerStatus, number>>;
  /** Undefined where nobody can say. */
  readonly outlook: Outlook | undefined;
  /** Undefined before anything was applied, and where nobody can say. */
  readonly isDrifted: boolean | undefined;
  readonly appliedAt: Date | undefined;
}

/** Throws when the database does not answer within `withinMs`. */
export async function requireAnswer(reader: Reader, withinMs: number): Promise<void> {
  const answer = reader.records(({ session }) => session.query("select 1"));
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("the database did not answer in time")), withinMs);
  try {
    await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
    answer.catch(() => undefined);
  }
}

/** What is costly to find out, and stays while nothing moves. */
export interface Memos {
  readonly outlook: Memo<Outlook>;
  readonly drift: Memo<boolean | undefined>;
}

export async function health(reader: Reader, memos: Memos): Promise<Health> {
  const recorded = await reader.records(async (records) => {
    const rows = await readLedger(records);
    const count = (status: LedgerStatus): number => rows.filter((row) => row.status === status).length;
    const standing = await readStanding(records.session, records.schema);
    const state = await findDeclarativeState(records);
    const key = JSON.stringify([standing?.now.catalog ?? null, state?.appliedAt ?? null]);
    return {
      lastRun: (await listRuns(records, 10)).find(({ status }) => status !== "running"),
      ledger: { applied: count("applied"), pending: count("pending"), failed: count("failed") },
      isDrifted: await memos.drift.find(key, () => findDrift(records)),
      appliedAt: state?.appliedAt,
    };
  });
  const outlook = await reader
    .context(
      ({ config }) => readSources(config),
      (context) => findOutlook(context, memos.outlook),
    )
    .catch(() => undefined);
  return { ...recorded, outlook };
}

async function findDrift(records: Records): Promise<boolean | undefined> {
  const { drift } = await readSchemaStatus(records);
  return drift === undefined || drift.state === "unknown" ? undefined : drift.state === "found";
}
