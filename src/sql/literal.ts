import type { Token } from "./lexer.ts";

const IDENTIFIER_BYTES = 63;
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const ESCAPE = /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/g;
const UNICODE_ESCAPE = /\\(?:\\|\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4}))/g;

/**
 * The name that a word or quoted identifier means: folded to lower case or unquoted, and cut to the 63
 * bytes that the catalogs hold. A custom `UESCAPE` isn't followed.
 */
export function identifierName(sql: string, token: Token): string {
  const text = sql.slice(token.start, token.end);
  if (token.kind === "word") return cut(foldCase(text));
  const unicode = !text.startsWith('"');
  const inner = text.slice(unicode ? 3 : 1, token.closed ? -1 : undefined).replaceAll('""', '"');
  return cut(unicode ? decodeUnicode(inner) : inner);
}

/** The text a string token means. A custom `UESCAPE` isn't followed. */
export function literalValue(sql: string, token: Token): string {
  const text = sql.slice(token.start, token.end);
  if (token.kind === "dollarString") return dollarBody(text, token.closed);
  const open = text.indexOf("'") + 1;
  const inner = text.slice(open, token.closed ? -1 : undefined).replaceAll("''", "'");
  if (token.kind === "escapeString") return inner.replace(ESCAPE, decodeEscape);
  return /^u/i.test(text) ? decodeUnicode(inner) : inner;
}

function dollarBody(text: string, closed: boolean): string {
  const tag = text.slice(0, text.indexOf("$", 1) + 1);
  return text.slice(tag.length, closed ? -tag.length : undefined);
}

// PostgreSQL folds ASCII only in a UTF-8 database, where toLowerCase would also fold the rest.
function foldCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function cut(name: string): string {
  if (Buffer.byteLength(name) <= IDENTIFIER_BYTES) return name;
  let bytes = 0;
  let kept = "";
  for (const character of name) {
    bytes += Buffer.byteLength(character);
    if (bytes > IDENTIFIER_BYTES) break;
    kept += character;
  }
  return kept;
}

function decodeEscape(
  _: string,
  octal: string | undefined,
  hex: string | undefined,
  short: string | undefined,
  long: string | undefined,
  other: string | undefined,
): string {
  if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
  const digits = hex ?? short ?? long;
  if (digits !== undefined) return fromCodePoint(digits);
  return SIMPLE_ESCAPES[other ?? ""] ?? other ?? "";
}

function decodeUnicode(text: string): string {
  return text.replace(UNICODE_ESCAPE, (_, long: string | undefined, short: string | undefined) => {
    const digits = long ?? short;
    return digits === undefined ? "\\" : fromCodePoint(digits);
  });
}

function fromCodePoint(hex: string): string {
  const code = Number.parseInt(hex, 16);
  return code > 0x10ffff ? "\ufffd" : String.fromCodePoint(code);
}
