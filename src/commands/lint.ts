import type { Config } from "../config/config.ts";
import { didYouMean, findNearest } from "../config/nearest.ts";
import { SETTINGS } from "../config/settings.ts";
import { ERRORS, formatPlace, type Problem, ProblemsError, SlipwayError } from "../errors.ts";
import { formatGithub } from "../lint/format/github.ts";
import { toJson } from "../lint/format/json.ts";
import { toSarif } from "../lint/format/sarif.ts";
import { formatText } from "../lint/format/text.ts";
import { findingOf, type LintReport, lint } from "../lint/lint.ts";
import { INVALID_FILE, RULES } from "../lint/rules/rules.ts";
import { findBootstrapState } from "../records/bootstrap-state.ts";
import { findDeclarativeState } from "../records/declarative-state.ts";
import { readLedger } from "../records/ledger.ts";
import { RELEASE } from "../release.ts";
import { hashFiles, readSourceFiles, type SourceFiles } from "../source/files.ts";
import { parseIgnore } from "../source/ignore.ts";
import { desiredFiles, type InspectedFile, inspectSources } from "../source/sources.ts";
import { type Environment, writeJson } from "./environment.ts";
import { createRunId } from "./run-id.ts";
import { type DatabaseEnvironment, openCommandSession, openRecords } from "./session.ts";

export type LintFormat = "text" | "json" | "github" | "sarif";

export interface LintOptions {
  readonly format: LintFormat;
  /** Judge only migrations above this version. */
  readonly after: bigint | undefined;
  /** Contact no database, even where one is given. */
  readonly offline: boolean;
}

/**
 * `slipway lint`: what the files would do to a database that is in use. Writes nothing. Where a database is
 * given, what is applied there is not judged. Exit 3 for a warning or an error, 11 for what can't be run.
 */
export async function lintCommand(environment: Environment, options: LintOptions): Promise<number> {
  const config = withoutBundled(environment.config);
  requireKnownRules(config);
  if (config.schemaPath === undefined && config.migrationsPath === undefined)
    environment.log.warn("There is nothing to judge: give --migrations-path or --schema-path");
  const report = await judge(environment, config, options);
  write(environment, report, options.format);
  if (report.problems.length > 0) throw new ProblemsError("SOURCE_INVALID", report.problems);
  return report.findings.some(({ severity }) => severity !== "note") ? ERRORS.PENDING.exit : 0;
}

async function judge(environment: Environment, config: Config, options: LintOptions): Promise<LintReport> {
  let files: SourceFiles;
  try {
    files = readSourceFiles(config);
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error;
    const { problems } = error;
    return { findings: problems.map(findingOf), problems, judged: 0, passedOver: 0 };
  }
  for (const { at, message } of files.warnings)
    environment.log.warn({ at: typeof at === "string" ? at : formatPlace(at) }, message);
  const { after, offline } = options;
  const { database } = config;
  const applied =
    offline || database === undefined
      ? undefined
      : await findApplied({ ...environment, config: { ...config, database } }, files).catch(sayOffline);
  const report = await lint({
    files: inspectSources(withUnset(config, files), files),
    isJudged: ({ kind, migration }) =>
      migration === undefined
        ? applied?.kinds.has(kind) !== true
        : applied?.versions.has(migration.version) !== true && migration.version > (after ?? -1n),
    together: applied !== undefined || after !== undefined,
    severities: config.lintRules,
    settings: config,
  });
  const problems =
    files.ignore === undefined ? [] : parseIgnore(files.ignore.path, files.ignore.text).problems;
  return {
    ...report,
    findings: [...problems.map(findingOf), ...report.findings],
    problems: [...problems, ...report.problems],
  };
}

/** A DATABASE_URL that was set for something else must not keep the files from being judged. */
function sayOffline(error: unknown): never {
  if (!(error instanceof SlipwayError) || error.code !== "DATABASE_UNREACHABLE") throw error;
  throw new SlipwayError(error.code, error.message, {
    cause: error,
    next: "to judge all files without a database: slipway lint --offline",
  });
}

/** The schema that ships with slipway is not the user's to mend. */
function withoutBundled(config: Config): Config {
  return config.origins[SETTINGS.schemaPath.name]?.from === "default"
    ? { ...config, schemaPath: undefined }
    : config;
}

/** Placeholders of which no value is known here: their files can be judged without one. */
function withUnset(config: Config, { bootstrap, schema = [], migrations = [] }: SourceFiles): Config {
  const downs = migrations.flatMap(({ down }) => down ?? []);
  const all = [
    ...(bootstrap === undefined ? [] : [bootstrap]),
    ...schema,
    ...migrations.map(({ up }) => up),
    ...downs,
  ];
  const names = all.flatMap(({ text }) =>
    [...text.matchAll(/\{\{[ \t]*(\w+)[ \t]*\}\}/g)].map(([, name = ""]) => name),
  );
  return {
    ...config,
    vars: { ...Object.fromEntries(names.map((name) => [name, "placeholder"])), ...config.vars },
  };
}

interface Applied {
  readonly versions: ReadonlySet<bigint>;
  readonly kinds: ReadonlySet<InspectedFile["kind"]>;
}

/** What the records of the database say is in force there already, of exactly these files. */
async function findApplied(environment: DatabaseEnvironment, files: SourceFiles): Promise<Applied> {
  const { config } = environment;
  const runId = createRunId();
  await using session = await openCommandSession(environment, runId);
  const records = await openRecords(session, config, runId, "read");
  const ledger = await readLedger(records);
  const schema = await findDeclarativeState(records);
  const bootstrap = await findBootstrapState(records);
  const kinds = new Set<InspectedFile["kind"]>();
  if (files.schema !== undefined && schema?.filesHash === hashFiles(config, desiredFiles(files)))
    kinds.add("schema");
  if (files.bootstrap !== undefined && bootstrap?.hash === hashFiles(config, [files.bootstrap]))
    kinds.add("bootstrap");
  const versions = ledger.filter(({ status }) => status === "applied").map(({ version }) => version);
  return { versions: new Set(versions), kinds };
}

function requireKnownRules({ lintRules, origins }: Config): void {
  const known = RULES.map(({ name }) => name);
  const problems = Object.keys(lintRules).flatMap((name): Problem[] => {
    const at = origins[SETTINGS.lintRules.name]?.from ?? SETTINGS.lintRules.name;
    if (name === INVALID_FILE.name) return [{ at, message: `${name} can't be taken otherwise` }];
    return known.includes(name)
      ? []
      : [{ at, message: `there is no rule ${name}`, ...didYouMean(findNearest(name, known)) }];
  });
  if (problems.length > 0) throw new ProblemsError("CONFIG_INVALID", problems);
}

function write({ out }: Environment, report: LintReport, format: LintFormat): void {
  switch (format) {
    case "json":
      writeJson(out, toJson(report));
      return;
    case "sarif":
      writeJson(out, toSarif(report, RELEASE));
      return;
    case "github":
      out.write(formatGithub(report));
      return;
    case "text":
      // What can't be run is said once, by the error.
      out.write(
        formatText({ ...report, findings: report.findings.filter(({ rule }) => rule !== INVALID_FILE) }),
      );
  }
}
