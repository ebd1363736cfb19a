import type { ConfigWithDatabase } from "../config/config.ts";
import { isForPerson, SlipwayError } from "../errors.ts";
import { names } from "../migrations/findings.ts";
import { type History, reconcile } from "../migrations/reconcile.ts";
import { refuseOlder, supersededWords } from "../phases/declarative.ts";
import { type LedgerRow, readLedger } from "../records/ledger.ts";
import { hasFingerprint, type Reached, readReached, type Wanted } from "../records/reached.ts";
import { fromRecordedFailure } from "../records/recorded-failure.ts";
import type { Records } from "../records/records.ts";
import { listRuns } from "../records/runs.ts";
import { FILES_WORDS } from "../report/unchanged.ts";
import { hashFiles, readSourceFiles, type SourceFiles } from "../source/files.ts";
import { desiredFiles, prepareSources } from "../source/sources.ts";

/** What `--for` asks for; `files` where it is left out. */
export type WaitFor =
  | { readonly kind: "files" }
  | { readonly kind: "version"; readonly version: bigint }
  | { readonly kind: "fingerprint"; readonly beginning: string }
  | { readonly kind: "clean" };

/** What one look at the database found. */
export interface Look {
  /** What is not there yet, in words; nothing when the database is where it should be. */
  readonly missing: readonly string[];
  readonly warnings?: readonly string[];
}

/** A state of the database that one may wait for. */
export interface Target {
  /** Completes the sentence that the database is not at it. */
  readonly words: string;
  /** Throws SOURCE_INVALID where no run could bring the database there. */
  requireSound(): void;
  /**
   * Only reads. Throws what ended a run for good, in its words, unless a run is at work that may know
   * better.
   */
  look(records: Records, isAtWork: boolean): Promise<Look>;
}

export function createTarget(wanted: WaitFor, config: ConfigWithDatabase): Target {
  switch (wanted.kind) {
    case "files":
      return filesTarget(config);
    case "version":
      return simpleTarget(`version ${wanted.version} of the migrations`, async (records) =>
        missingToVersion(await readLedger(records), wanted.version),
      );
    case "fingerprint":
      return simpleTarget(`fingerprint ${wanted.beginning}`, async (records) =>
        (await hasFingerprint(records, wanted.beginning))
          ? []
          : ["no schema of this fingerprint is applied yet"],
      );
    case "clean":
      return simpleTarget("the end of a run that completed", missingToClean);
  }
}

function simpleTarget(
  words: string,
  missing: (records: Records, isAtWork: boolean) => Promise<readonly string[]>,
): Target {
  return {
    words,
    requireSound: () => undefined,
    look: async (records, isAtWork) => ({
      missing: records.exist ? await missing(records, isAtWork) : [NO_RECORDS],
    }),
  };
}

const NO_RECORDS = "slipway has not run on this database yet";

function filesTarget(config: ConfigWithDatabase): Target {
  const files = readSourceFiles(config, "ups");
  const wanted: Wanted = {
    sourceHash: files.hash,
    bootstrap: files.bootstrap === undefined ? undefined : hashFiles(config, [files.bootstrap]),
    schema: files.schema === undefined ? undefined : hashFiles(config, desiredFiles(files)),
  };
  return {
    words: FILES_WORDS,
    requireSound: () => void prepareSources(config, files),
    async look(records, isAtWork) {
      if (!records.exist) return { missing: [NO_RECORDS] };
      const reached = await readReached(records, wanted);
      const missing = missingToFiles(wanted, reached, config);
      const history = await readHistory(records, files, config, isAtWork);
      if ("inTheWay" in history) return { missing: [...missing, history.inTheWay] };
      const { pending, warnings } = history;
      if (pending.length > 0) {
        missing.push(
          `${pending.length} ${pending.length > 1 ? "migrations are" : "migration is"} to run: ${names(pending.map(({ migration }) => migration))}`,
        );
      }
      const failure = reached.failure === undefined ? undefined : fromRecordedFailure(reached.failure);
      if (missing.length > 0 && !isAtWork && failure !== undefined && isForPerson(failure.code))
        throw failure;
      return { missing, warnings: [...olderWarnings(reached, wanted), ...warnings] };
    },
  };
}

function missingToFiles(wanted: Wanted, reached: Reached, { onOlder }: ConfigWithDatabase): string[] {
  const missing: string[] = [];
  if (wanted.bootstrap !== undefined && !reached.isBootstrapped)
    missing.push("bootstrap.sql of these files has not run yet");
  if (reached.lost.length > 0)
    missing.push(`bootstrap.sql is to run again: this server lacks ${reached.lost.join(", ")}`);
  if (wanted.schema === undefined) return missing;
  const { schema } = reached;
  if (schema?.isSuperseded === true && onOlder === "refuse") throw refuseOlder(schema.appliedAt);
  if (schema === undefined || (schema.isSuperseded && onOlder === "apply"))
    missing.push("the schema of these files is not applied yet");
  else if (reached.isUnsettled) missing.push("changes to the schema are begun and not finished");
  return missing;
}

function olderWarnings({ schema }: Reached, wanted: Wanted): readonly string[] {
  return wanted.schema !== undefined && schema?.isSuperseded === true
    ? [supersededWords(schema.appliedAt)]
    : [];
}

/**
 * Files against the ledger, as a run would see them. What a run would stop at is the waiter's end as well, but
 * while one is at work it is only told: it may be about to mend it.
 */
async function readHistory(
  records: Records,
  { migrations }: SourceFiles,
  config: ConfigWithDatabase,
  isAtWork: boolean,
): Promise<Pick<History, "pending" | "warnings"> | { readonly inTheWay: string }> {
  if (migrations === undefined) return { pending: [], warnings: [] };
  const ledger = await readLedger(records);
  try {
    return reconcile(migrations, ledger, config);
  } catch (error) {
    if (!isAtWork || !(error instanceof SlipwayError)) throw error;
    return { inTheWay: error.message };
  }
}

function missingToVersion(ledger: readonly LedgerRow[], version: bigint): string[] {
  const highest = ledger.findLast(({ status }) => status === "applied")?.version;
  const open = ledger.filter((row) => row.status !== "applied" && row.version <= version);
  return [
    ...open.map(describeOpen),
    ...(highest !== undefined && highest >= version
      ? []
      : [`the migrations are at ${highest === undefined ? "none" : `version ${highest}`}`]),
  ];
}

async function missingToClean(records: Records, isAtWork: boolean): Promise<readonly string[]> {
  if (isAtWork) return ["a run is at work"];
  const [last] = await listRuns(records, 1);
  const open = (await readLedger(records)).filter(({ status }) => status !== "applied").map(describeOpen);
  if (last === undefined) return [NO_RECORDS];
  if (last.status === "done") return open;
  const why = last.errorCode === undefined ? "" : `: ${last.errorCode} ${last.errorMessage ?? ""}`;
  return [`the last run ended ${last.status === "running" ? "in its middle" : last.status}${why}`, ...open];
}

function describeOpen({ name, status, errorMessage }: LedgerRow): string {
  const why = errorMessage === undefined || errorMessage === "" ? "" : `: ${errorMessage}`;
  return `migration ${name} is ${status}${why}`;
}
