import { parseArgs } from "node:util";
import { urlOf } from "../support/server.ts";
import { startServers, teardown } from "../support/servers.ts";
import { caseOf } from "./case.ts";
import { openLab } from "./lab.ts";
import { kindOfFailure, tryCase } from "./property.ts";
import { describeFailure } from "./report.ts";

// Random pairs of schemas, for as long as you like, on servers of its own or on the one that is given:
//   npm run fuzz:schema -- --runs 1000 [--seed 1] [--server postgres://…] [--shrink 120]
// A failure is made small in at most `--shrink` attempts and printed with its seed, once for each kind.
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "200" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    server: { type: "string" },
    shrink: { type: "string", default: "120" },
  },
});

const counts = new Map<string, number>();
const kinds = new Set<string>();
const count = (word: string): void => void counts.set(word, (counts.get(word) ?? 0) + 1);

async function fuzz(server: string): Promise<void> {
  await using lab = await openLab(server);
  const options = { dump: lab.major === 15, attempts: Number(values.shrink) };
  const [first, runs] = [Number(values.seed), Number(values.runs)];
  for (let done = 0; done < runs; done += 1) {
    const each = caseOf(first + done, lab.major);
    const verdict = await tryCase(lab, each, options);
    if (done % 25 === 24)
      console.error(`PostgreSQL ${lab.major}: ${done + 1} of ${runs}, from seed ${first}`);
    count(verdict.kind === "refused" ? `refused: ${verdict.reason}` : verdict.kind);
    if (verdict.kind === "invalid") console.log(`seed ${each.seed} is no schema: ${verdict.reason}`);
    if (verdict.kind !== "failed") continue;
    const kind = kindOfFailure(verdict.reason);
    count(`failed: ${kind}`);
    if (!kinds.has(kind)) console.log(`\n${await describeFailure(lab, each, verdict, options)}`);
    kinds.add(kind);
  }
}

try {
  const given = values.server === undefined ? undefined : [values.server];
  for (const server of given ?? (await startServers()).map((each) => urlOf(each, "postgres"))) {
    await fuzz(server);
  }
} finally {
  await teardown();
}
for (const [word, number] of [...counts].sort()) console.log(`${String(number).padStart(6)}  ${word}`);
process.exitCode = counts.has("failed") ? 1 : 0;
