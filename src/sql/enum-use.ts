import { isString, TokenCursor } from "./cursor.ts";
import { literalValue } from "./literal.ts";

/**
 * Whether a statement holds the value as a literal, as an element of an array literal, or as a literal
 * in a body, dollar-quoted or not. May find uses of another type's value of the same spelling.
 */
export function usesValue(sql: string, value: string): boolean {
  // Most statements don't have it at all. An escaped spelling must not be passed over, though.
  if (!sql.includes(value) && !sql.includes("\\") && !value.includes("'")) return false;
  const cursor = new TokenCursor(sql);
  for (let token = cursor.take(); token !== undefined; token = cursor.take()) {
    if (!isString(token)) continue;
    const text = literalValue(sql, token);
    if (text === value) return true;
    const isBody = token.kind === "dollarString" || text.includes("'");
    if (isBody ? usesValue(text, value) : isArrayWith(text, value)) return true;
  }
  return false;
}

function isArrayWith(text: string, value: string): boolean {
  return text.startsWith("{") && text.endsWith("}") && text.includes(value);
}
