import type { Problem } from "../errors.ts";
import { ProblemsError } from "../errors.ts";
import type { Entry } from "./folder.ts";
import { isBackup, listFolder, readUnchanged } from "./folder.ts";
import type { MigrationName } from "./migration-name.ts";
import { HIGHEST_VERSION, parseMigrationName, suggestMigrationName } from "./migration-name.ts";
import { readSqlFiles, type SqlBytes, type SqlFile } from "./text.ts";

/** One change of the user's own, and the way back from it where there is one. */
export interface Migration {
  readonly version: bigint;
  /** The up file's name without direction and ending: `001_create_products`. */
  readonly name: string;
  readonly title: string;
  readonly up: SqlFile;
  readonly down?: SqlFile;
}

export interface MigrationFolder {
  /** By version; none for an empty folder. */
  readonly migrations: readonly Migration[];
  /** Hex SHA-256 that changes with any up file's name and content, byte by byte. */
  readonly digest: string;
  readonly warnings: readonly Problem[];
}

/**
 * Throws SOURCE_INVALID with everything that is wrong with the folder and its files. `ups` leaves the down
 * files unread, for whom only the way forward matters.
 */
export function readMigrations(folder: string, which: "all" | "ups" = "all"): MigrationFolder {
  const { problems, ...found } = findMigrations(folder, which);
  if (problems.length > 0) throw new ProblemsError("SOURCE_INVALID", problems);
  return found;
}

/** The same as far as it could be read, with what is wrong beside it. */
export function findMigrations(
  folder: string,
  which: "all" | "ups",
): MigrationFolder & { readonly problems: readonly Problem[] } {
  return readUnchanged([folder], () => readOnce(folder, which));
}

/** The files of one version, as far as they were found. */
interface Pair {
  up?: NamedFile;
  down?: NamedFile;
}

interface NamedFile extends MigrationName {
  readonly path: string;
  readonly name: string;
}

function readOnce(
  folder: string,
  which: "all" | "ups",
): MigrationFolder & { readonly problems: readonly Problem[] } {
  const listing = listFolder(folder);
  const problems: Problem[] = [...listing.problems];
  const warnings: Problem[] = [];
  const pairs = new Map<bigint, Pair>();
  for (const entry of listing.entries) {
    const name = entry.kind === "file" ? parseMigrationName(entry.name) : undefined;
    if (name === undefined) {
      complainAbout(entry, problems, warnings);
    } else if (name.version > HIGHEST_VERSION) {
      problems.push({ at: { file: entry.path }, message: `version is above ${HIGHEST_VERSION}` });
    } else {
      const { version, title, stem, direction } = name;
      addToPair(pairs, { version, title, stem, direction, path: entry.path, name: entry.name }, problems);
    }
  }
  const ordered = [...pairs.values()].sort((one, other) => (versionOf(one) < versionOf(other) ? -1 : 1));
  const isThere = (file: NamedFile | undefined): file is NamedFile => file !== undefined;
  const ups = readSqlFiles(ordered.map(({ up }) => up).filter(isThere));
  const downs = readSqlFiles(which === "ups" ? [] : ordered.map(({ down }) => down).filter(isThere));
  problems.push(...ups.problems, ...downs.problems);
  const migrations: Migration[] = [];
  for (const pair of ordered) {
    const migration = toMigration(pair, ups.files, downs.files, problems, warnings);
    if (migration !== undefined) migrations.push(migration);
  }
  warnings.push(...findMixedVersions(migrations, folder));
  return { migrations, digest: ups.digest, warnings, problems };
}

/** When an entry is no migration: a near miss is refused, since passing over it would deploy nothing. */
function complainAbout(entry: Entry, problems: Problem[], warnings: Problem[]): void {
  const { name, path, kind } = entry;
  if (kind === "folder" && parseMigrationName(name) !== undefined) {
    problems.push({ at: { file: path }, message: "is a folder, and is named like a migration" });
  } else if (kind === "folder") {
    // With Prisma, for one, every migration is a folder.
    const inside = listFolder(path).entries.find((nested) => /\.sql$/i.test(nested.name));
    if (inside === undefined) return;
    warnings.push({ at: { file: path }, message: `is a folder, and ${inside.name} in it is not read` });
  } else if (kind === "other") {
    if (/\.sql$/i.test(name)) problems.push({ at: { file: path }, message: "is not a regular file" });
  } else if (/\.sql$/i.test(name)) {
    const hint = `rename it to ${suggestMigrationName(name)}`;
    problems.push({ at: { file: path }, message: "is not named NNN_name.up.sql or NNN_name.down.sql", hint });
  } else if (/^\d+[-_].*\.(up|down)\b/i.test(name) && !isBackup(name)) {
    warnings.push({ at: { file: path }, message: "does not end in .sql and is not read" });
  }
}

function addToPair(pairs: Map<bigint, Pair>, found: NamedFile, problems: Problem[]): void {
  const pair = pairs.get(found.version) ?? {};
  pairs.set(found.version, pair);
  const taken = pair[found.direction];
  if (taken === undefined) {
    pair[found.direction] = found;
  } else {
    const message = `has version ${found.version}, and so has ${taken.name}`;
    problems.push({ at: { file: found.path }, message, hint: "give one of the two another version" });
  }
}

const versionOf = ({ up, down }: Pair): bigint => (up ?? down)?.version ?? 0n;

function toMigration(
  { up, down }: Pair,
  upFiles: ReadonlyMap<string, SqlBytes>,
  downFiles: ReadonlyMap<string, SqlFile>,
  problems: Problem[],
  warnings: Problem[],
): Migration | undefined {
  if (up === undefined) {
    const missing = `${down?.stem ?? ""}.up.sql`;
    if (down !== undefined)
      problems.push({ at: { file: down.path }, message: `has no ${missing} beside it` });
    return undefined;
  }
  if (down !== undefined && down.stem !== up.stem) {
    warnings.push({
      at: { file: down.path },
      message: `is the way back from ${up.name}, but is named differently`,
    });
  }
  const upFile = upFiles.get(up.path);
  if (upFile === undefined) return undefined;
  if (upFile.holdsNoStatement) warnings.push({ at: { file: up.path }, message: "holds no statement" });
  const downFile = down === undefined ? undefined : downFiles.get(down.path);
  const { version, stem: name, title } = up;
  return { version, name, title, up: upFile, ...(downFile === undefined ? {} : { down: downFile }) };
}

// Fourteen digits that begin with a year: YYYYMMDDhhmmss.
const isTimestamp = (version: bigint): boolean =>
  version >= 1900_00_00_00_00_00n && version < 2100_00_00_00_00_00n;

function findMixedVersions(migrations: readonly Migration[], folder: string): readonly Problem[] {
  const numbered = migrations.find(({ version }) => !isTimestamp(version) && version !== 0n);
  const timed = migrations.find(({ version }) => isTimestamp(version));
  if (numbered === undefined || timed === undefined) return [];
  const message = `mixes numbers (${numbered.up.name}) with timestamps (${timed.up.name})`;
  return [
    { at: { file: folder }, message, hint: "a new number will come before every timestamp, out of order" },
  ];
}
