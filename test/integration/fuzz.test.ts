import { expect, inject, test } from "vitest";
import { caseOf } from "../fuzz/case.ts";
import { type Lab, openLab } from "../fuzz/lab.ts";
import { tryCase } from "../fuzz/property.ts";
import { describeFailure } from "../fuzz/report.ts";
import { type TestServer, urlOf } from "../support/server.ts";

/** On all servers together, and the same ones on every machine; `npm run fuzz:schema` tries others. */
const CASES = 200;
/** At a time: while one waits for the server, the other computes. */
const LABS = 2;

const servers = inject("servers");
const share = Math.ceil(CASES / servers.length);

for (const [index, server] of servers.entries()) {
  const first = 1 + index * share;
  test(`random pairs of schemas, seeds ${first} to ${first + share - 1}, converge or are refused without a trace [PostgreSQL ${server.major}]`, {
    timeout: 600_000,
    retry: 0,
  }, async () => {
    const seeds = Array.from({ length: share }, (_, at) => first + at);
    const failures: string[] = [];
    const invalid: string[] = [];
    const work = async (): Promise<void> => {
      await using lab = await openLab(urlOf(server, "postgres"));
      for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
        const outcome = await tryOne(lab, server, seed);
        if (outcome?.kind === "failed") failures.push(outcome.words);
        if (outcome?.kind === "invalid") invalid.push(outcome.words);
      }
    };
    await Promise.all(Array.from({ length: LABS }, work));

    expect(failures.join("\n\n")).toBe("");
    // The generator may write now and then what the server refuses; if it does so often, little is tried.
    expect(invalid.slice(share / 20)).toEqual([]);
  });
}

async function tryOne(
  lab: Lab,
  server: TestServer,
  seed: number,
): Promise<{ kind: "failed" | "invalid"; words: string } | undefined> {
  const each = caseOf(seed, server.major);
  // pg_dump reads servers of its own major and older ones, and costs a process: every tenth case.
  const options = { dump: server.major === 15 && seed % 10 === 0, attempts: 60 };
  const verdict = await tryCase(lab, each, options);
  if (verdict.kind === "invalid") return { kind: "invalid", words: `seed ${seed}: ${verdict.reason}` };
  if (verdict.kind !== "failed") return undefined;
  return { kind: "failed", words: await describeFailure(lab, each, verdict, options) };
}
