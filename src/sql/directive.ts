/** A comment that tells slipway something: `-- slipway: allow drop-table`. */
export interface Directive {
  /** In lower case: `optional`, `no-transaction`, `allow`, or a word nobody knows yet. */
  readonly name: string;
  /** What stands behind the name, `""` for nothing. */
  readonly argument: string;
  /** Whose spelling it is: `slipway`, or the tool the file was written for. */
  readonly tool: string;
  /** UTF-16 offset of the comment. */
  readonly start: number;
}

const SLIPWAY = /^(?:--+|\/\*+)[ \t]*slipway[ \t]*:[ \t]*([a-z][a-z-]*)[ \t:]*(.*)$/i;

/** How other tools say, at the head of a file, that it must not run in a transaction. */
const FOREIGN: readonly (readonly [tool: string, spelling: RegExp])[] = [
  ["goose", /^--\s*\+goose\s+no\s+transaction\b/i],
  ["dbmate", /^--\s*migrate:up\b.*\btransaction:\s*false\b/i],
  ["sqlx", /^--\s*no-transaction\b/i],
  ["tern", /^----\s*tern:\s*disable-tx\s*----/i],
  ["atlas", /^--\s*atlas:txmode\s+none\b/i],
  ["graphile-migrate", /^--!\s*no-transaction\b/i],
  ["sql-migrate", /^--\s*\+migrate\s+(?:up\s+)?notransaction\b/i],
  ["morph", /^--\s*morph:nontransactional\b/i],
  ["concourse", /^--\s*no_transaction\b/i],
  ["postgres-migrations", /^--\s*postgres-migrations\s+disable-transaction\b/i],
  ["flyway", /^--\s*flyway:\s*executeInTransaction=false\b/i],
  ["liquibase", /^--\s*changeset\b.*\brunInTransaction:\s*false\b/i],
];

/** What a comment says to slipway in slipway's own words. */
export function parseDirective(comment: string, start: number): Directive | undefined {
  const found = SLIPWAY.exec(comment);
  if (found === null) return undefined;
  const [, name = "", argument = ""] = found;
  const words = comment.endsWith("*/") ? argument.replace(/\*+\/$/, "") : argument;
  return { name: name.toLowerCase(), argument: words.trim(), tool: "slipway", start };
}

/** What a comment before the first statement says in another tool's words. */
export function parseForeignDirective(comment: string, start: number): Directive | undefined {
  const found = FOREIGN.find(([, spelling]) => spelling.test(comment));
  return found === undefined ? undefined : { name: "no-transaction", argument: "", tool: found[0], start };
}
