/** At most so many bytes of UTF-8, whole characters, and the note at its end where something is missing. */
export function cut(text: string, bytes: number, note: string): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const room = bytes - Buffer.byteLength(note);
  // A character that is cut in the middle decodes to U+FFFD.
  return `${Buffer.from(text)
    .subarray(0, room)
    .toString("utf8")
    .replace(/\uFFFD+$/, "")}${note}`;
}
