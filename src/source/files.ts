import type { Config } from "../config/config.ts";
import { type Problem, ProblemsError } from "../errors.ts";
import { hashSource } from "./hash.ts";
import { findMigrations, type Migration } from "./migrations.ts";
import { readSchemaFolder } from "./schema-folder.ts";
import type { SqlFile } from "./text.ts";

/** The user's files as they were read: named and hashed, not yet looked into. */
export interface SourceFiles {
  /** Names all of it: the same text stands for the same wish. */
  readonly hash: string;
  readonly bootstrap: SqlFile | undefined;
  readonly schema: readonly SqlFile[] | undefined;
  /** `.slipwayignore` */
  readonly ignore: SqlFile | undefined;
  readonly migrations: readonly Migration[] | undefined;
  readonly warnings: readonly Problem[];
}

export type SourceConfig = Pick<
  Config,
  | "schemaPath"
  | "migrationsPath"
  | "vars"
  | "migrationPlaceholders"
  | "extras"
  | "onOlder"
  | "drift"
  | "missing"
  | "gap"
  | "outOfOrder"
>;

/**
 * Reads and names all files; `ups` leaves the down files of migrations out, which the hash doesn't cover.
 * Throws SOURCE_INVALID with everything that is wrong with names and bytes.
 */
export function readSourceFiles(config: SourceConfig, which: "all" | "ups" = "all"): SourceFiles {
  const files = findSourceFiles(config, which);
  if (files.problems.length > 0) throw new ProblemsError("SOURCE_INVALID", files.problems);
  return files;
}

/** The same as far as they could be read, with what is wrong beside it: more may be wrong with the others' content. */
export function findSourceFiles(
  config: SourceConfig,
  which: "all" | "ups" = "all",
): SourceFiles & { readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const folder = collect(problems, () =>
    config.schemaPath === undefined ? undefined : readSchemaFolder(config.schemaPath),
  );
  const found =
    config.migrationsPath === undefined ? undefined : findMigrations(config.migrationsPath, which);
  problems.push(...(found?.problems ?? []));
  const schema = [...(folder?.bootstrap === undefined ? [] : [folder.bootstrap]), ...(folder?.files ?? [])];
  const migrations = config.migrationPlaceholders ? (found?.migrations ?? []).map(({ up }) => up) : [];
  const parts = [
    ...schema.map((file) => ({
      name: file === folder?.bootstrap ? file.name : `schemas/${file.name}`,
      checksum: file.checksum,
    })),
    ...(found === undefined ? [] : [{ name: "migrations", checksum: found.digest }]),
  ];
  const vars = { ...usedVars(config, [...schema, ...migrations]), ...settingsOf(config) };
  return {
    hash: hashSource({ files: parts, vars }),
    bootstrap: folder?.bootstrap,
    schema: folder?.files,
    ignore: folder?.ignoreFile,
    migrations: found?.migrations,
    warnings: [...(folder?.warnings ?? []), ...(found?.warnings ?? [])],
    problems,
  };
}

/** Names the content of some of the files, with the values that go into them. */
export function hashFiles(config: SourceConfig, files: readonly SqlFile[]): string {
  return hashSource({ files, vars: usedVars(config, files) });
}

function usedVars(config: SourceConfig, files: readonly { readonly text: string }[]): Record<string, string> {
  const used: Record<string, string> = {};
  for (const { text } of files) {
    if (!text.includes("{{")) continue;
    for (const [name, value] of Object.entries(config.vars)) {
      if (new RegExp(`\\{\\{\\s*${name}\\s*\\}\\}`).test(text)) used[name] = value;
    }
  }
  return used;
}

/** Settings that change what the same files ask for, or what must be said about them. */
function settingsOf(config: SourceConfig): Record<string, string> {
  const { extras, onOlder, drift, missing, gap, outOfOrder } = config;
  const settings = { extras, onOlder, drift, missing, gap, outOfOrder };
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [`setting ${name}`, value]));
}

function collect<T>(problems: Problem[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}
