import { expect, test } from "vitest";
import { formatTable } from "../../../src/report/table.ts";

test("columns are as wide as their widest cell, two blanks apart, without blanks at the end", () => {
  const text = formatTable(
    ["version", "name", "state"],
    [
      ["1", "001_create_products", "applied"],
      ["1000000000", "x", ""],
    ],
  );

  expect(text).toBe(
    [
      "version     name                 state",
      "1           001_create_products  applied",
      "1000000000  x",
      "",
    ].join("\n"),
  );
});

test("without rows there is no table, nor a head", () => {
  expect(formatTable(["version", "name"], [])).toBe("");
});

test("a row may be shorter than the head, and is the shorter for it", () => {
  expect(formatTable(["a", "b"], [["1"]])).toBe("a  b\n1\n");
});
