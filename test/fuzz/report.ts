import { shrink } from "./case.ts";
import type { Lab } from "./lab.ts";
import { type Case, kindOfFailure, tryCase, type Verdict } from "./property.ts";
import { render } from "./render.ts";

type Failed = Extract<Verdict, { kind: "failed" }>;

/** Makes a failure small, and says what a person needs to look into it. */
export async function describeFailure(
  lab: Lab,
  each: Case,
  verdict: Failed,
  options: { readonly dump: boolean; readonly attempts: number },
): Promise<string> {
  const kind = kindOfFailure(verdict.reason);
  let last = verdict;
  const small = await shrink(
    each,
    async (smaller) => {
      const now = await tryCase(lab, smaller, options);
      const isSame = now.kind === "failed" && kindOfFailure(now.reason) === kind;
      if (isSame) last = now;
      return isSame;
    },
    options.attempts,
  );
  return [
    `seed ${each.seed} on PostgreSQL ${lab.major}: ${last.reason}`,
    `again: npm run fuzz:schema -- --runs 1 --seed ${each.seed}`,
    last.detail,
    "-- old.sql",
    render(small.old),
    "-- new.sql",
    render(small.wanted),
  ].join("\n");
}
