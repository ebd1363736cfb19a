/**
 * True for type changes that keep every value as it is (PostgreSQL manual, ALTER TABLE, and the casts of
 * `pg_cast`). Whatever is not listed here is taken for a change that may lose something.
 */
export function isWidening(from: string, to: string): boolean {
  if (from === to) return true;
  const old = parseType(from);
  const now = parseType(to);
  if (old.name === now.name && old.array === now.array) return isModifierWidened(old, now);
  if (old.array || now.array) return false;
  if (now.name === "text")
    return old.name === "character varying" || old.name === "citext" || old.name === "name";
  if (now.name === "character varying" && now.modifiers.length === 0) return old.name === "text";
  const order = ["smallint", "integer", "bigint"];
  if (order.includes(old.name) && order.includes(now.name))
    return order.indexOf(old.name) < order.indexOf(now.name);
  if (order.includes(old.name) && now.name === "numeric") return now.modifiers.length === 0;
  if (old.name === "real" && now.name === "double precision") return true;
  if (old.name === "cidr" && now.name === "inet") return true;
  return false;
}

/**
 * True for type changes that PostgreSQL makes in the catalog alone (manual, ALTER TABLE, "Notes"): the stored
 * form of every value stays what it is. A character(n) is padded to its length, and never such a case.
 */
export function isRelabelling(from: string, to: string): boolean {
  if (from === to) return true;
  const old = parseType(from);
  const now = parseType(to);
  if (old.array || now.array) return false;
  if (old.name === "cidr" && now.name === "inet") return true;
  const texts = ["text", "character varying"];
  if (texts.includes(old.name) && texts.includes(now.name)) return isWidening(from, to);
  if (old.name !== now.name || old.name.startsWith("character") || !LIMITED.test(old.name)) return false;
  if (
    old.name === "numeric" &&
    now.modifiers.length > 0 &&
    (old.modifiers[1] ?? 0) !== (now.modifiers[1] ?? 0)
  )
    return false;
  return isWidening(from, to);
}

interface ParsedType {
  readonly name: string;
  readonly modifiers: readonly number[];
  readonly array: boolean;
}

function parseType(type: string): ParsedType {
  const match = /^([^(]+?)\s*(?:\(([\d,\s-]+)\))?(\s+with(?:out)? time zone)?(\[\])*$/.exec(type);
  const modifiers = match?.[2]?.split(",").map(Number) ?? [];
  return { name: `${match?.[1] ?? type}${match?.[3] ?? ""}`, modifiers, array: type.endsWith("[]") };
}

/** Types whose modifier is a limit and nothing else; `bit(n)` pads with zeros, others may mean anything. */
const LIMITED =
  /^(?:character(?: varying)?|numeric|bit varying|time|timestamp|interval)(?: with(?:out)? time zone)?$/;

function isModifierWidened(from: ParsedType, to: ParsedType): boolean {
  if (!LIMITED.test(from.name)) return from.modifiers.join() === to.modifiers.join();
  // Without a modifier a character is one long.
  if (to.modifiers.length === 0) return to.name !== "character";
  const [oldSize = Number.POSITIVE_INFINITY, oldScale = 0] = from.modifiers;
  const [newSize = Number.POSITIVE_INFINITY, newScale = 0] = to.modifiers;
  if (from.name === "numeric") return newScale >= oldScale && newSize - newScale >= oldSize - oldScale;
  return newSize >= oldSize;
}
