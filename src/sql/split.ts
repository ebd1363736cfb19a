import { AtomicBody } from "./atomic-body.ts";
import { type Directive, parseDirective, parseForeignDirective } from "./directive.ts";
import { Lexer, type Token } from "./lexer.ts";
import { LineCounter } from "./position.ts";

/** One statement of a file. Offsets are UTF-16 code units of the file, `end` exclusive. */
export interface SqlStatement {
  /** As in the file, from the first token to the last, without the semicolon. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** From 1. */
  readonly line: number;
  /** From 1, in code points. */
  readonly column: number;
  /**
   * slipway's directives in comments before the statement, inside it, or behind its semicolon on the
   * same line.
   */
  readonly directives: readonly Directive[];
}

export interface SplitResult {
  readonly statements: readonly SqlStatement[];
  /** slipway's and other tools' directives before the first statement: they speak of the file. */
  readonly directives: readonly Directive[];
  /** psql's backslash commands. They end the statement they stand behind, as in psql. */
  readonly metaCommands: readonly Token[];
  /** A literal, quoted name or comment that is never closed. The last statement reaches to the end. */
  readonly unterminated: Token | undefined;
}

/**
 * Splits a file into the statements the server would see. Semicolons in literals, comments,
 * parentheses and `begin atomic` bodies do not split; empty statements vanish. Lines of data behind a
 * `copy … from stdin` are passed over up to `\.`.
 */
export function splitStatements(sql: string): SplitResult {
  return new Splitter(sql).split();
}

const OPEN = 0x28;
const CLOSE = 0x29;
const SEMICOLON = 0x3b;
const FROM_STDIN = /\bfrom\s+stdin\b/i;
const END_OF_DATA = /^\\\.[ \t]*\r?$/gm;

class Splitter {
  readonly #sql: string;
  readonly #lexer: Lexer;
  readonly #lines: LineCounter;
  readonly #statements: SqlStatement[] = [];
  readonly #fileDirectives: Directive[] = [];
  readonly #metaCommands: Token[] = [];
  #unterminated: Token | undefined;
  #start = -1;
  #end = 0;
  #parentheses = 0;
  #body: AtomicBody | undefined;
  #directives: Directive[] = [];
  #finished: { readonly end: number; readonly directives: Directive[] } | undefined;
  #mayHoldData = true;

  constructor(sql: string) {
    this.#sql = sql;
    this.#lexer = new Lexer(sql);
    this.#lines = new LineCounter(sql);
  }

  split(): SplitResult {
    const lexer = this.#lexer;
    while (lexer.next()) {
      if (!lexer.closed) this.#unterminated = copyOf(lexer);
      if (lexer.kind === "comment") this.#comment();
      else if (lexer.kind === "metaCommand") this.#metaCommand();
      else if (this.#isEnd()) this.#finish(lexer.end);
      else this.#token();
    }
    this.#finish(this.#sql.length);
    return {
      statements: this.#statements,
      directives: this.#fileDirectives,
      metaCommands: this.#metaCommands,
      unterminated: this.#unterminated,
    };
  }

  #isEnd(): boolean {
    return (
      this.#lexer.kind === "punctuation" &&
      this.#sql.charCodeAt(this.#lexer.start) === SEMICOLON &&
      this.#parentheses === 0 &&
      this.#body?.open !== true
    );
  }

  #token(): void {
    const { kind, start, end } = this.#lexer;
    if (this.#start === -1) {
      this.#start = start;
      this.#body = new AtomicBody();
    }
    this.#end = end;
    const body = this.#body;
    if (kind === "word") {
      if (body !== undefined && this.#parentheses === 0) body.word(this.#sql.slice(start, end));
    } else if (kind === "punctuation") {
      const code = this.#sql.charCodeAt(start);
      if (code === OPEN) this.#parentheses += 1;
      else if (code === CLOSE && this.#parentheses > 0) this.#parentheses -= 1;
      body?.other(code === 0x2e ? "." : "");
    } else body?.other("");
    if (body?.impossible === true) this.#body = undefined;
  }

  #comment(): void {
    const { start, end } = this.#lexer;
    const comment = this.#sql.slice(start, end);
    const directive = parseDirective(comment, start);
    if (directive === undefined) {
      if (this.#start !== -1 || this.#statements.length > 0) return;
      const foreign = parseForeignDirective(comment, start);
      if (foreign !== undefined) this.#fileDirectives.push(foreign);
      return;
    }
    const finished = this.#finished;
    if (
      this.#start === -1 &&
      finished !== undefined &&
      !this.#sql.slice(finished.end, start).includes("\n")
    ) {
      finished.directives.push(directive);
      return;
    }
    this.#directives.push(directive);
    if (this.#start === -1 && this.#statements.length === 0) this.#fileDirectives.push(directive);
  }

  #metaCommand(): void {
    this.#metaCommands.push(copyOf(this.#lexer));
    this.#finish(this.#lexer.end);
  }

  /** When a statement ends at `terminator`, or only white space and comments did. */
  #finish(terminator: number): void {
    if (this.#start === -1) return;
    const start = this.#start;
    const text = this.#sql.slice(start, this.#end);
    const { line, column } = this.#lines.at(start);
    const directives = this.#directives;
    this.#statements.push({ text, start, end: this.#end, line, column, directives });
    this.#finished = { end: terminator, directives };
    this.#start = -1;
    this.#parentheses = 0;
    this.#body = undefined;
    this.#directives = [];
    if (/^copy\b/i.test(text) && FROM_STDIN.test(text)) this.#passData(terminator);
  }

  #passData(from: number): void {
    if (!this.#mayHoldData) return;
    END_OF_DATA.lastIndex = from;
    // Without the end mark there is no data here, nor behind any later copy: never look again.
    this.#mayHoldData = END_OF_DATA.test(this.#sql);
    if (this.#mayHoldData) this.#lexer.seek(END_OF_DATA.lastIndex);
  }
}

function copyOf(lexer: Lexer): Token {
  return { kind: lexer.kind, start: lexer.start, end: lexer.end, closed: lexer.closed };
}
