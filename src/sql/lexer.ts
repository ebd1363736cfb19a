import {
  characterClass,
  DIGIT,
  isIdentifierPart,
  isOperatorPart,
  LETTER,
  OPERATOR,
  SELF,
  SPACE,
} from "./character.ts";
import {
  continuation,
  endOfBlockComment,
  endOfEscapes,
  endOfLine,
  endOfLineComment,
  endOfOperator,
} from "./token-end.ts";

/**
 * `escapeString` is `E'…'` and every literal that continues one on a later line: a backslash escapes
 * there. All other literals in single quotes, with `B`, `X`, `N` and `U&`, are `string`.
 * `unknown` is one character that no SQL token begins with.
 */
export type TokenKind =
  | "word"
  | "quotedIdentifier"
  | "string"
  | "escapeString"
  | "dollarString"
  | "number"
  | "parameter"
  | "operator"
  | "punctuation"
  | "comment"
  | "metaCommand"
  | "placeholder"
  | "unknown";

/** A lexical unit. Offsets are UTF-16 code units, `end` exclusive. */
export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  /** False when the text ends before the closing quote, tag or comment end: the token is the rest. */
  readonly closed: boolean;
}

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOLLAR = 0x24;
const MINUS = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;
const DOT = 0x2e;
const COLON = 0x3a;
const EQUALS = 0x3d;
const AMPERSAND = 0x26;
const OPEN_BRACE = 0x7b;

const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;
const PLACEHOLDER = /\{\{[ \t]*[A-Za-z_][A-Za-z0-9_]*[ \t]*\}\}/y;
const NUMBER =
  /0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:\d(?:_?\d)*(?:\.(?!\.)(?:\d(?:_?\d)*)?)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?/y;

/**
 * Reads PostgreSQL's tokens one after another, with `standard_conforming_strings` on. White space is
 * passed over, comments are tokens. Holds the current token itself, so that nothing is allocated.
 */
export class Lexer implements Token {
  kind: TokenKind = "unknown";
  start = 0;
  end = 0;
  closed = true;
  readonly #text: string;
  #continued = -1;

  constructor(text: string) {
    this.#text = text;
  }

  /** Goes on reading at `offset`, which must not be inside a token. */
  seek(offset: number): void {
    this.end = offset;
  }

  /** Moves to the next token. False at the end of the text. */
  next(): boolean {
    const text = this.#text;
    let at = this.end;
    let code = text.charCodeAt(at);
    let kind = characterClass(code);
    while (kind === SPACE) {
      at += 1;
      code = text.charCodeAt(at);
      kind = characterClass(code);
    }
    if (at >= text.length) return false;
    this.start = at;
    this.closed = true;
    if (kind === LETTER) this.#word(code);
    else if (kind === SELF) this.#take("punctuation", at + 1);
    else if (kind === DIGIT) this.#number();
    else if (kind === OPERATOR) this.#operator(code);
    else this.#other(code);
    return true;
  }

