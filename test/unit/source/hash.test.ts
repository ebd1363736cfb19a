import { expect, test } from "vitest";
import type { SourceParts } from "../../../src/source/hash.ts";
import { hashSource } from "../../../src/source/hash.ts";

const BASE: SourceParts = {
  files: [
    { name: "a", checksum: "sha256:1" },
    { name: "b", checksum: "sha256:2" },
  ],
  vars: { X: "1", Y: "2" },
};

test("the hash is 64 hex digits and the same for the same parts in any order", () => {
  const turned = { files: BASE.files.toReversed(), vars: { Y: "2", X: "1" } };

  expect(hashSource(BASE)).toMatch(/^[0-9a-f]{64}$/);
  expect(hashSource(turned)).toBe(hashSource(BASE));
});

const OTHERS: ReadonlyArray<readonly [what: string, parts: SourceParts]> = [
  [
    "an edited file",
    {
      ...BASE,
      files: [
        { name: "a", checksum: "sha256:1" },
        { name: "b", checksum: "sha256:3" },
      ],
    },
  ],
  [
    "a renamed file",
    {
      ...BASE,
      files: [
        { name: "a", checksum: "sha256:1" },
        { name: "c", checksum: "sha256:2" },
      ],
    },
  ],
  [
    "swapped contents",
    {
      ...BASE,
      files: [
        { name: "a", checksum: "sha256:2" },
        { name: "b", checksum: "sha256:1" },
      ],
    },
  ],
  ["a missing file", { ...BASE, files: BASE.files.slice(1) }],
  ["no file", { ...BASE, files: [] }],
  ["another value", { ...BASE, vars: { X: "1", Y: "3" } }],
  ["a value more", { ...BASE, vars: { X: "1", Y: "2", Z: "" } }],
  ["no value", { ...BASE, vars: {} }],
  ["borders moved between name and value", { ...BASE, vars: { X1: "", Y: "2" } }],
  [
    "a file that looks like a value",
    { files: [...BASE.files, { name: "X", checksum: "1" }], vars: { Y: "2" } },
  ],
];
test.each(OTHERS)("%s makes another hash", (_what, parts) => {
  expect(hashSource(parts)).not.toBe(hashSource(BASE));
});
