import { expect, test } from "vitest";
import { parseConfig } from "../../../src/config/config.ts";
import type { Setting } from "../../../src/config/settings.ts";
import { flagKey, SETTINGS_LIST } from "../../../src/config/settings.ts";
import { findUnknownVariables } from "../../../src/config/unknown.ts";

function isUnique(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

test("no two settings share a name, a variable or a flag", () => {
  expect(isUnique(SETTINGS_LIST.map(({ name }) => name))).toBe(true);
  expect(isUnique(SETTINGS_LIST.map(({ env }) => env))).toBe(true);
  expect(isUnique(SETTINGS_LIST.map(({ flag }) => flag))).toBe(true);
});

test.each(SETTINGS_LIST.filter(({ fallback }) => fallback !== undefined))(
  "the default of $name can be read",
  (setting) => {
    expect(setting.read(setting.fallback ?? "")).toHaveProperty("value");
  },
);

test.each(SETTINGS_LIST)(
  "$name has a default in text or in words",
  ({ fallback, fallbackWords }: Setting) => {
    expect(fallback ?? fallbackWords).toBeDefined();
  },
);

test("every setting of the table is in force in a parsed configuration", () => {
  const { origins } = parseConfig({ flags: {}, env: {}, bundledSchemaPath: "/schema", needsDatabase: false });

  expect(Object.keys(origins).sort()).toEqual(SETTINGS_LIST.map(({ name }) => name).sort());
});

test("every variable of the table is a known one", () => {
  const env = Object.fromEntries(SETTINGS_LIST.map((setting) => [setting.env, "x"]));

  expect(findUnknownVariables(env)).toEqual([]);
});

test("flags have the keys under which commander hands them over", () => {
  const keys = new Map(SETTINGS_LIST.map((setting) => [setting.flag, flagKey(setting)]));

  expect(keys.get("--lock-wait")).toBe("lockWait");
  expect(keys.get("--database-url")).toBe("databaseUrl");
  expect(keys.get("--drift")).toBe("drift");
});
