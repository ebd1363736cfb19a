import { tokenize } from "./lexer.ts";

/**
 * What SQL does and names, without comments and without the values in it: a script that sets a password has
 * one skeleton, whatever the password is. Code in dollar quotes is taken for code.
 */
export function skeletonOf(sql: string): string {
  const words = tokenize(sql).map(({ kind, start, end, closed }) => {
    const text = sql.slice(start, end);
    switch (kind) {
      case "comment":
        return "";
      case "string":
      case "escapeString":
      case "number":
        return "?";
      case "dollarString": {
        const tag = text.slice(0, text.indexOf("$", 1) + 1);
        return `$${skeletonOf(text.slice(tag.length, closed ? -tag.length : undefined))}$`;
      }
      default:
        return text;
    }
  });
  return words.filter((word) => word !== "").join(" ");
}
