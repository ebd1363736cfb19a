import type { Place, Problem } from "../errors.ts";
import type { SettingsFile } from "./file.ts";
import type { Setting } from "./settings.ts";
import { flagKey } from "./settings.ts";

export interface Layers {
  /** By commander's names: `--lock-wait` is `lockWait`; other keys are not looked at. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file?: SettingsFile | undefined;
}

/** Where a value came from: `--lock-wait`, `SLIPWAY_LOCK_WAIT`, a place in slipway.yaml, or `default`. */
export type Origin = Place | string;

export interface Given {
  readonly text: string;
  readonly from: Origin;
}

/** The text that wins: flag, then environment, then slipway.yaml. */
export function findGiven(setting: Setting, { flags, env, file }: Layers): Given | undefined {
  const flag = flags[flagKey(setting)];
  if (flag !== undefined) return { text: String(flag), from: setting.flag };

  // An empty variable is what a template without a value leaves behind, not something a person asked for.
  const counts = (text: string | undefined): text is string =>
    text !== undefined && (text !== "" || setting.emptyIsValue === true);
  const variable = env[setting.env];
  if (counts(variable)) return { text: variable, from: setting.env };

  const entry = file?.entries.find(({ name }) => name === setting.name);
  return entry !== undefined && counts(entry.text) ? { text: entry.text, from: entry.valueAt } : undefined;
}

/** A complaint with its place and, unless it is secret, the text that it is about. */
export function toProblem(
  at: Origin,
  reading: { readonly complaint: string; readonly hint?: string },
  shown: string | undefined,
): Problem {
  const message = shown === undefined ? reading.complaint : `${reading.complaint}, not ${quote(shown)}`;
  return reading.hint === undefined ? { at, message } : { at, message, hint: reading.hint };
}

// JSON's quotes keep line ends and control characters from breaking up the log line.
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
