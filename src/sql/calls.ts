import { tokenize } from "./lexer.ts";
import { identifierName } from "./literal.ts";

/** Names that are called like functions in an expression, without their schema. */
export function calledFunctions(expression: string): string[] {
  const tokens = tokenize(expression).filter(({ kind }) => kind !== "comment");
  return tokens.flatMap((token, index) => {
    const next = tokens[index + 1];
    if (next === undefined || expression.slice(next.start, next.end) !== "(") return [];
    const isName = token.kind === "word" || token.kind === "quotedIdentifier";
    return isName ? [identifierName(expression, token)] : [];
  });
}
