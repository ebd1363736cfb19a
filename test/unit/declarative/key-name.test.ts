import { expect, test } from "vitest";
import { parseKey } from "../../../src/declarative/online/key.ts";
import { keyNameOn } from "../../../src/declarative/online/key-name.ts";

const nameOf = (table: string, definition: string, taken: readonly string[] = []): string | undefined => {
  const key = parseKey(definition);
  return key === undefined ? undefined : keyNameOn(table, key, (name) => taken.includes(name));
};

// Each as PostgreSQL 18 named it.
const NAMES: readonly (readonly [table: string, definition: string, name: string])[] = [
  ["t1", "PRIMARY KEY (id, a)", "t1_pkey"],
  ["t1", "UNIQUE (id, a) INCLUDE (b)", "t1_id_a_b_key"],
  ["T 1", 'UNIQUE NULLS NOT DISTINCT ("a ""b", c) DEFERRABLE', 'T 1_a "b_c_key'],
  [
    "a_partition_of_a_table_with_a_name_that_is_as_long_as_it_gets_1",
    "PRIMARY KEY (id)",
    "a_partition_of_a_table_with_a_name_that_is_as_long_as_it_g_pkey",
  ],
  [
    "a_partition_of_a_table_with_a_name_that_is_as_long_as_it_gets_1",
    "UNIQUE (id, a_column_with_a_name_that_is_long)",
    "a_partition_of_a_table_with_a_id_a_column_with_a_name_that__key",
  ],
  [
    "ü_äöüäöüäöüäöüäöüäöüäöüäöüäöüä",
    'UNIQUE (id, "äöüäöüäöüäöüäöüäöüäöüäöü")',
    "ü_äöüäöüäöüäöüä_id_äöüäöüäöüäöüä_key",
  ],
];

for (const [table, definition, name] of NAMES) {
  test(`a part of ${definition} on ${table} is called as PostgreSQL would call it`, () => {
    expect(nameOf(table, definition)).toBe(name);
  });
}

test("a name that is taken gets a number", () => {
  expect(nameOf("t1", "UNIQUE (id)", ["t1_id_key", "t1_id_key1"])).toBe("t1_id_key2");
});