  #take(kind: TokenKind, end: number): void {
    this.kind = kind;
    this.end = end;
  }

  /** A token that a search for its end may have missed (-1). */
  #takeClosed(kind: TokenKind, end: number): void {
    this.closed = end !== -1;
    this.#take(kind, this.closed ? end : this.#text.length);
  }

  #word(first: number): void {
    const text = this.#text;
    const second = text.charCodeAt(this.start + 1);
    if (second === QUOTE || second === AMPERSAND) {
      if (this.#prefixed(first | 0x20, second)) return;
    }
    let end = this.start + 1;
    while (end < text.length && isIdentifierPart(text.charCodeAt(end))) end += 1;
    this.#take("word", end);
  }

  #prefixed(letter: number, second: number): boolean {
    const start = this.start;
    if (second === QUOTE) {
      if (letter === 0x65) this.#escapeString(start + 2);
      else if (letter === 0x6e) this.#quoted("string", "'", start + 2);
      else if (letter === 0x62 || letter === 0x78) this.#bits(start + 2);
      else return false;
      return true;
    }
    if (letter !== 0x75) return false;
    const third = this.#text.charCodeAt(start + 2);
    if (third === QUOTE) this.#quoted("string", "'", start + 3);
    else if (third === DOUBLE_QUOTE) this.#quoted("quotedIdentifier", '"', start + 3);
    else return false;
    return true;
  }

  #quoted(kind: TokenKind, quote: "'" | '"', from: number): void {
    const text = this.#text;
    const code = quote.charCodeAt(0);
    let at = text.indexOf(quote, from);
    while (at !== -1 && text.charCodeAt(at + 1) === code) at = text.indexOf(quote, at + 2);
    this.#takeClosed(kind, at === -1 ? -1 : at + 1);
  }

  /** `B'01'` and `X'1F'`, in which a doubled quote is no escape. */
  #bits(from: number): void {
    const close = this.#text.indexOf("'", from);
    this.#takeClosed("string", close === -1 ? -1 : close + 1);
  }

  #escapeString(from: number): void {
    this.#takeClosed("escapeString", endOfEscapes(this.#text, from));
    // `E'a'` <newline> `'b\'c'` is one literal to the server, and its second half escapes as well.
    this.#continued = continuation(this.#text, this.end);
  }

  #number(): void {
    NUMBER.lastIndex = this.start;
    NUMBER.test(this.#text);
    this.#take("number", NUMBER.lastIndex);
  }

  #operator(first: number): void {
    const text = this.#text;
    const second = text.charCodeAt(this.start + 1);
    if (first === MINUS && second === MINUS) {
      this.#take("comment", endOfLineComment(text, this.start));
    } else if (first === SLASH && second === STAR) {
      this.#takeClosed("comment", endOfBlockComment(text, this.start + 2));
    } else if (isOperatorPart(second)) {
      this.#take("operator", endOfOperator(text, this.start));
    } else {
      this.#take("operator", this.start + 1);
    }
  }

  #other(code: number): void {
    const text = this.#text;
    const start = this.start;
    switch (code) {
      case QUOTE:
        if (start === this.#continued) this.#escapeString(start + 1);
        else this.#quoted("string", "'", start + 1);
        return;
      case DOUBLE_QUOTE:
        this.#quoted("quotedIdentifier", '"', start + 1);
        return;
      case DOLLAR:
        this.#dollar();
        return;
      case DOT:
        if (characterClass(text.charCodeAt(start + 1)) === DIGIT) this.#number();
        else this.#take("punctuation", text.charCodeAt(start + 1) === DOT ? start + 2 : start + 1);
        return;
      case COLON: {
        const second = text.charCodeAt(start + 1);
        if (second === COLON || second === EQUALS) this.#take("operator", start + 2);
        else this.#take("punctuation", start + 1);
        return;
      }
      case BACKSLASH:
        this.#take("metaCommand", endOfLine(text, start));
        return;
      case OPEN_BRACE:
        PLACEHOLDER.lastIndex = start;
        if (PLACEHOLDER.test(text)) this.#take("placeholder", PLACEHOLDER.lastIndex);
        else this.#take("unknown", start + 1);
        return;
      default:
        this.#take("unknown", start + 1);
    }
  }

  #dollar(): void {
    const text = this.#text;
    let end = this.start + 1;
    while (characterClass(text.charCodeAt(end)) === DIGIT) end += 1;
    if (end > this.start + 1) {
      this.#take("parameter", end);
      return;
    }
    DOLLAR_TAG.lastIndex = this.start;
    if (!DOLLAR_TAG.test(text)) {
      this.#take("unknown", end);
      return;
    }
    const tag = text.slice(this.start, DOLLAR_TAG.lastIndex);
    const close = text.indexOf(tag, DOLLAR_TAG.lastIndex);
    this.#takeClosed("dollarString", close === -1 ? -1 : close + tag.length);
  }
}

/** All tokens of the text, comments included. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  const lexer = new Lexer(sql);
  while (lexer.next()) {
    tokens.push({ kind: lexer.kind, start: lexer.start, end: lexer.end, closed: lexer.closed });
  }
  return tokens;
}
