import { parseConfig } from "../../../src/config/config.ts";
import { type LintReport, type LintRequest, lint } from "../../../src/lint/lint.ts";
import { readSourceFiles } from "../../../src/source/files.ts";
import { inspectSources } from "../../../src/source/sources.ts";
import { type Files, writeFolder } from "../../support/folder.ts";

export type LintFiles = Files;

/** Lints migrations, and files under `schema/`, as the command would without a database. */
export async function lintFiles(files: LintFiles, request: Partial<LintRequest> = {}): Promise<LintReport> {
  const migrations: Record<string, string | Uint8Array> = {};
  const schema: Record<string, string | Uint8Array> = {};
  for (const [name, content] of Object.entries(files)) {
    if (name.startsWith("schema/")) schema[name.slice("schema/".length)] = content;
    else migrations[name] = content;
  }
  const hasSchema = Object.keys(schema).length > 0;
  const config = parseConfig({
    flags: {},
    env: {
      SLIPWAY_SCHEMA_PATH: hasSchema ? writeFolder(schema) : "",
      DB_USER_MIGRATIONS_PATH: writeFolder(migrations),
    },
    needsDatabase: false,
    bundledSchemaPath: "",
  });
  return lint({
    files: inspectSources(config, readSourceFiles(config)),
    isJudged: () => true,
    together: false,
    severities: {},
    settings: config,
    ...request,
  });
}

/** `rule line:column` of each finding, with the file's name where there are several. */
export function shownFindings({ findings }: LintReport): string[] {
  return findings.map(({ rule, at }) =>
    typeof at === "string" ? `${rule.name} ${at}` : `${rule.name} ${at.line}:${at.column}`,
  );
}

/** The findings in one up migration. */
export async function lintSql(sql: string, request: Partial<LintRequest> = {}): Promise<string[]> {
  return shownFindings(await lintFiles({ "001_x.up.sql": sql }, request));
}
