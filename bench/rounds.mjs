/** What one program was seen to do, over all rounds. */
export class Series {
  #ms = [];
  #peakKb = [];

  constructor(label) {
    this.label = label;
  }

  add({ ms, peakKb }) {
    this.#ms.push(ms);
    if (peakKb !== undefined) this.#peakKb.push(peakKb);
  }

  get count() {
    return this.#ms.length;
  }

  get medianMs() {
    return median(this.#ms);
  }

  get minMs() {
    return Math.min(...this.#ms);
  }

  /** The highest peak of all rounds, in MB of a million bytes; undefined where it could not be measured. */
  get peakMb() {
    return this.#peakKb.length === 0 ? undefined : (Math.max(...this.#peakKb) * 1024) / 1e6;
  }
}

/**
 * Measures the contestants in turns (A, B, A, B, …), so that whatever else the machine is doing meets each
 * of them alike. Which of them begins changes from round to round, unless one builds on another.
 *
 * @param {Record<string, (round: number) => Promise<{ ms: number, peakKb?: number }>>} contestants
 * @returns {Promise<Record<string, Series>>}
 */
export async function measureInTurns(rounds, contestants, warmUps = 0, { turning = true } = {}) {
  const entries = Object.entries(contestants);
  const series = Object.fromEntries(entries.map(([label]) => [label, new Series(label)]));
  for (let round = -warmUps; round < rounds; round += 1) {
    const order = turning && Math.abs(round) % 2 === 1 ? entries.toReversed() : entries;
    for (const [label, measure] of order) {
      const taken = await measure(round + warmUps);
      if (round >= 0) series[label].add(taken);
    }
  }
  return series;
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
