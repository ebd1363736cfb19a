import type { Problem } from "../errors.ts";
import { type Finding, toProblems } from "./finding.ts";
import { Lexer } from "./lexer.ts";

const MAY_BE_TEMPLATE = /\{\{|\$\{/;

/**
 * What a tool was to fill in and did not: `{{ … }}` and `${…}` outside of literals, where no token of SQL has a
 * brace (PostgreSQL manual, "Lexical Structure"). `arePlaceholders`: slipway fills `{{NAME}}` itself.
 */
export function findTemplates(file: string, sql: string, arePlaceholders: boolean): Problem[] {
  return MAY_BE_TEMPLATE.test(sql) ? toProblems(file, sql, templatesOf(sql, arePlaceholders)) : [];
}

function templatesOf(sql: string, arePlaceholders: boolean): Finding[] {
  const lexer = new Lexer(sql);
  const found: Finding[] = [];
  while (lexer.next()) {
    const { kind, start: offset } = lexer;
    if (kind === "placeholder" && !arePlaceholders) {
      found.push({
        offset,
        message: `${sql.slice(offset, lexer.end)} is a placeholder, and nobody fills it`,
        hint: "set migrations.placeholders: true (SLIPWAY_MIGRATIONS_PLACEHOLDERS) to have it filled from SLIPWAY_VAR_…, or write the value",
      });
    } else if (kind === "unknown" && (sql.startsWith("{{", offset) || sql.startsWith("${", offset))) {
      // To its end: what is inside it are no tokens of SQL.
      const end = sql.indexOf("}", offset);
      if (end !== -1) lexer.seek(end + 1);
      // The filling of placeholders has complained of it already.
      if (arePlaceholders && sql.startsWith("{{", offset)) continue;
      found.push({
        offset,
        message: `${sql.slice(offset, offset + 2)} begins a template, and nobody fills it`,
        hint: "fill it before the file gets here (helm, envsubst), or write the value",
      });
    }
  }
  return found;
}
