import type { Problem } from "../errors.ts";
import { classifyStatement, type StatementClass } from "./classify.ts";
import type { Directive } from "./directive.ts";
import { usesValue } from "./enum-use.ts";
import { excerptAt } from "./position.ts";
import { type SplitResult, type SqlStatement, splitStatements } from "./split.ts";

/**
 * `transactional`: the file has no transaction control, and one transaction holds it all.
 * `wrapped`: the same, the file's own BEGIN and COMMIT around everything being left out.
 * `no-transaction`: it asks for that, or holds a statement that a transaction block refuses.
 * `self-managed`: it has transactions of its own, several or with statements outside.
 */
export type FileMode = "transactional" | "wrapped" | "no-transaction" | "self-managed";

/** Statements that succeed or fail together. */
export interface StatementGroup {
  /**
   * `separate`: one statement that is to have a transaction of its own, and may turn out to refuse it.
   * False: one that is known to refuse it.
   */
  readonly transactional: boolean | "separate";
  /** Without the file's own BEGIN and COMMIT. */
  readonly statements: readonly SqlStatement[];
  /** What stands behind the file's BEGIN, such as `isolation level serializable`. */
  readonly beginOptions?: string;
  /** Why the statement stands alone. */
  readonly reason?: string;
}

export interface FileClass {
  readonly mode: FileMode;
  /** Of the outermost BEGIN of a wrapped file. */
  readonly beginOptions?: string;
  readonly groups: readonly StatementGroup[];
  /** Why the file can't be run at all; the groups mean nothing then. */
  readonly problems: readonly Problem[];
}

/** How a file is to be run. `file` is the path that problems name. */
export function classifyFile(
  file: string,
  sql: string,
  split: SplitResult = splitStatements(sql),
): FileClass {
  return new FileClassifier(file, sql, split).classify();
}

/** The procedure may end transactions where nothing else is in the message (manual, CALL), as golang-migrate sends it. */
const CALL_ALONE = "CALL, the only statement of its file";

interface Block {
  readonly begin: SqlStatement;
  readonly options: string;
  readonly statements: SqlStatement[];
}

class FileClassifier {
  readonly #file: string;
  readonly #sql: string;
  readonly #statements: readonly SqlStatement[];
  readonly #classes: readonly StatementClass[];
  readonly #directive: Directive | undefined;
  readonly #groups: StatementGroup[] = [];
  readonly #problems: Problem[] = [];
  #loose: SqlStatement[] = [];
  #block: Block | undefined;
  #blocks = 0;

  constructor(file: string, sql: string, split: SplitResult) {
    this.#file = file;
    this.#sql = sql;
    this.#statements = split.statements;
    this.#classes = split.statements.map(classifyStatement);
    this.#directive = split.directives.find(({ name }) => name === "no-transaction");
  }

