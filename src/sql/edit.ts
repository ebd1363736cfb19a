/** A piece of a text to be replaced. Offsets are UTF-16 code units of the original, `end` exclusive. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The part between two offsets with its edits made. They must be in order and not overlap. */
export function applyEdits(original: string, edits: readonly Edit[], from: number, to: number): string {
  let text = "";
  let at = from;
  for (const edit of edits) {
    text += original.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return text + original.slice(at, to);
}

/** From an offset of the edited text to the original's; a replaced place is where it began. */
export function originalOffsets(edits: readonly Edit[]): (offset: number) => number {
  // Of every edit: where it begins and ends in the filled text.
  let shift = 0;
  const places = edits.map(({ start, end, text }) => {
    const filledStart = start + shift;
    shift += text.length - (end - start);
    return { start, end, filledStart, filledEnd: filledStart + text.length };
  });
  return (offset) => {
    const index = lastIndexAtOrBefore(places, offset);
    const place = places[index];
    if (place === undefined) return offset;
    return offset < place.filledEnd ? place.start : place.end + (offset - place.filledEnd);
  };
}

function lastIndexAtOrBefore(places: readonly { readonly filledStart: number }[], offset: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((places[middle]?.filledStart ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
