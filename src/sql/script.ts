import type { Place, Problem } from "../errors.ts";
import { fillPlaceholders } from "./placeholders.ts";
import { excerptAt, lineColumnAt } from "./position.ts";
import { findRefusals } from "./refuse.ts";
import { type SplitResult, type SqlStatement, splitStatements } from "./split.ts";
import { findTemplates } from "./template.ts";

/** A file made ready to be sent to the server: placeholders filled, split, every place still known. */
export interface Script {
  readonly path: string;
  /** What is sent. Offsets of `statements` are offsets in it. */
  readonly text: string;
  readonly statements: readonly SqlStatement[];
  readonly directives: SplitResult["directives"];
  /** Where an offset of `text` stands in the user's file. */
  placeOf(offset: number): Place;
  excerptOf(offset: number): string;
}

export interface ScriptReading {
  readonly script: Script;
  readonly problems: readonly Problem[];
}

/** `vars` undefined: the file has no placeholders, `{{x}}` is text like any other. */
export function readScript(
  file: { readonly path: string; readonly text: string },
  vars: Readonly<Record<string, string>> | undefined,
): ScriptReading {
  const filled = vars === undefined ? undefined : fillPlaceholders(file.path, file.text, vars);
  const text = filled?.text ?? file.text;
  const toOriginal = (offset: number): number => filled?.toOriginal(offset) ?? offset;
  const split = splitStatements(text);
  const script: Script = {
    path: file.path,
    text,
    statements: split.statements,
    directives: split.directives,
    placeOf: (offset) => ({ file: file.path, ...lineColumnAt(file.text, toOriginal(offset)) }),
    excerptOf: (offset) => excerptAt(file.text, toOriginal(offset)),
  };
  const problems = [
    ...(filled?.problems ?? []),
    ...findTemplates(file.path, file.text, vars !== undefined),
    ...findRefusals(file.path, file.text),
  ];
  return { script, problems };
}
