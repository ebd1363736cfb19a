import { applyEdits, type Edit } from "./edit.ts";
import { type Token, tokenize } from "./lexer.ts";

/**
 * PostgreSQL keeps BETWEEN as two comparisons and prints them so. Read again, `((x >= 1) AND (x <= 9)) AND y` is
 * no longer what it was: the parser makes one AND of three of it (gram.y, makeAndExpr, for a left operand
 * only), which prints otherwise and compares as a change. Where a pair leads such a chain it is written as
 * BETWEEN again; `OR` and NOT BETWEEN likewise.
 */
export function restoreBetween(sql: string): string {
  const tokens = tokenize(sql);
  const closing = matchParentheses(sql, tokens);
  const text = (index: number): string => {
    const token = tokens[index];
    return token === undefined ? "" : sql.slice(token.start, token.end).toLowerCase();
  };
  const edits: Edit[] = [];
  for (const [open, close] of closing) {
    const [form] = FORMS.filter(({ connective }) => text(close + 1) === connective);
    if (form === undefined || text(open - 1) !== "(") continue;
    const [start, end] = [tokens[open]?.start ?? 0, tokens[close]?.end ?? 0];
    if (start < (edits.at(-1)?.end ?? 0)) continue;
    const middle = closing.get(open + 1) ?? close;
    const last = closing.get(middle + 2);
    if (text(middle + 1) !== form.connective || last !== close - 1) continue;
    const low = splitAt(open + 2, middle, form.low);
    const high = splitAt(middle + 3, last, form.high);
    if (low === undefined || high === undefined || low.left !== high.left) continue;
    edits.push({ start, end, text: `(${low.left} ${form.word} ${low.right} and ${high.right})` });
  }
  return applyEdits(sql, edits, 0, sql.length);

  /** `left operator right` of the tokens of a group, when the operator stands there once. */
  function splitAt(from: number, to: number, operator: string): { left: string; right: string } | undefined {
    const found: number[] = [];
    for (let at = from; at < to; at = (closing.get(at) ?? at) + 1) if (text(at) === operator) found.push(at);
    const [at] = found;
    if (at === undefined || found.length > 1 || at === from || at === to - 1) return undefined;
    const slice = (first: number, last: number): string => sql.slice(tokens[first]?.start, tokens[last]?.end);
    return { left: slice(from, at - 1), right: slice(at + 1, to - 1) };
  }
}

const FORMS = [
  { connective: "and", word: "between", low: ">=", high: "<=" },
  { connective: "or", word: "not between", low: "<", high: ">" },
] as const;

/** Index of the closing parenthesis by that of the opening one, in the order of the opening ones. */
function matchParentheses(sql: string, tokens: readonly Token[]): Map<number, number> {
  const closing = new Map<number, number>();
  const open: number[] = [];
  for (const [index, { kind, start, end }] of tokens.entries()) {
    if (kind !== "punctuation") continue;
    const sign = sql.slice(start, end);
    if (sign === "(") open.push(index);
    const partner = sign === ")" ? open.pop() : undefined;
    if (partner !== undefined) closing.set(partner, index);
  }
  return new Map([...closing].sort(([one], [other]) => one - other));
}
