import type { Problem } from "../errors.ts";
import { ProblemsError } from "../errors.ts";
import type { Entry } from "./folder.ts";
import { isBackup, listFolder, readUnchanged } from "./folder.ts";
import type { MigrationName } from "./migration-name.ts";
import { HIGHEST_VERSION, parseMigrationName, suggestMigrationName } from "./migration-name.ts";
import type { SqlFile } from "./text.ts";
import { holdsNoStatement, readSqlFile } from "./text.ts";

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
  readonly warnings: readonly Problem[];
}

/** Throws SOURCE_INVALID with everything that is wrong with the folder and its files. */
export function readMigrations(folder: string): MigrationFolder {
  const { problems, ...found } = readUnchanged([folder], () => readOnce(folder));
  if (problems.length > 0) throw new ProblemsError("SOURCE_INVALID", problems);
  return found;
}

/** The files of one version, as far as they were found. */
interface Pair {
  up?: NamedFile;
  down?: NamedFile;
}

interface NamedFile extends MigrationName {
  readonly path: string;
  readonly file: string;
}

function readOnce(folder: string): MigrationFolder & { readonly problems: readonly Problem[] } {
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
      addToPair(pairs, { ...name, path: entry.path, file: entry.name }, problems);
    }
  }
  const migrations: Migration[] = [];
  for (const [version, pair] of [...pairs].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const migration = readPair(version, pair, problems, warnings);
    if (migration !== undefined) migrations.push(migration);
  }
  warnings.push(...findMixedVersions(migrations, folder));
  return { migrations, warnings, problems };
}

/** When an entry is no migration: a near miss is refused, since passing over it would deploy nothing. */
function complainAbout(entry: Entry, problems: Problem[], warnings: Problem[]): void {
  const { name, path, kind } = entry;
  if (kind === "folder") {
    const inside = listFolder(path).entries.find((nested) => parseMigrationName(nested.name) !== undefined);
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
    const message = `has version ${found.version}, and so has ${taken.file}`;
    problems.push({ at: { file: found.path }, message, hint: "give one of the two another version" });
  }
}

function readPair(
  version: bigint,
  { up, down }: Pair,
  problems: Problem[],
  warnings: Problem[],
): Migration | undefined {
  const read = (named: NamedFile | undefined): SqlFile | undefined => {
    if (named === undefined) return undefined;
    const reading = readSqlFile(named.path, named.path, named.file);
    problems.push(...reading.problems);
    return reading.file;
  };
  const upFile = read(up);
  const downFile = read(down);
  if (up === undefined) {
    const missing = `${down?.stem ?? ""}.up.sql`;
    if (down !== undefined)
      problems.push({ at: { file: down.path }, message: `has no ${missing} beside it` });
    return undefined;
  }
  if (down !== undefined && down.stem !== up.stem) {
    warnings.push({
      at: { file: down.path },
      message: `is the way back from ${up.file}, but is named differently`,
    });
  }
  if (upFile === undefined) return undefined;
  if (holdsNoStatement(upFile.text)) warnings.push({ at: { file: up.path }, message: "holds no statement" });
  const { stem: name, title } = up;
  return { version, name, title, up: upFile, ...(downFile === undefined ? {} : { down: downFile }) };
}

// Fourteen digits that begin with a year: YYYYMMDDhhmmss.
const isTimestamp = (version: bigint): boolean => /^(19|20)\d{12}$/.test(String(version));

function findMixedVersions(migrations: readonly Migration[], folder: string): readonly Problem[] {
  const numbered = migrations.find(({ version }) => !isTimestamp(version) && version !== 0n);
  const timed = migrations.find(({ version }) => isTimestamp(version));
  if (numbered === undefined || timed === undefined) return [];
  const message = `mixes numbers (${numbered.up.name}) with timestamps (${timed.up.name})`;
  return [
    { at: { file: folder }, message, hint: "a new number will come before every timestamp, out of order" },
  ];
}
