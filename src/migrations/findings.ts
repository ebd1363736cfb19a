import type { Problem } from "../errors.ts";
import type { LedgerRow } from "../records/ledger.ts";
import type { Migration } from "../source/migrations.ts";
import { sqlChecksum } from "../sql/checksum.ts";

export type Policy = "error" | "warn" | "allow";

export interface HistoryPolicy {
  readonly outOfOrder: Policy;
  readonly missing: Policy;
  readonly gap: Policy;
  /** What to do when the ledger is ahead of the files. */
  readonly onOlder: "keep" | "refuse" | "apply";
}

/** One thing in which files and ledger don't agree. */
export interface Finding {
  /** `error`: nothing may run on such a history. */
  readonly severity: "error" | "warning";
  /** The file, or the words `the ledger`. */
  readonly at: Problem["at"];
  readonly message: string;
  /** The command or sentence that gets on from there. */
  readonly next: string;
}

/** Files and ledger side by side. */
export interface Histories {
  /** By version. */
  readonly migrations: readonly Migration[];
  /** By version. */
  readonly ledger: readonly LedgerRow[];
}

const LEDGER = "the ledger";

/** All in which files and ledger don't agree, as the policies judge it. */
export function findContradictions(histories: Histories, policy: HistoryPolicy): Finding[] {
  return [
    ...findHalfTakenBack(histories),
    ...findChanged(histories),
    ...findMissing(histories, policy),
    ...findOutOfOrder(histories, policy.outOfOrder),
  ];
}

/** A way back that was begun and not ended leaves a state that neither file describes. */
function findHalfTakenBack({ ledger }: Histories): Finding[] {
  return ledger
    .filter(({ down }) => down.statementsDone > 0 || down.statementInflight !== undefined)
    .map((row) => ({
      severity: "error",
      at: LEDGER,
      message: `migration ${row.name} is taken back in part: ${row.down.statementsDone} steps of its down file are done`,
      next: "end it: slipway migrate down",
    }));
}

/** How an applied migration's file compares with what was applied. */
export type FileState = "same" | "comments changed" | "changed" | "not recorded";

export function fileStateOf(migration: Migration, row: LedgerRow): FileState {
  if (row.checksum === undefined) return "not recorded";
  if (row.checksum === migration.up.checksum) return "same";
  return row.sqlChecksum === sqlChecksum(migration.up.text) ? "comments changed" : "changed";
}

function findChanged({ migrations, ledger }: Histories): Finding[] {
  const rows = new Map(ledger.map((row) => [row.version, row]));
  return migrations.flatMap((migration): Finding[] => {
    const row = rows.get(migration.version);
    if (row?.status !== "applied") return [];
    const state = fileStateOf(migration, row);
    const at = { file: migration.up.path };
    const when = row.appliedAt === undefined ? "" : ` at ${row.appliedAt.toISOString()}`;
    const named = row.name === migration.name ? "" : `, then named ${row.name}`;
    const accept = `slipway migrate resolve ${migration.version} --accept-checksum`;
    if (state === "comments changed") {
      return [
        {
          severity: "warning",
          at,
          message: `only comments or white space were changed since it was applied${when}${named}`,
          next: `take it as it is: ${accept}`,
        },
      ];
    }
    if (state !== "changed") return [];
    return [
      {
        severity: "error",
        at,
        message: `was changed after it was applied${when}${named}: applied ${row.checksum ?? ""}, now ${migration.up.checksum}`,
        next: `put the file back as it was and make the change in a new migration (\`slipway migrate create NAME\`); or, where the database is right as it is: ${accept}`,
      },
    ];
  });
}

/** Applied, but the file is gone. Above the highest file it is an older release; below the lowest, a squash. */
function findMissing({ migrations, ledger }: Histories, policy: HistoryPolicy): Finding[] {
  const files = new Set(migrations.map(({ version }) => version));
  const applied = ledger.filter(({ status }) => status === "applied");
  const missing = applied.filter((row) => !files.has(row.version));
  if (missing.length === 0) return [];
  const lowest = migrations.at(0)?.version;
  const highest = migrations.at(-1)?.version;
  if (lowest === undefined || highest === undefined) {
    return [
      {
        severity: "error",
        at: LEDGER,
        message: `the migrations folder is empty, but ${applied.length} migrations are applied`,
        next: "check the mount (ConfigMap, PVC) and DB_USER_MIGRATIONS_PATH",
      },
    ];
  }
  const ahead = missing.filter(({ version }) => version > highest);
  const holes = missing.filter(({ version }) => version > lowest && version < highest);
  const aheadWords = `the database is ahead of these files: ${names(ahead)} applied by a newer release`;
  return [
    ...(ahead.length === 0
      ? []
      : policy.onOlder === "refuse"
        ? [finding("error", aheadWords, "use the newer release's files, or set `onOlder: keep`")]
        : [
            finding(
              "warning",
              `${aheadWords}; left as it is`,
              "nothing, while an older release runs on purpose",
            ),
          ]),
    ...judge(
      holes.length > 0,
      policy.missing,
      `applied, but the files are gone: ${names(holes)}`,
      "put the files back, or set `migrations.missing: warn`",
    ),
  ];
}

function findOutOfOrder({ migrations, ledger }: Histories, policy: Policy): Finding[] {
  const last = ledger.findLast(({ status }) => status === "applied")?.version;
  if (last === undefined) return [];
  const known = new Set(ledger.map(({ version }) => version));
  const late = migrations.filter(({ version }) => version < last && !known.has(version));
  const words = `out of order: ${names(late)} ${late.length > 1 ? "come" : "comes"} before ${last}, which is applied`;
  return judge(
    late.length > 0,
    policy,
    policy === "error" ? words : `${words}; run all the same`,
    "give them a higher version, or set `migrations.outOfOrder: warn`",
  );
}

/** Versions of ten digits and more count time, and time has gaps. */
const FIRST_TIMESTAMP = 1_000_000_000n;

/**
 * Numbers that neither files nor ledger have, below each of the versions given: a file that was left out of the
 * ConfigMap looks like this.
 */
export function findGaps(
  { migrations, ledger }: Histories,
  before: readonly bigint[],
  policy: Policy,
): Finding[] {
  const versions = [...migrations, ...ledger].map(({ version }) => version).sort((a, b) => (a < b ? -1 : 1));
  const asked = new Set(before);
  const gaps = versions.flatMap((version, index) => {
    const previous = versions[index - 1];
    if (previous === undefined || !asked.has(version) || version >= FIRST_TIMESTAMP) return [];
    const count = version - previous - 1n;
    if (count < 1n) return [];
    return count === 1n ? [`${previous + 1n}`] : [`${previous + 1n} to ${version - 1n}`];
  });
  return judge(
    gaps.length > 0,
    policy,
    `a gap: there is no migration ${shorten(gaps)}`,
    "see whether the folder is complete, or set `migrations.gap: allow`",
  );
}

function judge(isFound: boolean, policy: Policy, message: string, next: string): Finding[] {
  if (!isFound || policy === "allow") return [];
  return [finding(policy === "error" ? "error" : "warning", message, next)];
}

function finding(severity: Finding["severity"], message: string, next: string): Finding {
  return { severity, at: LEDGER, message, next };
}

export function names(list: readonly { readonly name: string }[]): string {
  return shorten(list.map(({ name }) => name));
}

function shorten(list: readonly string[]): string {
  const shown = list.slice(0, 3).join(", ");
  return list.length > 3 ? `${shown} and ${list.length - 3} more` : shown;
}
