import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "../errors.ts";
import { ProblemsError } from "../errors.ts";
import { compareCodeUnits, listFolder, readUnchanged } from "./folder.ts";
import type { SqlFile } from "./text.ts";
import { holdsNoStatement, readSqlFile } from "./text.ts";

export interface SchemaFolder {
  readonly bootstrap?: SqlFile;
  /** By their names, which are relative to `schemas/`. Absent: there is no `schemas/`, and so no declarative phase. Never empty. */
  readonly files?: readonly SqlFile[];
  readonly ignoreFile?: SqlFile;
  readonly warnings: readonly Problem[];
}

const BOOTSTRAP = "bootstrap.sql";
const SCHEMAS = "schemas";
const IGNORE = ".slipwayignore";
const EMPTY_HINT = `to have no desired schema, remove ${SCHEMAS}/`;

/** Throws SOURCE_INVALID with everything that is wrong with the folder and its files. */
export function readSchemaFolder(folder: string): SchemaFolder {
  const { problems, ...found } = readUnchanged([folder, join(folder, SCHEMAS)], () => readOnce(folder));
  if (problems.length > 0) throw new ProblemsError("SOURCE_INVALID", problems);
  return found;
}

function readOnce(folder: string): SchemaFolder & { readonly problems: readonly Problem[] } {
  const { entries, problems: unreadable } = listFolder(folder);
  const problems: Problem[] = [...unreadable];
  const warnings: Problem[] = [];
  const has = (name: string): boolean => entries.some((entry) => entry.name === name);
  if (unreadable.length === 0 && !has(BOOTSTRAP) && !has(SCHEMAS)) {
    problems.push({ at: { file: folder }, message: `holds neither ${BOOTSTRAP} nor ${SCHEMAS}/` });
  }
  for (const { name, path } of entries) {
    if (name === BOOTSTRAP || !/\.sql$/i.test(name)) continue;
    warnings.push({ at: { file: path }, message: "is not read", hint: `desired schemas are in ${SCHEMAS}/` });
  }
  const bootstrap = has(BOOTSTRAP) ? readPart(folder, BOOTSTRAP, problems) : undefined;
  const files = has(SCHEMAS) ? readSchemas(folder, problems, warnings) : undefined;
  const ignoreFile = existsSync(join(folder, IGNORE)) ? readPart(folder, IGNORE, problems) : undefined;
  return {
    ...(bootstrap === undefined ? {} : { bootstrap }),
    ...(files === undefined ? {} : { files }),
    ...(ignoreFile === undefined ? {} : { ignoreFile }),
    warnings,
    problems,
  };
}

function readPart(folder: string, name: string, problems: Problem[]): SqlFile | undefined {
  const path = join(folder, name);
  const reading = readSqlFile(path, path, name);
  problems.push(...reading.problems);
  return reading.file;
}

function readSchemas(folder: string, problems: Problem[], warnings: Problem[]): readonly SqlFile[] {
  const schemas = join(folder, SCHEMAS);
  const names: string[] = [];
  collect("", new Set());
  const files = names
    .sort(compareCodeUnits)
    .map((name) => readPart(schemas, name, problems))
    .filter((file) => file !== undefined);
  // Read as a desired schema, nothing would be a wish to drop everything; it is nearly always a mount or a
  // path that went wrong.
  if (problems.length === 0 && files.every((file) => holdsNoStatement(file.text))) {
    problems.push({
      at: { file: schemas },
      message: "holds no SQL statement",
      hint: EMPTY_HINT,
    });
  }
  return files;

  function collect(relative: string, above: ReadonlySet<string>): void {
    const listing = listFolder(join(schemas, relative));
    problems.push(...listing.problems);
    for (const { name, path, kind, target } of listing.entries) {
      const nested = `${relative}${name}`;
      if (kind === "folder") {
        if (target !== undefined && above.has(target)) {
          problems.push({ at: { file: path }, message: "is a symlink that leads back to a folder above it" });
        } else {
          collect(`${nested}/`, target === undefined ? above : new Set([...above, target]));
        }
      } else if (kind === "file" && name.endsWith(".sql")) {
        names.push(nested);
      } else if (/\.sql$/i.test(name)) {
        // Passing over it would plan the drop of all that it declares.
        const hint = kind === "file" ? { hint: `rename it to ${name.slice(0, -4)}.sql` } : {};
        problems.push({ at: { file: path }, message: "is not a regular file that ends in .sql", ...hint });
      } else if (!/^README/i.test(name)) {
        warnings.push({ at: { file: path }, message: "does not end in .sql and is not read" });
      }
    }
  }
}
