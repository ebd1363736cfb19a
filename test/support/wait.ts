import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again until the answer is something; throws when it is nothing for too long. */
export async function waitFor<T>(
  ask: () => Promise<T | false | undefined> | T | false | undefined,
  withinMs = 15_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== false && answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain: ${ask.toString()}`);
    await sleep(15);
  }
}
