import { loadModule, parseSync, scanSync } from "libpg-query";
import { beforeAll, expect, test } from "vitest";
import { QUOTED_KEYWORDS } from "../../../src/sql/keyword.ts";
import { quoteIdent, quoteLiteral } from "../../../src/sql/quote.ts";

beforeAll(loadModule);

const NAMES: ReadonlyArray<readonly [name: string, sql: string]> = [
  ["app", "app"],
  ["_a1", "_a1"],
  ["App", '"App"'],
  ["app-user", '"app-user"'],
  ["1a", '"1a"'],
  ["a$b", '"a$b"'],
  ['a"b', '"a""b"'],
  ["größe", '"größe"'],
  ["user", '"user"'],
  ["select", '"select"'],
  ["between", '"between"'],
  ["left", '"left"'],
  ["name", "name"],
  ["password", "password"],
];
for (const [name, sql] of NAMES) {
  test(`the name ${name} is written ${sql}`, () => {
    expect(quoteIdent(name)).toBe(sql);
  });
}

const VALUES: ReadonlyArray<readonly [value: string, sql: string]> = [
  ["", "''"],
  ["a", "'a'"],
  ["it's", "'it''s'"],
  ["a\\b", "E'a\\\\b'"],
  ["\\'", "E'\\\\'''"],
];
for (const [value, sql] of VALUES) {
  test(`the value ${value} is written ${sql}, and PostgreSQL reads it back`, () => {
    const parsed = JSON.stringify(parseSync(`select ${quoteLiteral(value)}`));

    expect(quoteLiteral(value)).toBe(sql);
    expect(parsed).toContain(`"sval":{"sval":${JSON.stringify(value)}}`);
  });
}

test("the keywords that are quoted are keywords of PostgreSQL 18, and not the unreserved ones", () => {
  const wrong = [...QUOTED_KEYWORDS].filter((word) => {
    const kind = scanSync(word).tokens[0]?.keywordName;
    return kind === "NO_KEYWORD" || kind === "UNRESERVED_KEYWORD";
  });

  expect(wrong).toEqual([]);
  expect(QUOTED_KEYWORDS.size).toBe(164);
});
