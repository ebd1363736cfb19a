import type { Node } from "libpg-query";
import type { FileClass, StatementGroup } from "../../sql/file-class.ts";
import type { SqlStatement } from "../../sql/split.ts";
import type { Known } from "./known.ts";

/** `note` is said and changes nothing; with `warning` and `error` the exit code asks for a look. */
export type Severity = "off" | "note" | "warning" | "error";

/** Migrations up and down, desired schema, bootstrap.sql. */
export type FileKind = "up" | "down" | "schema" | "bootstrap";

/** One statement with its parse tree. */
export interface Judged {
  readonly statement: SqlStatement;
  readonly node: Node;
  readonly file: JudgedFile;
  /** What it runs together with; undefined in files that aren't migrations, and for BEGIN and COMMIT. */
  readonly group: StatementGroup | undefined;
  /** Of what the files before, and this one up to the statement, have made. */
  readonly known: Known;
}

export interface JudgedFile {
  readonly kind: FileKind;
  /** Those that could be parsed. */
  readonly statements: readonly Judged[];
  /** Of migrations. */
  readonly fileClass: FileClass | undefined;
  /** Whether an up migration has a way back. */
  readonly hasDown: boolean;
  readonly settings: LintSettings;
}

/** The settings of a run that rules depend on. */
export interface LintSettings {
  readonly lockTimeoutMs: number;
  readonly stateSchema: string;
}

/** Something that a rule has found. */
export interface Hit {
  /** One sentence in lower case, naming the objects. */
  readonly message: string;
  /** In bytes of the statement, as parse trees count; the statement's beginning when left out. */
  readonly at?: number | undefined;
}

export interface FileHit extends Hit {
  /** The file's beginning when left out. */
  readonly judged?: Judged | undefined;
}

/** One thing to look for. Each has its section in docs/lint.md. */
export interface Rule {
  readonly name: string;
  readonly severity: Severity;
  /** The files in which it is looked for. */
  readonly files: readonly FileKind[];
  /** What goes wrong, in one sentence. */
  readonly why: string;
  /** The safe form, in one sentence or statement. */
  readonly instead: string;
  readonly ofStatement?: (judged: Judged) => Iterable<Hit>;
  /** After all statements of the file; `known` then knows the whole file. */
  readonly ofFile?: (file: JudgedFile, known: Known) => Iterable<FileHit>;
}
