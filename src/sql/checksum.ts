import { hash } from "node:crypto";
import { Lexer } from "./lexer.ts";

/**
 * `sha256:<hex>` of what PostgreSQL reads of a text: the same whatever comments, white space and empty statements
 * stand between the tokens. Inside literals, quoted names and dollar quotes every character counts, but for
 * the manner of line ends.
 */
export function sqlChecksum(sql: string): string {
  const lexer = new Lexer(sql);
  const parts: string[] = [];
  let previous = ";";
  let end = 0;
  while (lexer.next()) {
    if (lexer.kind === "comment") continue;
    const token = sql.slice(lexer.start, lexer.end);
    const isEmptyStatement = token === ";" && previous === ";";
    if (!isEmptyStatement) {
      // Two literals are one if a line end is between them, and a syntax error otherwise.
      const isContinued = token.startsWith("'") && sql.slice(end, lexer.start).includes("\n");
      parts.push(isContinued ? "\n" : "\0", token);
    }
    previous = token;
    end = lexer.end;
  }
  if (previous === ";") parts.length = Math.max(0, parts.length - 2);
  return `sha256:${hash("sha256", parts.join("").replaceAll(/\r\n?/g, "\n"), "hex")}`;
}
