/** A seeded source of chance (mulberry32): the same seed gives the same case, on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** In [0, below). */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** In [from, to]. */
  between(from: number, to: number): number {
    return from + this.int(to - from + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Undefined of an empty list only. */
  maybePick<T>(list: readonly T[]): T | undefined {
    return list[this.int(list.length)];
  }

  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    const picked = this.maybePick(list);
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }

  /** Up to `count` different ones, in the order of the list. */
  sample<T>(list: readonly T[], count: number): T[] {
    const left = [...list.keys()];
    const taken: number[] = [];
    while (taken.length < count && left.length > 0) {
      const [index] = left.splice(this.int(left.length), 1);
      if (index !== undefined) taken.push(index);
    }
    return taken.sort((one, other) => one - other).flatMap((index) => list.slice(index, index + 1));
  }

  shuffled<T>(list: readonly T[]): T[] {
    const left = [...list];
    const out: T[] = [];
    while (left.length > 0) out.push(...left.splice(this.int(left.length), 1));
    return out;
  }
}
