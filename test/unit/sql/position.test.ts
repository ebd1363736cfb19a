import { expect, test } from "vitest";
import { excerptAt, LineCounter, lineColumnAt, offsetOfServerPosition } from "../../../src/sql/position.ts";

const PLACES: ReadonlyArray<readonly [text: string, offset: number, place: string]> = [
  ["", 0, "1:1"],
  ["abc", 2, "1:3"],
  ["a\nb", 2, "2:1"],
  ["a\n", 2, "2:1"],
  ["a\r\nb", 3, "2:1"],
  ["a\r\nb", 1, "1:2"],
  ["a\nb", 1, "1:2"],
  ["'😀' x", 5, "1:5"],
  ["\tx", 1, "1:2"],
  ["abc", 99, "1:4"],
  ["\n\nx", 2, "3:1"],
];
for (const [text, offset, place] of PLACES) {
  test(`offset ${offset} of ${JSON.stringify(text)} is ${place}`, () => {
    const { line, column } = lineColumnAt(text, offset);

    expect(`${line}:${column}`).toBe(place);
  });
}

test("counting on from offset to offset gives what counting from the start gives", () => {
  const text = "select '😀'\n\n\t😀😀 x\r\ny";
  const lines = new LineCounter(text);

  for (let offset = 0; offset <= text.length; offset += 1) {
    if (/^[\udc00-\udfff]/.test(text.slice(offset))) continue;
    expect(lines.at(offset)).toEqual(lineColumnAt(text, offset));
  }
});

const POSITIONS: ReadonlyArray<readonly [text: string, position: number, rest: string]> = [
  ["select nope", 8, "nope"],
  ["select '😀', nope", 13, "nope"],
  ["select 1;\r\nselect nope", 19, "nope"],
  ["select", 7, ""],
  ["select", 99, ""],
  ["select", 1, "select"],
];
for (const [text, position, rest] of POSITIONS) {
  test(`PostgreSQL's position ${position} in ${JSON.stringify(text)} is before ${JSON.stringify(rest)}`, () => {
    expect(text.slice(offsetOfServerPosition(text, position))).toBe(rest);
  });
}

test("an excerpt is the line with a caret under the place", () => {
  expect(excerptAt("select 1;\nselect nope from t;\nselect 3", 17)).toBe(
    "  2 | select nope from t;\n    |        ^",
  );
});

test("an excerpt at the end of the text has the caret behind the last character", () => {
  expect(excerptAt("select (", 8)).toBe("  1 | select (\n    |         ^");
  expect(excerptAt("select (\n", 9)).toBe("  2 | \n    | ^");
});

test("the caret's line repeats tabs, so that it stands right at every tab width", () => {
  expect(excerptAt("\tselect\tnope", 8)).toBe("  1 | \tselect\tnope\n    | \t      \t^");
});

test("the caret stands under its character behind wide and combining ones", () => {
  expect(excerptAt("'😀', x", 6)).toBe("  1 | '😀', x\n    |       ^");
  expect(excerptAt("'日本' x", 5)).toBe("  1 | '日本' x\n    |        ^");
  expect(excerptAt("'e\u0301' x", 5)).toBe("  1 | 'e\u0301' x\n    |     ^");
});

test("an excerpt has neither the carriage return nor other control characters", () => {
  expect(excerptAt("a\u001b[31m\u202ex\r\nb", 7)).toBe("  1 | a·[31m·x\n    |        ^");
});

test("a long line is cut to 200 characters around the place", () => {
  const text = `select ${"a, ".repeat(300)}nope, ${"b, ".repeat(300)}c`;
  const offset = text.indexOf("nope");

  const [source = "", caret = ""] = excerptAt(text, offset).split("\n");

  expect(source.length).toBe("  1 | ".length + 200);
  expect(source).toMatch(/^ {2}1 \| ….*…$/);
  expect(source.slice(caret.indexOf("^"))).toMatch(/^nope/);
});

test("a long line is cut at one end only when the place is near the other", () => {
  const text = "x".repeat(1_000);

  const [start = ""] = excerptAt(text, 3).split("\n");
  const [end = "", caret = ""] = excerptAt(text, 1_000).split("\n");

  expect(start).toMatch(/^ {2}1 \| x+…$/);
  expect(end).toMatch(/^ {2}1 \| …x+$/);
  expect(caret.indexOf("^")).toBe(end.length);
});

test("a cut never halves a character", () => {
  const text = "😀".repeat(500);

  for (let offset = 0; offset <= text.length; offset += 2) {
    expect(excerptAt(text, offset)).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
  }
});

test("a line number that is known isn't counted again", () => {
  expect(excerptAt("a\nb", 2, 40)).toBe("  40 | b\n     | ^");
});