  classify(): FileClass {
    for (const [index, statement] of this.#statements.entries()) this.#take(statement, index);
    this.#endOfFile();
    const groups = this.#groups;
    const problems = this.#problems;
    const mode = this.#mode();
    const [first] = groups;
    return mode === "wrapped" && first?.beginOptions !== undefined
      ? { mode, beginOptions: first.beginOptions, groups, problems }
      : { mode, groups, problems };
  }

  #mode(): FileMode {
    if (this.#blocks === 1 && this.#isWrapped()) return "wrapped";
    if (this.#blocks > 0) return "self-managed";
    return this.#groups.every(({ transactional }) => transactional === true)
      ? "transactional"
      : "no-transaction";
  }

  #isWrapped(): boolean {
    return this.#classes[0]?.control?.kind === "begin" && this.#classes.at(-1)?.control?.kind === "commit";
  }

  #take(statement: SqlStatement, index: number): void {
    const found = this.#classes[index];
    switch (found?.control?.kind) {
      case "begin":
        this.#begin(statement, found.control.options);
        return;
      case "commit":
        this.#commit(statement, found.control.chain);
        return;
      case "rollback":
        this.#block = undefined;
        this.#refuse(statement, "ROLLBACK undoes what the file did", "leave out what is not to be kept");
        return;
      case "prepare transaction":
        this.#block = undefined;
        this.#refuse(
          statement,
          "PREPARE TRANSACTION leaves a transaction that nobody ends",
          "end the transaction with COMMIT",
        );
        return;
      default:
        if (found !== undefined) this.#ordinary(statement, found, index);
    }
  }

  #begin(statement: SqlStatement, options: string): void {
    if (this.#block !== undefined) {
      this.#refuse(
        statement,
        `BEGIN inside the transaction that line ${this.#block.begin.line} began`,
        "end that one with COMMIT first; for a part that may fail use SAVEPOINT",
      );
      return;
    }
    this.#endLoose();
    this.#block = { begin: statement, options, statements: [] };
  }

  #commit(statement: SqlStatement, chain: boolean): void {
    const block = this.#block;
    if (block === undefined) {
      const words = chain ? "COMMIT AND CHAIN" : "COMMIT";
      this.#refuse(
        statement,
        `${words} without BEGIN`,
        "leave it out, or begin the file's own transaction with BEGIN",
      );
      return;
    }
    this.#endBlock(block);
    this.#block = chain ? { begin: statement, options: block.options, statements: [] } : undefined;
  }

  #endBlock({ statements, options }: Block): void {
    this.#blocks += 1;
    if (statements.length === 0) return;
    this.#groups.push(
      options === ""
        ? { transactional: true, statements }
        : { transactional: true, statements, beginOptions: options },
    );
  }

  #ordinary(statement: SqlStatement, found: StatementClass, index: number): void {
    const block = this.#block;
    if (block !== undefined) {
      this.#checkInBlock(block, statement, found);
      block.statements.push(statement);
      return;
    }
    const reason = this.#reasonToStandAlone(statement, found, index);
    if (reason === undefined) {
      this.#loose.push(statement);
      return;
    }
    this.#endLoose();
    const isRefused =
      found.nonTransactional !== undefined || (found.verb === "call" && reason !== CALL_ALONE);
    this.#groups.push({ transactional: isRefused ? false : "separate", statements: [statement], reason });
  }

  #checkInBlock(block: Block, statement: SqlStatement, found: StatementClass): void {
    const { line } = block.begin;
    if (found.nonTransactional !== undefined && found.alwaysRefused) {
      this.#refuse(
        statement,
        `${found.nonTransactional} can't run in the transaction that line ${line} began`,
        "move it behind COMMIT, or into a file of its own",
      );
    } else if (wantsNoTransaction(statement)) {
      this.#refuse(
        statement,
        `a no-transaction directive in the transaction that line ${line} began`,
        "move the statement behind COMMIT, or leave out the directive",
      );
    }
  }

  #reasonToStandAlone(statement: SqlStatement, found: StatementClass, index: number): string | undefined {
    if (found.nonTransactional !== undefined) return found.nonTransactional;
    if (this.#directive !== undefined) return `no-transaction directive (${this.#directive.tool})`;
    if (wantsNoTransaction(statement)) return "no-transaction directive (slipway)";
    if (found.verb === "call" && this.#statements.length === 1) return CALL_ALONE;
    const value = found.addsEnumValue?.value;
    const use =
      value === undefined
        ? undefined
        : this.#statements.find((later, at) => at > index && usesValue(later.text, value));
    return use === undefined ? undefined : `the new enum value is used in line ${use.line}`;
  }

  #endLoose(): void {
    if (this.#loose.length > 0) this.#groups.push({ transactional: true, statements: this.#loose });
    this.#loose = [];
  }

  #endOfFile(): void {
    this.#endLoose();
    const block = this.#block;
    if (block === undefined) return;
    this.#endBlock(block);
    this.#refuse(block.begin, "a transaction begins here and never ends", "end it with COMMIT");
  }

  #refuse(statement: SqlStatement, message: string, hint: string): void {
    this.#problems.push({
      at: { file: this.#file, line: statement.line, column: statement.column },
      message,
      hint,
      excerpt: excerptAt(this.#sql, statement.start, statement.line),
    });
  }
}

function wantsNoTransaction(statement: SqlStatement): boolean {
  return statement.directives.some(({ name }) => name === "no-transaction");
}
