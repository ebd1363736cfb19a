import type { Problem } from "../errors.ts";
import { VAR_PREFIX } from "./settings.ts";

export interface Vars {
  /** By placeholder name: `SLIPWAY_VAR_APP_USER` is `APP_USER`. */
  readonly values: Readonly<Record<string, string>>;
  readonly problems: readonly Problem[];
}

/** The values for placeholders. An empty one is a value: nothing but the person who set it can know. */
export function readVars(env: Readonly<Record<string, string | undefined>>): Vars {
  const found = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [variable, value] of Object.entries(env)) {
    if (value === undefined || !variable.startsWith(VAR_PREFIX)) continue;
    const name = variable.slice(VAR_PREFIX.length);
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) found.set(name, value);
    else problems.push({ at: variable, message: "must end in the name of a placeholder, such as APP_USER" });
  }
  return { values: Object.fromEntries(found), problems };
}
