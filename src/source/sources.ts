import { type Problem, ProblemsError } from "../errors.ts";
import { classifyStatement } from "../sql/classify.ts";
import { extensionOf } from "../sql/extension.ts";
import { classifyFile, type FileClass } from "../sql/file-class.ts";
import { readScript, type Script } from "../sql/script.ts";
import { skeletonOf } from "../sql/skeleton.ts";
import { findSourceFiles, hashFiles, type SourceConfig, type SourceFiles } from "./files.ts";
import { hashSource } from "./hash.ts";
import { type IsIgnored, parseIgnore } from "./ignore.ts";
import type { Migration } from "./migrations.ts";
import { listSnapshots, type SnapshotFile } from "./snapshots.ts";
import type { SqlFile } from "./text.ts";

/** A migration file made ready to run. */
export interface MigrationScript {
  readonly script: Script;
  readonly fileClass: FileClass;
}

/** The files of the desired schema. */
export interface SchemaSources {
  readonly scripts: readonly Script[];
  readonly hash: string;
  /**
   * Names what the desired schema is made from, bootstrap.sql with it: unlike `hash`, which tells releases
   * apart. Values that bootstrap.sql takes as literals don't count, a password above all: no schema is
   * another one for it.
   */
  readonly desiredHash: string;
  findSnapshots(): readonly SnapshotFile[];
  /** What `.slipwayignore` names; undefined where there is none. */
  readonly isIgnored: IsIgnored | undefined;
}

/** Everything that the user's files ask for. */
export interface Sources {
  readonly hash: string;
  readonly bootstrap: { readonly script: Script; readonly hash: string } | undefined;
  readonly schema: SchemaSources | undefined;
  readonly migrations: readonly Migration[] | undefined;
  /** What is odd about the files, and keeps nothing from running. */
  readonly warnings: readonly Problem[];
  scriptOf(migration: Migration, direction: "up" | "down"): MigrationScript;
  /** Throws SOURCE_INVALID with everything that is wrong in any of them. */
  scriptsOf(files: readonly MigrationFile[]): readonly MigrationScript[];
}

export interface MigrationFile {
  readonly migration: Migration;
  readonly direction: "up" | "down";
}

/** Looks into the files. Throws SOURCE_INVALID with everything in them that could not be run. */
export function prepareSources(
  config: SourceConfig,
  files: SourceFiles & { readonly problems?: readonly Problem[] },
): Sources {
  const reader = new ScriptReader(config, files.problems);
  const bootstrap = files.bootstrap === undefined ? undefined : reader.bootstrap(files.bootstrap);
  const schema = files.schema?.map((file) => reader.schemaFile(file));
  const isIgnored = files.ignore === undefined ? undefined : reader.ignoreFile(files.ignore);
  for (const migration of files.migrations ?? []) reader.migration(migration, "up");
  reader.requireSound();
  const hashOf = (some: readonly SqlFile[]): string => hashFiles(config, some);
  const scriptsOf = (some: readonly MigrationFile[]): readonly MigrationScript[] => {
    const ready = some.map(({ migration, direction }) => reader.migration(migration, direction));
    reader.requireSound();
    return ready;
  };
  return {
    hash: files.hash,
    bootstrap:
      bootstrap === undefined || files.bootstrap === undefined
        ? undefined
        : { script: bootstrap, hash: hashOf([files.bootstrap]) },
    schema:
      schema === undefined || files.schema === undefined
        ? undefined
        : {
            scripts: schema,
            hash: hashOf(desiredFiles(files)),
            desiredHash: hashDesired(config, files, bootstrap),
            isIgnored,
            findSnapshots: () => (config.schemaPath === undefined ? [] : listSnapshots(config.schemaPath)),
          },
    migrations: files.migrations,
    warnings: files.warnings,
    scriptsOf,
    scriptOf(migration, direction) {
      const [ready] = scriptsOf([{ migration, direction }]);
      if (ready === undefined) throw new Error(`${migration.name} was not read`);
      return ready;
    },
  };
}

/** Both at once, for commands that always look into the files. */
export function readSources(config: SourceConfig): Sources {
  return prepareSources(config, findSourceFiles(config));
}

/** What the hash of the desired schema covers. */
export function desiredFiles(files: SourceFiles): readonly SqlFile[] {
  return [...(files.schema ?? []), ...(files.ignore === undefined ? [] : [files.ignore])];
}

function hashDesired(config: SourceConfig, files: SourceFiles, bootstrap: Script | undefined): string {
  return hashSource({
    files: files.bootstrap === undefined ? [] : [files.bootstrap],
    vars: {
      schema: hashFiles(config, desiredFiles(files)),
      bootstrap: bootstrap === undefined ? "" : skeletonOf(bootstrap.text),
    },
  });
}

/** One of the user's files made ready, with everything in it that could not be run. */
export interface InspectedFile {
  readonly kind: "bootstrap" | "schema" | "up" | "down";
  readonly script: Script;
  /** Of migrations. */
  readonly migration: Migration | undefined;
  readonly fileClass: FileClass | undefined;
  readonly problems: readonly Problem[];
}

