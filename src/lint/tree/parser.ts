import { hasSqlDetails, loadModule, type Node, parsePlPgSQLSync, parseSync } from "libpg-query";
import { offsetOfServerPosition } from "../../sql/position.ts";

/** What PostgreSQL's own parser says of one statement. Offsets in trees are bytes of the text. */
export type Parsed =
  | { readonly nodes: readonly Node[] }
  | { readonly complaint: string; readonly offset: number };

/** Loads PostgreSQL's grammar (that of version 18, compiled to WebAssembly). Once, before anything is parsed. */
export const loadParser: () => Promise<void> = loadModule;

export function parseSql(text: string): Parsed {
  try {
    const { stmts = [] } = parseSync(text);
    return { nodes: stmts.flatMap(({ stmt }) => (stmt === undefined ? [] : [stmt])) };
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    // Errors are counted in characters, from 0.
    const { message, cursorPosition = 0 } = error.sqlDetails ?? {};
    return { complaint: message ?? error.message, offset: offsetOfServerPosition(text, cursorPosition + 1) };
  }
}

/** The queries and expressions in the body of a PL/pgSQL function; none when it isn't valid PL/pgSQL. */
export function queriesOfPlpgsql(createFunction: string): readonly string[] {
  try {
    const queries: string[] = [];
    JSON.stringify(parsePlPgSQLSync(createFunction), (key, value: unknown) => {
      if (key === "query" && typeof value === "string") queries.push(value);
      return value;
    });
    return queries;
  } catch {
    return [];
  }
}

/** Trees count bytes, JavaScript UTF-16 code units. */
export function utf16Offset(text: string, byteOffset: number): number {
  return Buffer.from(text).subarray(0, byteOffset).toString().length;
}
