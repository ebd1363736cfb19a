export interface MigrationName {
  readonly version: bigint;
  /** The words after the version. */
  readonly title: string;
  /** The file's name without direction and ending: `001_create_products`. */
  readonly stem: string;
  readonly direction: "up" | "down";
}

/** The ledger's column is a bigint. */
export const HIGHEST_VERSION = 9_223_372_036_854_775_807n;

const MIGRATION = /^((\d+)_(.*))\.(up|down)\.sql$/s;

/** golang-migrate's reading of a file's name, except that the ending has to be `.sql`. */
export function parseMigrationName(file: string): MigrationName | undefined {
  const [, stem, digits, title, direction] = MIGRATION.exec(file) ?? [];
  if (stem === undefined || digits === undefined || title === undefined) return undefined;
  return { version: BigInt(digits), title, stem, direction: direction === "down" ? "down" : "up" };
}

/** What a file that is no migration was most likely meant to be called. */
export function suggestMigrationName(file: string): string {
  const stem = file.replace(/\.sql$/i, "");
  const [, kind, flywayVersion = "", flywayTitle = ""] = /^([VUR])([\d._]*)__(.+)$/i.exec(stem) ?? [];
  if (kind !== undefined) {
    const version = /^\d+$/.test(flywayVersion) ? flywayVersion : "NNN";
    return `${version}_${flywayTitle}.${kind.toUpperCase() === "U" ? "down" : "up"}.sql`;
  }
  const [rest, direction] = splitDirection(stem);
  const [, version, title] = /^(\d+)(?:[-_.\s]+(.*))?$/s.exec(rest) ?? [];
  if (version === undefined) return `NNN_${rest}.${direction}.sql`;
  return `${version}_${title ?? "name"}.${direction}.sql`;
}

// Only what stands after a dot is a direction: `001_clean_up.sql` is a migration named `clean_up`.
function splitDirection(stem: string): readonly [rest: string, direction: "up" | "down"] {
  const [, rest, word = ""] = /^(.+)\.([a-z]+)$/is.exec(stem) ?? [];
  if (rest === undefined) return [stem, "up"];
  if (/^[down]{2,5}$/i.test(word)) return [rest, "down"];
  const isNearlyUp = /^[a-z]?[up][a-z]?$/i.test(word);
  return isNearlyUp ? [rest, "up"] : [stem, "up"];
}