/** Looks into all files, the ways back too, and throws nothing: what is wrong is said of each file. */
export function inspectSources(config: SourceConfig, files: SourceFiles): readonly InspectedFile[] {
  const inspect = (
    kind: InspectedFile["kind"],
    migration: Migration | undefined,
    read: (reader: ScriptReader) => Script | MigrationScript,
  ): InspectedFile => {
    const reader = new ScriptReader(config);
    const found = read(reader);
    const { problems } = reader;
    return "script" in found
      ? { kind, migration, ...found, problems }
      : { kind, migration, script: found, fileClass: undefined, problems };
  };
  const { bootstrap, schema = [], migrations = [] } = files;
  return [
    ...(bootstrap === undefined
      ? []
      : [inspect("bootstrap", undefined, (reader) => reader.bootstrap(bootstrap))]),
    ...schema.map((file) => inspect("schema", undefined, (reader) => reader.schemaFile(file))),
    ...migrations.flatMap((migration) => [
      inspect("up", migration, (reader) => reader.migration(migration, "up")),
      ...(migration.down === undefined
        ? []
        : [inspect("down", migration, (reader) => reader.migration(migration, "down"))]),
    ]),
  ];
}

class ScriptReader {
  readonly #config: SourceConfig;
  readonly #problems: Problem[];
  readonly #migrations = new Map<SqlFile, MigrationScript>();

  constructor(config: SourceConfig, problems: readonly Problem[] = []) {
    this.#config = config;
    this.#problems = [...problems];
  }

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  bootstrap(file: SqlFile): Script {
    const script = this.#read(file, true);
    for (const statement of script.statements) {
      const { control, nonTransactional } = classifyStatement(statement);
      if (control !== undefined && control.kind !== "savepoint") {
        this.#complain(
          script,
          statement.start,
          "bootstrap.sql is one transaction: it cannot begin or end one itself",
        );
      } else if (nonTransactional !== undefined) {
        this.#complain(
          script,
          statement.start,
          `${nonTransactional} cannot run in bootstrap.sql, which is one transaction`,
        );
      }
      if (
        statement.directives.some(({ name }) => name === "optional") &&
        extensionOf(statement) === undefined
      ) {
        this.#complain(script, statement.start, "only `create extension` can be optional");
      }
    }
    return script;
  }

  schemaFile(file: SqlFile): Script {
    const script = this.#read(file, true);
    for (const statement of script.statements) {
      const complaint = complaintOfState(statement);
      if (complaint !== undefined) this.#complain(script, statement.start, complaint.message, complaint.hint);
    }
    return script;
  }

  ignoreFile(file: SqlFile): IsIgnored {
    const { isIgnored, problems } = parseIgnore(file.path, file.text);
    this.#problems.push(...problems);
    return isIgnored;
  }

  migration(migration: Migration, direction: "up" | "down"): MigrationScript {
    const file = direction === "up" ? migration.up : migration.down;
    if (file === undefined) throw new Error(`${migration.name} has no ${direction} file`);
    const known = this.#migrations.get(file);
    if (known !== undefined) return known;
    const script = this.#read(file, this.#config.migrationPlaceholders);
    const fileClass = classifyFile(file.path, script.text, {
      statements: script.statements,
      directives: script.directives,
      metaCommands: [],
      unterminated: undefined,
    });
    this.#problems.push(...fileClass.problems);
    const ready = { script, fileClass };
    this.#migrations.set(file, ready);
    return ready;
  }

  requireSound(): void {
    if (this.#problems.length > 0) throw new ProblemsError("SOURCE_INVALID", this.#problems);
  }

  #read(file: SqlFile, hasPlaceholders: boolean): Script {
    const { script, problems } = readScript(file, hasPlaceholders ? this.#config.vars : undefined);
    this.#problems.push(...problems);
    return script;
  }

  #complain(script: Script, offset: number, message: string, hint?: string): void {
    this.#problems.push({
      at: script.placeOf(offset),
      message,
      excerpt: script.excerptOf(offset),
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

/** Schema files describe a state. What happens once belongs in a migration, what is the server's in bootstrap.sql. */
function complaintOfState(
  statement: Parameters<typeof classifyStatement>[0],
): { message: string; hint: string } | undefined {
  const { control, nonTransactional, verb, concurrent } = classifyStatement(statement);
  if (control !== undefined) {
    return { message: "a schema file describes a state and has no transactions", hint: "remove it" };
  }
  if (concurrent?.kind === "create index") {
    return {
      message: "a schema file describes a state: how an index is built is slipway's business",
      hint: "remove CONCURRENTLY",
    };
  }
  if (nonTransactional !== undefined) {
    return { message: `${nonTransactional} describes no state`, hint: "move it to a migration" };
  }
  if (/^(?:insert|update|delete|merge|truncate|copy|call|select|lock|refresh|with)\b/.test(verb)) {
    if (verb === "select") return undefined;
    return {
      message: `${verb.toUpperCase()} is a one-time action, which a schema file cannot hold`,
      hint: "move it to a migration",
    };
  }
  if (/^(?:create|alter|drop) (?:role|user(?! mapping)|group|database|tablespace|system)\b/.test(verb)) {
    return { message: `${verb.toUpperCase()} concerns the whole server`, hint: "move it to bootstrap.sql" };
  }
  if (/^drop\b/.test(verb) && !/^drop\s[^;]*?\bif\s+exists\b/i.test(statement.text)) {
    return {
      message: "a schema file describes what is there, not what to drop",
      hint: "leave the object out: it is dropped when it was in the files before",
    };
  }
  return undefined;
}
