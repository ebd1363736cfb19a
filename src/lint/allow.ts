import type { Directive } from "../sql/directive.ts";
import type { Script } from "../sql/script.ts";

/** `-- slipway: allow drop-column, rename unread since release 42` */
export interface Allowance {
  /** As written; the first is taken for a rule's name whatever it is. */
  readonly rules: readonly string[];
  /** UTF-16 offset of the comment. */
  readonly start: number;
}

/** What comments allow for one statement: before it, in it, or behind it on its line. */
export function allowancesOf(directives: readonly Directive[], known: ReadonlySet<string>): Allowance[] {
  return directives
    .filter(({ name }) => name === "allow")
    .map(({ argument, start }) => ({ rules: rulesIn(argument, known), start }));
}

/** Names separated by commas; the first word that is no rule's name begins the reason. */
function rulesIn(argument: string, known: ReadonlySet<string>): string[] {
  const words = argument.split(/[\s,]+/).filter((word) => word !== "");
  const more = words.slice(1);
  const end = more.findIndex((word) => !known.has(word));
  return [...words.slice(0, 1), ...(end === -1 ? more : more.slice(0, end))];
}

/**
 * The directives that speak of the whole file: at its head, with a blank line before the first statement.
 * Without one, they speak of that statement.
 */
export function directivesOfFile({ text, directives, statements }: Script): Directive[] {
  const [first] = statements;
  return directives.filter(({ start }) => /\n[ \t\r]*\n/.test(text.slice(start, first?.start)));
}
