import type { Wanted } from "./expectation.ts";
import type { Token } from "./lexer.ts";
import { quoteIdent, quoteLiteral } from "./quote.ts";

// Only what means the same number again: `007` and `1e3` are codes of something at least as often.
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
const FRAGMENT = /^[a-z0-9_]*$/;
const APART_BEFORE = /[\s(,.[;:]/;
const APART_BEHIND = /[\s),.;\]:]/;

/** The value as SQL of the kind wanted; a number that stands for a value stays one. */
export function bareText(value: string, wanted: Wanted): string {
  if (wanted === "name") return quoteIdent(value);
  return wanted === "value" && NUMBER.test(value) ? value : quoteLiteral(value);
}

/** Whether the value may become a piece of an unquoted word. */
export function isFragment(value: string): boolean {
  return FRAGMENT.test(value);
}

/**
 * Keeps filled SQL from growing together with what stands around it: `'a'{{X}}` must not become one
 * literal, `-{{N}}` no comment, `U&{{X}}` no other kind of literal.
 */
export function setApart(filled: string, before: string, behind: string): string {
  const head = before === "" || APART_BEFORE.test(before) ? "" : " ";
  const tail = behind === "" || APART_BEHIND.test(behind) ? "" : " ";
  return `${head}${filled}${tail}`;
}

/** How a value is written inside a quoted token: with its quotes, and what escapes there, doubled. */
export function escaperFor(
  sql: string,
  token: Token,
  uescape: string | undefined,
): (value: string) => string {
  const opening = sql.slice(token.start, token.start + 3);
  const unicode = /^u&['"]/i.test(opening);
  const quote = token.kind === "quotedIdentifier" ? '"' : "'";
  const character = token.kind === "escapeString" ? "\\" : unicode ? (uescape ?? "\\") : undefined;
  return (value) => {
    const escaped =
      character === undefined ? value : value.replaceAll(character, () => character + character);
    return escaped.replaceAll(quote, () => quote + quote);
  };
}
