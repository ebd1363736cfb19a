import { generate } from "./generate.ts";
import { isWhole, type Uid, without } from "./model.ts";
import { mutate } from "./mutate.ts";
import type { Case } from "./property.ts";
import { Random } from "./random.ts";

/** The case of a seed: the same on every machine, but for what a server's major has not learnt yet. */
export function caseOf(seed: number, major: number): Case {
  const random = new Random(seed);
  const old = generate(random, major, random.between(4, 40));
  return { seed, old, wanted: mutate(random, major, old, random.between(1, 12)) };
}

/**
 * Takes away what the failure can do without: parts from both sides, and changes of one. `stillFails` is
 * asked for every attempt, at most `attempts` times.
 */
export async function shrink(
  start: Case,
  stillFails: (smaller: Case) => Promise<boolean>,
  attempts: number,
): Promise<Case> {
  let best = start;
  let left = attempts;
  const attempt = async (smaller: Case | undefined): Promise<boolean> => {
    if (smaller === undefined || left <= 0 || !isWhole(smaller.old) || !isWhole(smaller.wanted)) return false;
    left -= 1;
    if (!(await stillFails(smaller))) return false;
    best = smaller;
    return true;
  };
  for (let size = Math.ceil(uidsOf(best).length / 2); size >= 1; ) {
    let helped = false;
    const uids = uidsOf(best).reverse();
    for (let at = 0; at < uids.length; at += size) {
      const chunk = uids.slice(at, at + size).filter((uid) => best.old.has(uid) || best.wanted.has(uid));
      if (chunk.length === 0) continue;
      const smaller = { ...best, old: without(best.old, chunk), wanted: without(best.wanted, chunk) };
      if ((await attempt(smaller)) || (await attempt(unchanged(best, chunk)))) helped = true;
    }
    if (left <= 0) break;
    if (!helped || size > 1) size = size === 1 && !helped ? 0 : Math.max(1, Math.floor(size / 2));
  }
  return best;
}

function uidsOf({ old, wanted }: Case): Uid[] {
  return [...new Set([...old.keys(), ...wanted.keys()])].sort((a, b) => a - b);
}

/** The case in which these parts are the same before and after; undefined when they are already. */
function unchanged(each: Case, uids: readonly Uid[]): Case | undefined {
  const changed = uids.filter((uid) => each.old.get(uid) !== each.wanted.get(uid));
  if (changed.length === 0) return undefined;
  const wanted = new Map(each.wanted);
  for (const uid of changed) {
    const was = each.old.get(uid);
    if (was === undefined) wanted.delete(uid);
    else wanted.set(uid, was);
  }
  return { ...each, wanted };
}
