import type { RunStatus } from "../../records/runs.ts";
import { RELEASE } from "../../release.ts";
import type { Health } from "../operations/health.ts";

type Value = number | boolean | undefined;
type Labels = Readonly<Record<string, string>>;

const STATUSES: readonly RunStatus[] = ["done", "failed", "interrupted", "abandoned"];

/**
 * Prometheus' text format (0.0.4). What nobody can say is left out: an absent value is told from 0. Holds no
 * names of objects: it is answered without a token.
 */
export function formatMetrics(health: Health | undefined, going: number): string {
  const lines: string[] = [];
  const gauge = (name: string, help: string, values: readonly (readonly [Labels, Value])[]): void => {
    const known = values.flatMap(([labels, value]) =>
      value === undefined ? [] : [`slipway_${name}${formatLabels(labels)} ${Number(value)}`],
    );
    if (known.length === 0) return;
    lines.push(`# HELP slipway_${name} ${help}`, `# TYPE slipway_${name} gauge`, ...known);
  };
  gauge("info", "The release that answers.", [[{ release: RELEASE }, 1]]);
  gauge("database_up", "1 when the database answers.", [[{}, health !== undefined]]);
  gauge("runs_in_progress", "Runs that this server was asked for and that go on.", [[{}, going]]);
  if (health === undefined) return `${lines.join("\n")}\n`;

  const { lastRun, ledger, outlook, isDrifted, appliedAt } = health;
  gauge(
    "last_run_status",
    "1 for how the last run that is over ended.",
    lastRun === undefined ? [] : STATUSES.map((status) => [{ status }, status === lastRun.status]),
  );
  gauge("last_run_timestamp_seconds", "When the last run ended.", [[{}, seconds(lastRun?.finishedAt)]]);
  gauge("last_run_duration_seconds", "How long the last run took.", [[{}, durationOf(lastRun)]]);
  gauge(
    "last_run_phase_duration_seconds",
    "How long each phase of the last run took.",
    (lastRun?.phases ?? []).map(({ phase, durationMs }) => [{ phase }, durationMs / 1_000]),
  );
  gauge(
    "last_run_phase_changes",
    "Changes made, or migrations applied, by each phase of the last run.",
    (lastRun?.phases ?? []).map(({ phase, changes }) => [{ phase }, changes]),
  );
  gauge("up_to_date", "1 when a run would do nothing.", [[{}, outlook?.upToDate]]);
  gauge("pending_changes", "Changes that the declarative plan has.", [[{}, outlook?.changes]]);
  gauge("pending_migrations", "User migrations that would run.", [[{}, outlook?.migrations]]);
  gauge("pending_destructive", "1 when the plan waits for an approval.", [[{}, outlook?.destructive]]);
  gauge("drift", "1 when the database was changed outside slipway.", [[{}, isDrifted]]);
  gauge("schema_applied_timestamp_seconds", "When the desired schema was applied.", [
    [{}, seconds(appliedAt)],
  ]);
  gauge(
    "migrations",
    "Rows of the ledger.",
    Object.entries(ledger).map(([status, count]) => [{ status }, count]),
  );
  return `${lines.join("\n")}\n`;
}

function durationOf(run: Health["lastRun"]): number | undefined {
  if (run?.finishedAt === undefined) return undefined;
  return (run.finishedAt.getTime() - run.startedAt.getTime()) / 1_000;
}

function seconds(date: Date | undefined): number | undefined {
  return date === undefined ? undefined : date.getTime() / 1_000;
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll(/["\\\n]/g, "_")}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
