import type { Problem } from "../errors.ts";
import type { SettingsFile } from "./file.ts";
import { didYouMean, findNearest } from "./nearest.ts";
import type { Setting } from "./settings.ts";
import { flagKey, OTHER_VARIABLES, SETTINGS_LIST, VAR_PREFIX } from "./settings.ts";

// Kubernetes puts such variables into every pod of the namespace for a Service that is called slipway or
// slipway-something: SLIPWAY_SERVICE_HOST, SLIPWAY_PORT_80_TCP_ADDR, SLIPWAY_ADMIN_SERVICE_PORT_HTTP …
const SERVICE_LINK =
  /^SLIPWAY(_[A-Z0-9_]+?)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;

/** Variables in slipway's name space that mean nothing: most likely a slip that would go unnoticed. */
export function findUnknownVariables(env: Readonly<Record<string, string | undefined>>): Problem[] {
  const known = new Set([...SETTINGS_LIST.map((setting) => setting.env), ...Object.keys(OTHER_VARIABLES)]);
  const isUnknown = (name: string): boolean =>
    env[name] !== undefined &&
    name.startsWith("SLIPWAY_") &&
    !known.has(name) &&
    !name.startsWith(VAR_PREFIX) &&
    !SERVICE_LINK.test(name);
  return Object.keys(env)
    .filter(isUnknown)
    .sort()
    .map((name) => ({
      at: name,
      message: "is not a setting of slipway",
      ...didYouMean(nearestVariable(name)),
    }));
}

function nearestVariable(name: string): string | undefined {
  const byName = new Map<string, string>();
  for (const other of Object.keys(OTHER_VARIABLES)) byName.set(other, other);
  for (const setting of SETTINGS_LIST) {
    byName.set(setting.env, setting.env);
    // DATABASE_URL and DB_USER_MIGRATIONS_PATH are without the prefix that people expect.
    byName.set(`SLIPWAY_${setting.flag.slice(2).replaceAll("-", "_").toUpperCase()}`, setting.env);
  }
  // All names share the prefix, which would make any two of them look alike.
  const withoutPrefix = (text: string): string => text.replace(/^SLIPWAY_/, "");
  const byRest = new Map([...byName].map(([known, variable]) => [withoutPrefix(known), variable]));
  const nearest = findNearest(withoutPrefix(name), byRest.keys());
  return nearest === undefined ? undefined : byRest.get(nearest);
}

/** Keys of the settings file that mean nothing. */
export function findUnknownKeys(file: SettingsFile | undefined): Problem[] {
  const names = new Set(SETTINGS_LIST.map((setting) => setting.name));
  const groups = new Set(SETTINGS_LIST.flatMap((setting) => setting.name.split(".").slice(0, -1)));
  return (file?.entries ?? []).flatMap((entry): Problem[] => {
    if (names.has(entry.name)) return [];
    if (!groups.has(entry.name)) {
      return [
        {
          at: entry.at,
          message: `unknown setting${shownName(entry.name)}`,
          ...didYouMean(nearestKey(entry.name)),
        },
      ];
    }
    if (entry.text === undefined) return [];
    const members = SETTINGS_LIST.map((setting) => setting.name).filter((name) =>
      name.startsWith(`${entry.name}.`),
    );
    return [{ at: entry.at, message: `${entry.name} is a group of settings: ${members.join(", ")}` }];
  });
}

// What is no name at all may be a URL, with a password, that was written in the place of one.
function shownName(name: string): string {
  return /^[\w.-]{1,60}$/.test(name) ? ` ${name}` : "";
}

function nearestKey(name: string): string | undefined {
  const byName = new Map<string, string>();
  const add = (manner: string, setting: Setting): void => {
    if (!byName.has(manner)) byName.set(manner, setting.name);
  };
  for (const setting of SETTINGS_LIST) add(setting.name, setting);
  for (const setting of SETTINGS_LIST) add(flagKey(setting), setting);
  for (const setting of SETTINGS_LIST) add(setting.env, setting);
  for (const setting of SETTINGS_LIST) add(setting.name.replace(/^.*\./, ""), setting);
  const nearest = findNearest(name, byName.keys()) ?? findNearest(name.replace(/^.*\./, ""), byName.keys());
  return nearest === undefined ? undefined : byName.get(nearest);
}
