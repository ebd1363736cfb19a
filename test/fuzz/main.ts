import { parseArgs } from "node:util";
import { caseOf } from "./case.ts";
import { openLab } from "./lab.ts";
import { kindOfFailure, tryCase } from "./property.ts";
import { describeFailure } from "./report.ts";

/** `npm run fuzz:schema -- --runs N [--seed S] [--server URL]`: random pairs of schemas, for as long as you like. */
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "200" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    server: { type: "string" },
    shrink: { type: "string", default: "120" },
    "keep-going": { type: "boolean", default: false },
  },
});
const first = Number(values.seed);
const runs = Number(values.runs);
const counts = new Map<string, number>();
const seen = new Set<string>();
let failures = 0;
await using lab = await openLab(values.server ?? "");
const options = { dump: lab.major === 15, attempts: Number(values.shrink) };
const count = (word: string): void => void counts.set(word, (counts.get(word) ?? 0) + 1);
for (let seed = first; seed < first + runs; seed += 1) {
  const each = caseOf(seed, lab.major);
  const verdict = await tryCase(lab, each, options);
  count(verdict.kind);
  if ((seed - first) % 25 === 24) console.error(`${seed - first + 1} of ${runs}, ${failures} failed`);
  if (verdict.kind === "refused") count(`refused: ${verdict.reason}`);
  if (verdict.kind === "converged" && verdict.approved) count("converged with approval");
  if (verdict.kind === "invalid") console.log(`INVALID seed ${seed}: ${verdict.reason}`);
  if (verdict.kind !== "failed") continue;
  failures += 1;
  const kind = kindOfFailure(verdict.reason);
  count(`failed: ${kind}`);
  if (seen.has(kind)) continue;
  seen.add(kind);
  console.log(`\n=== FAILED ${await describeFailure(lab, each, verdict, options)}`);
}
for (const [word, number] of [...counts].sort()) console.log(`${String(number).padStart(6)}  ${word}`);
process.exitCode = failures > 0 ? 1 : 0;
