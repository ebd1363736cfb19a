import { formatPlace } from "../errors.ts";
import type { Config } from "./config.ts";
import type { Origin } from "./layers.ts";
import { SETTINGS_LIST, VAR_PREFIX } from "./settings.ts";

/** One line of `slipway config`. */
export interface ConfigRow {
  readonly name: string;
  readonly value: string;
  readonly origin: string;
}

/** What is in force, in the order of the table of settings; secrets are masked. */
export function renderConfig(config: Config): readonly ConfigRow[] {
  const settings = SETTINGS_LIST.map(({ name }): ConfigRow => {
    const { from, shown } = config.origins[name] ?? { from: "default", shown: "" };
    return { name, value: shown, origin: formatOrigin(from) };
  });
  // Masked, because bootstrap files take the passwords of roles from here.
  const vars = Object.keys(config.vars)
    .sort()
    .map((name): ConfigRow => ({ name: `{{${name}}}`, value: "***", origin: `${VAR_PREFIX}${name}` }));
  return [...settings, ...vars];
}

function formatOrigin(from: Origin): string {
  return typeof from === "string" ? from : formatPlace(from);
}
