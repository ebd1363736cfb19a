import { expect, test } from "vitest";
import { parseMigrationName, suggestMigrationName } from "../../../src/source/migration-name.ts";

const NAMES: ReadonlyArray<readonly [file: string, version: bigint, title: string, direction: string]> = [
  ["1_init.up.sql", 1n, "init", "up"],
  ["0001_init.down.sql", 1n, "init", "down"],
  ["0_zero.up.sql", 0n, "zero", "up"],
  ["1_.up.sql", 1n, "", "up"],
  ["1_a.down.up.sql", 1n, "a.down", "up"],
  ["20261123143000_add an ümlaut.up.sql", 20_261_123_143_000n, "add an ümlaut", "up"],
  ["9223372036854775807_last.up.sql", 9_223_372_036_854_775_807n, "last", "up"],
];
test.each(NAMES)("%s is version %s, title %j, %s", (file, version, title, direction) => {
  expect(parseMigrationName(file)).toMatchObject({ version, title, direction });
});

test("the stem is the name without direction and ending", () => {
  expect(parseMigrationName("001_create_products.up.sql")?.stem).toBe("001_create_products");
});

const NEAR_MISSES: ReadonlyArray<readonly [file: string, suggestion: string]> = [
  ["001_x.UP.SQL", "001_x.up.sql"],
  ["001_x.up.SQL", "001_x.up.sql"],
  ["001_x.Down.sql", "001_x.down.sql"],
  ["V1__x.sql", "1_x.up.sql"],
  ["U7__x.sql", "7_x.down.sql"],
  ["V1.2__x.sql", "NNN_x.up.sql"],
  ["R__x.sql", "NNN_x.up.sql"],
  ["001-init.up.sql", "001_init.up.sql"],
  ["001 init.up.sql", "001_init.up.sql"],
  ["001.init.down.sql", "001_init.down.sql"],
  ["001_x.sql", "001_x.up.sql"],
  ["001_clean_up.sql", "001_clean_up.up.sql"],
  ["001_step_down.sql", "001_step_down.up.sql"],
  ["003_x.uo.sql", "003_x.up.sql"],
  ["003_x.pu.sql", "003_x.up.sql"],
  ["003_x.dwon.sql", "003_x.down.sql"],
  ["003_x.dn.sql", "003_x.down.sql"],
  ["003_x.v2.sql", "003_x.v2.up.sql"],
  ["001.up.sql", "001_name.up.sql"],
  ["001.sql", "001_name.up.sql"],
  ["init.sql", "NNN_init.up.sql"],
  ["init.down.sql", "NNN_init.down.sql"],
];
test.each(NEAR_MISSES)("%s was meant to be %s", (file, suggestion) => {
  expect(parseMigrationName(file)).toBeUndefined();
  expect(suggestMigrationName(file)).toBe(suggestion);
});

test.each(["001_x.up.sql.bak", "001_x.up.txt", "001_x.up.sql~", "README.md"])(
  "%s is no migration",
  (file) => {
    expect(parseMigrationName(file)).toBeUndefined();
  },
);
