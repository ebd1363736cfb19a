/**
 * What SQL wants at a place: a name, a value (number or literal), or a literal and nothing else.
 * `condition`, as in WHERE and FROM, is where a bare word is a name, but a function has values for
 * arguments.
 */
export type Slot = "name" | "value" | "text" | "condition";

const NAMES = `add alter as authorization begin by cascade collate column constraint create cross
  database declare delete distinct do domain drop except exists extension for foreign full function
  grant group index inner insert intersect into key language left listen loop materialized
  not null on only owner policy primary procedure publication references rename replace restrict
  returning returns revoke right role routine rule schema sequence server set setof table tablespace
  template to trigger type union unique update user using view with wrapper`;
const VALUES = `any array cache call case cost default else elsif execute first if in increment limit
  maxvalue minvalue modulus next offset perform placing raise remainder restart return row select some
  start then values when while`;
const CONDITIONS = "and check from having join lateral not or where";
const TEXTS = `after before connection date delimiter encoding enum escape icu_locale interval is
  lc_collate lc_ctype locale location password time timestamp timestamptz timetz until version zone`;

/** What stands behind a word wherever it is used as a keyword. */
export const SLOT_AFTER: ReadonlyMap<string, Slot> = new Map([
  ...entries(NAMES, "name"),
  ...entries(VALUES, "value"),
  ...entries(CONDITIONS, "condition"),
  ...entries(TEXTS, "text"),
]);

/** What the items of the list behind a word are, where that isn't what it was before. */
export const LIST_AFTER: ReadonlyMap<string, Slot> = new Map([
  ...entries("by having into returning where", "name"),
  ...entries("from join", "condition"),
  ...entries("perform raise select values", "value"),
  ...entries("notify", "text"),
]);

/** What stands behind a word and an opening parenthesis, where that isn't what stands behind the word. */
export const SLOT_IN_PARENTHESES: ReadonlyMap<string, Slot> = new Map([
  ...entries("all date from interval time timestamp timestamptz timetz to", "value"),
  ...entries("using", "condition"),
]);

/** Words that are never the name of a column in front of its type. */
export const STRUCTURAL: ReadonlySet<string> = new Set(words(`${NAMES} ${VALUES} ${CONDITIONS}`));

/** A name with parentheses behind one of these is a type with modifiers: `::numeric(9, 2)`. */
export const BEFORE_TYPE: ReadonlySet<string> = new Set(["::", "type", "returns", "setof"]);

/** In PL/pgSQL the next word may begin a statement. */
export const BEFORE_STATEMENT: ReadonlySet<string> = new Set(["begin", "then", "else", "loop"]);

/** Where THEN and ELSE belong to CASE, none of these follows. */
export const STATEMENT_HEADS: ReadonlySet<string> = new Set(
  words(`alter call comment copy create delete drop execute grant insert lock merge notify perform raise
    reassign refresh reset return revoke security select set truncate update values with`),
);

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

function entries(text: string, slot: Slot): [string, Slot][] {
  return words(text).map((word) => [word, slot]);
}
