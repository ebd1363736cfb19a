import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Dump, dumpSchemas } from "../declarative/dump/dump.ts";
import { ProblemsError, SlipwayError } from "../errors.ts";
import { findDeclarativeState } from "../records/declarative-state.ts";
import type { Records } from "../records/records.ts";
import { type IsIgnored, parseIgnore } from "../source/ignore.ts";
import { loadEngineOnce } from "./context.ts";
import { requireDumpFolder, writeDump } from "./dump-folder.ts";
import { writeJson } from "./environment.ts";
import { createRunId } from "./run-id.ts";
import { type DatabaseEnvironment, openCommandSession, openRecords } from "./session.ts";

export interface SchemaDumpOptions {
  /** Undefined for the managed ones, or all of them. */
  readonly schemas: readonly string[] | undefined;
  /** The folder to write to; undefined for stdout. */
  readonly out: string | undefined;
  readonly force: boolean;
}

/** `slipway schema dump`: the live schemas as a folder of files, or as one text. Never writes to the database. */
export async function schemaDumpCommand(
  environment: DatabaseEnvironment,
  options: SchemaDumpOptions,
): Promise<number> {
  const { config, out, log } = environment;
  if (options.out === undefined && environment.json) {
    throw new SlipwayError(
      "USAGE",
      "--json tells about the files that --out wrote, and stdout has no room for both",
      {
        next: "slipway schema dump --out ./schema --json",
      },
    );
  }
  if (options.out !== undefined) requireDumpFolder(options.out, options.force);
  const runId = createRunId();
  await using session = await openCommandSession(environment, runId);
  const records = await openRecords(session, config, runId, "read");
  const dump = await readDump(records, options.schemas, options.out);
  warn(log, dump);

  if (options.out === undefined) {
    for (const { path, text } of dump.files) out.write(`-- ${path}\n\n${text}\n`);
    return 0;
  }
  const written = writeDump(options.out, dump.files);
  if (written.foreign.length > 0) {
    log.warn(
      { files: written.foreign },
      "Files beside the dump are not part of it, and `run` reads them too",
    );
  }
  const { files, ...rest } = dump;
  if (environment.json) {
    writeJson(out, { folder: options.out, files: files.map(({ path }) => path), ...rest, ...written });
  } else {
    out.write(summaryOf(options.out, dump, written.removed));
  }
  return 0;
}

/** `folder` may hold a .slipwayignore. */
export async function readDump(
  records: Records,
  schemas: readonly string[] | undefined,
  folder: string | undefined,
): Promise<Dump> {
  return dumpSchemas(records.session, await loadEngineOnce(readIgnore(folder))(), {
    stateSchema: records.schemaName,
    schemas,
    state: await findDeclarativeState(records),
  });
}

/** What the folder's .slipwayignore leaves alone is no part of its files. */
function readIgnore(folder: string | undefined): IsIgnored | undefined {
  const path = folder === undefined ? undefined : join(folder, ".slipwayignore");
  if (path === undefined || !existsSync(path)) return undefined;
  const { isIgnored, problems } = parseIgnore(path, readFileSync(path, "utf8"));
  if (problems.length > 0) throw new ProblemsError("SOURCE_INVALID", problems);
  return isIgnored;
}

function warn(log: DatabaseEnvironment["log"], dump: Dump): void {
  if (dump.leftOut.length > 0) {
    log.warn(
      { objects: dump.leftOut },
      "What a dump can't hold is left out; keep it in bootstrap.sql or a migration",
    );
  }
  if (dump.roles.length > 0) {
    log.info({ roles: dump.roles }, "Roles are not dumped; these have to be there before the files are run");
  }
}

function summaryOf(folder: string, dump: Dump, removed: readonly string[]): string {
  const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;
  const lines = [
    `${count(dump.files.length, "file")} with ${count(dump.statements, "statement")} in ${folder}: ${dump.schemas.join(", ") || "no schema"}`,
    ...(removed.length === 0 ? [] : [`removed: ${removed.join(", ")}`]),
    ...(dump.runTimePartitions.length === 0
      ? []
      : [`${count(dump.runTimePartitions.length, "run-time partition")} left out: data, not schema`]),
    `Use it: slipway run --schema-path ${folder}`,
  ];
  return `${lines.join("\n")}\n`;
}
