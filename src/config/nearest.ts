/** The known name that a mistyped one most likely stands for; nothing when none is close. */
export function findNearest(name: string, known: Iterable<string>): string | undefined {
  const wanted = fold(name);
  let best: string | undefined;
  // A third of the letters wrong is a typing slip; more is another word, and guessing it misleads.
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, fold(candidate));
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

export function didYouMean(name: string | undefined): { readonly hint?: string } {
  return name === undefined ? {} : { hint: `did you mean ${name}?` };
}

// `lock_wait`, `lock-wait` and `LockWait` are one name written in three manners.
function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.\s]/g, "");
}

/** Insertions, deletions and replacements between the two, and swaps of neighbours, each as one. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && swapped) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
