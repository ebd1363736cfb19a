import type { Config } from "../config/config.ts";
import { SlipwayError } from "../errors.ts";
import type { LedgerRow } from "../records/ledger.ts";
import type { Migration } from "../source/migrations.ts";
import { readSources, type Sources } from "../source/sources.ts";

export type MigrationSources = Sources & { readonly migrations: readonly Migration[] };

/** Only the user's migrations: the other phases are `run`'s. */
export function migrationSources(config: Config): MigrationSources {
  requireFolder(config);
  const sources = readSources({ ...config, schemaPath: undefined });
  return { ...sources, migrations: sources.migrations ?? [] };
}

/** For commands that look at the ledger alone, so that they work where the files are not. */
export function noSources(config: Config): Sources {
  return readSources({ ...config, schemaPath: undefined, migrationsPath: undefined });
}

/** The folder of user migrations. */
export function requireFolder({ migrationsPath }: Config): string {
  if (migrationsPath !== undefined) return migrationsPath;
  throw new SlipwayError("CONFIG_INVALID", "no folder of user migrations is set", {
    next: "set DB_USER_MIGRATIONS_PATH, or give --migrations-path FOLDER",
  });
}

/** Throws USAGE for a version that neither a file nor the ledger has; a mistyped one must not mean "all". */
export function requireVersion(
  version: bigint,
  migrations: readonly Migration[],
  ledger: readonly LedgerRow[],
): void {
  const known = [...migrations, ...ledger];
  if (known.some((each) => each.version === version)) return;
  const highest = known
    .map((each) => each.version)
    .sort((a, b) => (a < b ? -1 : 1))
    .at(-1);
  const range = highest === undefined ? "there is none" : `the highest is ${highest}`;
  throw new SlipwayError("USAGE", `no migration has version ${version}; ${range}`, {
    next: "see `slipway migrate status`",
  });
}
