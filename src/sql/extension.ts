import type { SqlStatement } from "./split.ts";

const CREATE_EXTENSION =
  /^create\s+extension\s+(?:if\s+not\s+exists\s+)?(?:"((?:[^"]|"")+)"|([a-z_][\w$]*))/i;

/** The extension that a statement creates; undefined for every other statement. */
export function extensionOf(statement: SqlStatement): string | undefined {
  const match = CREATE_EXTENSION.exec(statement.text.replaceAll(/\/\*[\s\S]*?\*\/|--[^\n]*/g, " "));
  return match?.[1]?.replaceAll('""', '"') ?? match?.[2]?.toLowerCase();
}

export function isOptional(statement: SqlStatement): boolean {
  return statement.directives.some((directive) => directive.name === "optional");
}
