/** A place in a text: both from 1, the column in code points, a tab being one. */
export interface LineColumn {
  readonly line: number;
  readonly column: number;
}

const EXCERPT_WIDTH = 200;
const CUT = "…";
// What would move the cursor or hide text in a terminal. Tabs stay: the caret's line repeats them.
const CONTROL = /(?!\t)\p{Cc}|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const ZERO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;
const DOUBLE_WIDTH =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;

/** Line and column of a UTF-16 offset. Lines end in LF, as PostgreSQL and editors count them. */
export function lineColumnAt(text: string, offset: number): LineColumn {
  return new LineCounter(text).at(offset);
}

/** The same for many offsets of one text in ascending order, in one pass over it. */
export class LineCounter {
  readonly #text: string;
  #offset = 0;
  #line = 1;
  #column = 1;
  // Kept between calls: looking for it again in each of many statements on one line is quadratic.
  #lineFeed: number;

  constructor(text: string) {
    this.#text = text;
    this.#lineFeed = text.indexOf("\n");
  }

  /** `offset` must not be less than the one before. */
  at(offset: number): LineColumn {
    const text = this.#text;
    const target = Math.min(offset, text.length);
    let from = this.#offset;
    while (this.#lineFeed !== -1 && this.#lineFeed < target) {
      this.#line += 1;
      this.#column = 1;
      from = this.#lineFeed + 1;
      this.#lineFeed = text.indexOf("\n", from);
    }
    this.#column += codePoints(text, from, target);
    this.#offset = target;
    return { line: this.#line, column: this.#column };
  }
}

/**
 * The UTF-16 offset of PostgreSQL's error position (field `P`), which counts code points of the text
 * sent, from 1. One beyond the last character means the end of the text.
 */
export function offsetOfServerPosition(text: string, position: number): number {
  let offset = 0;
  for (let left = position - 1; left > 0 && offset < text.length; left -= 1) {
    offset += isPair(text, offset) ? 2 : 1;
  }
  return offset;
}

/**
 * The line around an offset with a caret under the place:
 *
 *     12 | select nope
 *        |        ^
 *
 * Of a long line, at most 200 characters around the place. `line` saves counting it again.
 */
export function excerptAt(
  text: string,
  offset: number,
  line: number = lineColumnAt(text, offset).line,
): string {
  const at = Math.min(offset, text.length);
  const lineStart = at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1;
  const lineFeed = text.indexOf("\n", at);
  const lineEnd = lineFeed === -1 ? text.length : lineFeed;
  const window = windowAround(text, lineStart, lineEnd, at);
  const before = clean(text.slice(window.from, at));
  const after = clean(text.slice(at, window.to).replace(/\r$/, ""));
  const head = window.from > lineStart ? CUT : "";
  const tail = window.to < lineEnd ? CUT : "";
  const margin = `  ${line} | `;
  const gutter = `${" ".repeat(margin.length - 2)}| `;
  return `${margin}${head}${before}${after}${tail}\n${gutter}${padding(head + before)}^`;
}

function windowAround(text: string, lineStart: number, lineEnd: number, at: number) {
  if (lineEnd - lineStart <= EXCERPT_WIDTH) return { from: lineStart, to: lineEnd };
  const latest = Math.max(lineStart, lineEnd - EXCERPT_WIDTH + 2);
  let from = Math.min(Math.max(lineStart, at - EXCERPT_WIDTH / 2), latest);
  let to = Math.min(lineEnd, from + EXCERPT_WIDTH - 2);
  if (from > lineStart && isPair(text, from - 1)) from += 1;
  if (to < lineEnd && isPair(text, to - 1)) to -= 1;
  return { from, to };
}

function clean(text: string): string {
  return text.replace(CONTROL, "·");
}

function padding(text: string): string {
  let padding = "";
  for (const character of text) {
    if (character === "\t") padding += "\t";
    else if (DOUBLE_WIDTH.test(character)) padding += "  ";
    else if (!ZERO_WIDTH.test(character)) padding += " ";
  }
  return padding;
}

function codePoints(text: string, from: number, to: number): number {
  let count = to - from;
  for (let at = from; at < to - 1; at += 1) if (isPair(text, at)) count -= 1;
  return count;
}

/** Whether the code units at `at` and behind it are one code point. */
function isPair(text: string, at: number): boolean {
  return isHigh(text.charCodeAt(at)) && isLow(text.charCodeAt(at + 1));
}

function isHigh(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}
