import { Lexer, type Token, type TokenKind } from "./lexer.ts";
import { identifierName, literalValue } from "./literal.ts";

/** A name as written, folded and unquoted as PostgreSQL does it; the catalog part is left out. */
export interface ObjectName {
  readonly schema: string | undefined;
  readonly name: string;
}

const PLAIN: ReadonlySet<TokenKind> = new Set(["word", "punctuation", "operator"]);

/** Reads the significant tokens of one statement from its head on, no further than asked. */
export class TokenCursor {
  readonly #sql: string;
  readonly #lexer: Lexer;
  readonly #ahead: Token[] = [];

  constructor(sql: string) {
    this.#sql = sql;
    this.#lexer = new Lexer(sql);
  }

  /** The token `distance` after the next one. */
  peek(distance = 0): Token | undefined {
    while (this.#ahead.length <= distance) {
      if (!this.#lexer.next()) return undefined;
      const { kind, start, end, closed } = this.#lexer;
      if (kind !== "comment") this.#ahead.push({ kind, start, end, closed });
    }
    return this.#ahead[distance];
  }

  take(): Token | undefined {
    const token = this.peek();
    this.#ahead.shift();
    return token;
  }

  get atEnd(): boolean {
    return this.peek() === undefined;
  }

  /** The coming token in lower case if it is an unquoted word, a sign or an operator, otherwise `""`. */
  word(distance = 0): string {
    const token = this.peek(distance);
    return token !== undefined && PLAIN.has(token.kind) ? this.text(token).toLowerCase() : "";
  }

  /** Passes the words if all of them come next, otherwise stays. */
  skip(...words: readonly string[]): boolean {
    if (!words.every((word, distance) => this.word(distance) === word)) return false;
    for (const _ of words) this.take();
    return true;
  }

  /** Goes to the next place outside parentheses where this word stands, and passes it. */
  skipTo(word: string): boolean {
    while (!this.atEnd) {
      if (this.skip(word)) return true;
      if (!this.skipParentheses()) this.take();
    }
    return false;
  }

  /** Passes a group in parentheses if one comes next. */
  skipParentheses(): boolean {
    if (this.word() !== "(") return false;
    let depth = 0;
    do {
      const word = this.word();
      if (word === "(") depth += 1;
      else if (word === ")") depth -= 1;
      this.take();
    } while (depth > 0 && !this.atEnd);
    return true;
  }

  /** Takes a name of up to three parts if one comes next. */
  name(): ObjectName | undefined {
    const parts: string[] = [];
    do {
      const token = this.peek();
      if (token?.kind !== "word" && token?.kind !== "quotedIdentifier") break;
      parts.push(identifierName(this.#sql, token));
      this.take();
    } while (this.skip("."));
    const name = parts.at(-1);
    return name === undefined ? undefined : { schema: parts.at(-2), name };
  }

  /** Takes names separated by commas. */
  names(): ObjectName[] {
    const names: ObjectName[] = [];
    do {
      const name = this.name();
      if (name !== undefined) names.push(name);
    } while (this.skip(","));
    return names;
  }

  /** Takes a literal if one comes next. */
  literal(): string | undefined {
    const token = this.peek();
    if (token === undefined || !isString(token)) return undefined;
    this.take();
    return literalValue(this.#sql, token);
  }

  /** Takes `(name [= value], …)`; a name without a value has the value `""`. */
  options(): Map<string, string> {
    const options = new Map<string, string>();
    if (!this.skip("(")) return options;
    while (!this.atEnd && !this.skip(")")) {
      const name = this.name()?.name ?? "";
      let value = "";
      while (!this.atEnd && this.word() !== "," && this.word() !== ")") {
        const token = this.peek();
        value = this.literal() ?? (token === undefined ? "" : this.text(token));
        if (token === this.peek()) this.take();
      }
      options.set(name, value.toLowerCase());
      this.skip(",");
    }
    return options;
  }

  text(token: Token): string {
    return this.#sql.slice(token.start, token.end);
  }

  /** The rest as written, from the next token on. */
  rest(): string {
    const token = this.peek();
    return token === undefined ? "" : this.#sql.slice(token.start).trim();
  }
}

export function isString(token: Token): boolean {
  return token.kind === "string" || token.kind === "escapeString" || token.kind === "dollarString";
}
