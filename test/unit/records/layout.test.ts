import { expect, test } from "vitest";
import { SlipwayError } from "../../../src/errors.ts";
import { requireReadable } from "../../../src/records/install.ts";
import { formatStamp, LAYOUT_STEPS, LAYOUT_VERSION, parseStamp } from "../../../src/records/layout.ts";

test.each([1, 2, 10, 999])("the stamp of layout %d says so when it is read back", (version) => {
  expect(parseStamp(formatStamp(version))).toBe(version);
});

test("a stamp tells a person whose schema it is", () => {
  expect(formatStamp(1)).toBe("slipway records, layout 1; written by slipway, do not edit");
});

test("a stamp keeps its meaning when a later release says more in it", () => {
  expect(parseStamp("slipway records, layout 12, and more")).toBe(12);
});

const FOREIGN = [
  undefined,
  null,
  "",
  "standard public schema",
  "our slipway records, layout 1",
  "slipway records, layout x",
  "slipway records, layout 1x",
  "SLIPWAY RECORDS, LAYOUT 1",
];
test.each(FOREIGN)("the comment %j is no stamp of slipway's", (comment) => {
  expect(parseStamp(comment)).toBeUndefined();
});

test("records of an older layout and of this one can be read", () => {
  expect(() => requireReadable("migrations", 0)).not.toThrow();
  expect(() => requireReadable("migrations", LAYOUT_VERSION)).not.toThrow();
});

test("records of a newer layout are refused: a newer slipway has been here", () => {
  const attempt = (): void => requireReadable("migrations", LAYOUT_VERSION + 1);

  expect(attempt).toThrow(SlipwayError);
  expect(attempt).toThrow(expect.objectContaining({ code: "RECORDS_TOO_NEW", exit: 34 }));
  expect(attempt).toThrow(`records of layout ${LAYOUT_VERSION + 1}`);
});

test("a layout step names no schema of its own: the state schema is put in for it", () => {
  for (const step of LAYOUT_STEPS) {
    expect(step).toContain("{schema}.");
    expect(step).not.toMatch(/\bmigrations\.|\{(?!schema\})/);
  }
});
