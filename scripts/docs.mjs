// Keeps docs/ true: writes what is generated from the code, and checks that every link leads somewhere.
//
//   npm run docs             writes the generated parts
//   npm run docs -- --check  writes nothing; says what is stale and which links are dead, exit 1

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { GENERATED } from "./docs/generated.mjs";
import { findDeadLinks } from "./docs/links.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const isCheck = process.argv.includes("--check");

const stale = [];
for (const { path, name, text } of GENERATED) {
  const page = readFileSync(`${root}/${path}`, "utf8");
  const [begin, end] = [`<!-- generated: ${name} -->`, `<!-- end: ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no place for "${name}": ${begin} … ${end}`);
  const next = `${page.slice(0, from + begin.length)}\n\n${text()}\n${page.slice(to)}`;
  if (next === page) continue;
  if (isCheck) stale.push(`${path}: "${name}" is not what the code says: npm run docs`);
  else writeFileSync(`${root}/${path}`, next);
}

const problems = [...stale, ...findDeadLinks(root)];
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
