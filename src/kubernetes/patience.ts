import { setTimeout as sleep } from "node:timers/promises";

/** How long a run lets itself be held up by a cluster, in all its waits together. */
export class Patience {
  #leftMs: number;

  constructor(totalMs: number) {
    this.#leftMs = totalMs;
  }

  /** Undefined when it did not come in the time that was left. */
  async wait<T>(work: Promise<T>): Promise<T | undefined> {
    const start = performance.now();
    const late = new AbortController();
    const end = sleep(Math.max(0, this.#leftMs), undefined, { signal: late.signal }).catch(() => undefined);
    try {
      return await Promise.race([work, end]);
    } finally {
      late.abort();
      this.#leftMs -= performance.now() - start;
    }
  }
}
