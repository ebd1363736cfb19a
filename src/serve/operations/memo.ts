/** A signature does not see everything that a look at the whole does. */
const GOOD_FOR_MS = 60_000;

/**
 * What was found out last, for as long as its key stays: whoever scrapes metrics must not cost a plan each time.
 * A failure is kept too: it would be the same one again.
 */
export class Memo<T> {
  #last: { readonly key: string; readonly at: number; readonly found: Promise<T> } | undefined;

  find(key: string, findOut: () => Promise<T>): Promise<T> {
    const now = performance.now();
    if (this.#last?.key === key && now - this.#last.at < GOOD_FOR_MS) return this.#last.found;
    const found = findOut();
    found.catch(() => undefined);
    this.#last = { key, at: now, found };
    return found;
  }
}
