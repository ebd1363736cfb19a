import { Lexer } from "./lexer.ts";
import type { SqlStatement } from "./split.ts";

const MAY_BE_VARIABLE = /(?<!:):[A-Za-z_'"\u0080-\uffff]/;
const STARTS_VARIABLE = /['"A-Za-z_\u0080-\uffff]/;

/**
 * The offsets of psql's `:name`, `:'name'` and `:"name"`. A colon has two uses of its own in SQL, which
 * are left alone: array slices, and keys of JSON_OBJECT (PostgreSQL 16).
 */
export function findVariables(sql: string, statements: readonly SqlStatement[]): number[] {
  if (!MAY_BE_VARIABLE.test(sql)) return [];
  return statements.flatMap(({ text, start }) =>
    MAY_BE_VARIABLE.test(text) ? variablesOf(text).map((offset) => start + offset) : [],
  );
}

function variablesOf(sql: string): number[] {
  const lexer = new Lexer(sql);
  const found: number[] = [];
  const groups: boolean[] = [];
  let previous = "";
  while (lexer.next()) {
    if (lexer.kind === "comment") continue;
    const text = lexer.kind === "punctuation" ? sql.charAt(lexer.start) : "";
    if (text === "(") groups.push(previous.startsWith("json_object"));
    else if (text === "[") groups.push(true);
    else if (text === ")" || text === "]") groups.pop();
    else if (text === ":" && groups.at(-1) !== true && STARTS_VARIABLE.test(sql.charAt(lexer.end))) {
      found.push(lexer.start);
    }
    previous = lexer.kind === "word" ? sql.slice(lexer.start, lexer.end).toLowerCase() : "";
  }
  return found;
}
