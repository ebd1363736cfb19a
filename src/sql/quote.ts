import { QUOTED_KEYWORDS } from "./keyword.ts";

const PLAIN_NAME = /^[a-z_][a-z0-9_]*$/;

/**
 * The name as SQL, quoted only when it has to be: what PostgreSQL's `quote_ident` gives, with the
 * keywords of every supported version. The name must not be empty or hold a NUL.
 */
export function quoteIdent(name: string): string {
  return PLAIN_NAME.test(name) && !QUOTED_KEYWORDS.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/**
 * The text as a literal that means the same whatever `standard_conforming_strings` is, as
 * PostgreSQL's `quote_literal`. The value must not hold a NUL.
 */
export function quoteLiteral(value: string): string {
  const doubled = value.replaceAll("'", "''");
  return value.includes("\\") ? `E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
}
