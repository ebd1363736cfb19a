import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, inject, test } from "vitest";

/** Every error of Fastify's has such a code. */
const FASTIFY = /FST_ERR_/;

test("only `serve` loads the HTTP server: no other command compiles it", () => {
  const dist = dirname(inject("program"));
  const text = (file: string): string => readFileSync(join(dist, file), "utf8");
  const files = readdirSync(dist).filter((file) => /\.c?js$/.test(file));
  const holders = files.filter((file) => FASTIFY.test(text(file)));
  const importers = files.filter((file) =>
    holders.some((holder) => new RegExp(`from ?"\\./${holder}"`).test(text(file))),
  );
  const loaders = files.filter((file) =>
    holders.some((holder) => text(file).includes(`import("./${holder}")`)),
  );

  expect(holders).toHaveLength(1);
  expect(importers).toEqual([]);
  expect(loaders).toEqual(["main.js"]);
});
