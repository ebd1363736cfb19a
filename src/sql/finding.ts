import type { Problem } from "../errors.ts";
import { excerptAt, LineCounter } from "./position.ts";

/** Something wrong at a UTF-16 offset of a file. */
export interface Finding {
  readonly offset: number;
  readonly message: string;
  readonly hint: string;
}

// A dump has a COPY for every table: after so many, more of the same help nobody.
const REPORTED = 50;

/** The findings in the order of the file, each with its line shown; of very many, the first ones. */
export function toProblems(file: string, sql: string, findings: readonly Finding[]): Problem[] {
  const lines = new LineCounter(sql);
  const problems = findings
    .toSorted((a, b) => a.offset - b.offset)
    .slice(0, REPORTED)
    .map(({ offset, message, hint }): Problem => {
      const place = lines.at(offset);
      return { at: { file, ...place }, message, hint, excerpt: excerptAt(sql, offset, place.line) };
    });
  const more = findings.length - problems.length;
  if (more > 0) problems.push({ at: { file }, message: `${more} more problems of these kinds` });
  return problems;
}
