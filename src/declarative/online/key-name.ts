import type { Key } from "./key.ts";

/** Bytes of an identifier (PostgreSQL manual, "Lexical Structure"). */
const LONGEST = 63;

/**
 * The name that PostgreSQL gives to a partition's part of a key: `orders_2026_id_key`, `orders_2026_pkey`, cut where
 * it gets too long, with a number where it is taken (`ChooseRelationName` in its sources).
 */
export function keyNameOn(table: string, key: Key, isTaken: (name: string) => boolean): string {
  const columns = key.kind === "UNIQUE" ? key.columns.join("_") : undefined;
  const label = key.kind === "UNIQUE" ? "key" : "pkey";
  for (let number = 0; ; number += 1) {
    const name = compose(table, columns, number === 0 ? label : `${label}${number}`);
    if (!isTaken(name)) return name;
  }
}

/** The longer part is cut first. */
function compose(table: string, columns: string | undefined, label: string): string {
  const room = LONGEST - label.length - (columns === undefined ? 1 : 2);
  let [first, second] = [Buffer.byteLength(table), Buffer.byteLength(columns ?? "")];
  while (first + second > room) {
    if (first > second) first -= 1;
    else second -= 1;
  }
  const parts = columns === undefined ? [cut(table, first)] : [cut(table, first), cut(columns, second)];
  return [...parts, label].join("_");
}

/** The first bytes, whole characters of them. */
function cut(text: string, bytes: number): string {
  let end = 0;
  let taken = 0;
  for (const character of text) {
    taken += Buffer.byteLength(character);
    if (taken > bytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}
