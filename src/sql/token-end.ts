import { characterClass, isOperatorPart, SPACE } from "./character.ts";

const QUOTE = 0x27;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const PLUS = 0x2b;
const SLASH = 0x2f;
const STAR = 0x2a;

// PostgreSQL refuses longer operators (NAMEDATALEN). Without the bound a long run of `+`, which is
// read again for each single `+` it falls apart into, would take quadratic time.
const OPERATOR_LIMIT = 64;

const QUOTE_OR_BACKSLASH = /['\\]/g;
const COMMENT_EDGE = /\/\*|\*\//g;
const LINE_END = /[\r\n]/g;
const LINE_ENDS: ReadonlySet<number> = new Set([0x0a, 0x0d]);
const LINE_FEED = /\r?\n/g;
const KEEPS_SIGN: ReadonlySet<number> = new Set(
  [..."~!@#^&|`?%"].map((character) => character.charCodeAt(0)),
);

/** Where a `--` comment ends: before CR or LF. */
export function endOfLineComment(text: string, from: number): number {
  return find(LINE_END, text, from);
}

/** Where a line ends for psql: before LF or CR LF. */
export function endOfLine(text: string, from: number): number {
  return find(LINE_FEED, text, from);
}

/** Behind the quote that ends a literal with backslash escapes, -1 without one. */
export function endOfEscapes(text: string, from: number): number {
  let at = find(QUOTE_OR_BACKSLASH, text, from);
  while (at < text.length) {
    const escapes = text.charCodeAt(at) === BACKSLASH;
    if (!escapes && text.charCodeAt(at + 1) !== QUOTE) return at + 1;
    at = find(QUOTE_OR_BACKSLASH, text, at + 2);
  }
  return -1;
}

/**
 * The quote that continues a literal which ended at `from`, behind white space or comments with a line
 * end in them; -1 when none does.
 */
export function continuation(text: string, from: number): number {
  let lines = 0;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return lines > 0 ? at : -1;
    if (code === MINUS && text.charCodeAt(at + 1) === MINUS) at = find(LINE_END, text, at);
    else if (characterClass(code) !== SPACE) return -1;
    if (LINE_ENDS.has(text.charCodeAt(at))) lines += 1;
  }
  return -1;
}

/** Behind the end of a comment that began before `from`, -1 without one. Comments nest. */
export function endOfBlockComment(text: string, from: number): number {
  COMMENT_EDGE.lastIndex = from;
  for (let depth = 1; depth > 0; ) {
    const edge = COMMENT_EDGE.exec(text);
    if (edge === null) return -1;
    depth += edge[0] === "/*" ? 1 : -1;
  }
  return COMMENT_EDGE.lastIndex;
}

/**
 * Where an operator ends: before a comment, and without a sign at its end that belongs to a number,
 * unless it holds one of the characters that let it end so (`@-` is one operator, `*-` is two).
 */
export function endOfOperator(text: string, start: number): number {
  let keepsSign = false;
  let withoutSigns = start + 1;
  let end = start;
  for (; end < start + OPERATOR_LIMIT; end += 1) {
    const code = text.charCodeAt(end);
    if (!isOperatorPart(code) || opensComment(text, end)) break;
    if (KEEPS_SIGN.has(code)) keepsSign = true;
    if (code !== PLUS && code !== MINUS) withoutSigns = end + 1;
  }
  return keepsSign ? end : withoutSigns;
}

function opensComment(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  const next = text.charCodeAt(at + 1);
  return (code === MINUS && next === MINUS) || (code === SLASH && next === STAR);
}

/** Where the next match begins; the end of the text without one. */
function find(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  const found = pattern.exec(text);
  return found === null ? text.length : found.index;
}
