import { restoreBetween } from "../sql/between.ts";
import { applyEdits } from "../sql/edit.ts";
import { tokenize } from "../sql/lexer.ts";
import { identifierName } from "../sql/literal.ts";
import { quoteIdent } from "../sql/quote.ts";
import type { SchemaEngine } from "./engine/engine.ts";

/**
 * The statement as a person would write it: over several lines, names quoted where they have to be. It means
 * the same to the server, token by token; where it would not, it is left as it was.
 */
export function readableSql(engine: SchemaEngine, sql: string): string {
  const laidOut = engine.layOut(sql);
  return restoreBetween(plainNames(isSameSql(sql, laidOut) ? laidOut : sql));
}

/** True when both are the same tokens, but for the case of words that PostgreSQL folds. */
function isSameSql(one: string, other: string): boolean {
  const [left, right] = [significant(one), significant(other)];
  return left.length === right.length && left.every((token, index) => token === right[index]);
}

function significant(sql: string): string[] {
  return tokenize(sql).map(({ kind, start, end }) => {
    const text = sql.slice(start, end);
    return kind === "word" ? `word ${text.toLowerCase()}` : `${kind} ${text}`;
  });
}

/** Words as PostgreSQL folds them, and names without the quotes that they do without. */
function plainNames(sql: string): string {
  const edits = tokenize(sql).flatMap(({ kind, start, end, closed }) => {
    const text = sql.slice(start, end);
    if (kind === "word") return [{ start, end, text: identifierName(sql, { kind, start, end, closed }) }];
    if (kind !== "quotedIdentifier" || !closed || !text.startsWith('"') || text === '""') return [];
    // Words side by side would become one.
    if (/[\w$]/.test(sql[start - 1] ?? "") || /[\w$]/.test(sql[end] ?? "")) return [];
    return [{ start, end, text: quoteIdent(identifierName(sql, { kind, start, end, closed })) }];
  });
  return applyEdits(sql, edits, 0, sql.length);
}
