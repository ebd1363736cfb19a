import { type ObjectName, TokenCursor } from "./cursor.ts";
import { quoteIdent } from "./quote.ts";

/** What to call a statement in logs and plans. Never holds a literal: it may be a password. */
export interface Label {
  /** `create table`, `alter role`, `insert`. */
  readonly verb: string;
  /** `create table shop.products`: at most 80 characters. */
  readonly summary: string;
}

const LENGTH = 80;

// Kinds of objects of more than one word, longest first where one begins another.
const LONG_KINDS: readonly (readonly string[])[] = [
  ["text", "search", "configuration"],
  ["text", "search", "dictionary"],
  ["text", "search", "parser"],
  ["text", "search", "template"],
  ["foreign", "data", "wrapper"],
  ["access", "method"],
  ["constraint", "trigger"],
  ["default", "privileges"],
  ["event", "trigger"],
  ["foreign", "table"],
  ["large", "object"],
  ["materialized", "view"],
  ["operator", "class"],
  ["operator", "family"],
  ["user", "mapping"],
];

/** Words between `create` and the kind of object that say how it is, not what. */
const ADJECTIVES: ReadonlySet<string> = new Set([
  "or",
  "replace",
  "global",
  "local",
  "temp",
  "temporary",
  "unlogged",
  "recursive",
  "trusted",
  "procedural",
]);

/** Objects that belong to a table, named behind ON. */
const ON_TABLE: ReadonlySet<string> = new Set([
  "constraint trigger",
  "index",
  "policy",
  "rule",
  "trigger",
  "unique index",
]);

const NAMELESS: ReadonlySet<string> = new Set(["cast", "default privileges", "transform", "user mapping"]);

/** The words that lead to the name, for statements that are about one object. */
const LEADS: Readonly<Record<string, readonly string[]>> = {
  analyze: ["verbose"],
  call: [],
  cluster: ["verbose"],
  copy: [],
  delete: ["from", "only"],
  insert: ["into"],
  lock: ["table", "only"],
  merge: ["into", "only"],
  refresh: ["materialized", "view", "concurrently"],
  reindex: ["index", "table", "schema", "database", "system", "concurrently"],
  reset: [],
  set: ["session", "local"],
  truncate: ["table", "only"],
  update: ["only"],
  vacuum: ["full", "freeze", "verbose", "analyze"],
};

/** A short name for the statement, from its head. */
export function describe(sql: string): Label {
  const cursor = new TokenCursor(sql);
  while (cursor.skip("("));
  const verb = cursor.word();
  switch (verb) {
    case "create":
    case "alter":
    case "drop":
      cursor.take();
      return ofObject(verb, cursor);
    case "comment":
      cursor.skip("comment", "on");
      return ofObject("comment on", cursor);
    case "grant":
    case "revoke":
      return { verb, summary: words(cursor, Number.POSITIVE_INFINITY) };
    case "select":
      cursor.take();
      return ofSelect(cursor);
    default:
      return Object.hasOwn(LEADS, verb) ? ofLead(verb, cursor) : ofWords(cursor);
  }
}

function ofObject(verb: string, cursor: TokenCursor): Label {
  while (ADJECTIVES.has(cursor.word())) cursor.take();
  const kind = takeKind(cursor);
  const label = kind === "" ? verb : `${verb} ${kind}`;
  const concurrently = cursor.skip("concurrently") ? " concurrently" : "";
  if (!cursor.skip("if", "not", "exists")) cursor.skip("if", "exists");
  cursor.skip("only");
  const name = NAMELESS.has(kind) || cursor.word() === "on" ? undefined : cursor.name();
  let summary = `${label}${concurrently}${spaced(name)}`;
  if (ON_TABLE.has(kind) && cursor.skipTo("on")) {
    cursor.skip("only");
    const table = cursor.name();
    if (table !== undefined) summary += ` on ${format(table)}`;
  }
  return { verb: label, summary: shorten(summary) };
}

function takeKind(cursor: TokenCursor): string {
  const long = LONG_KINDS.find((kind) => cursor.skip(...kind));
  if (long !== undefined) return long.join(" ");
  if (cursor.skip("unique", "index")) return "unique index";
  const kind = cursor.peek()?.kind === "word" ? cursor.word() : "";
  if (kind !== "") cursor.take();
  return kind;
}

/** The function of `select app.seed(…)`, as setting up a database calls them for their effect. */
function ofSelect(cursor: TokenCursor): Label {
  const name = cursor.name();
  const summary = name !== undefined && cursor.word() === "(" ? `select ${format(name)}(…)` : "select";
  return { verb: "select", summary: shorten(summary) };
}

function ofLead(verb: string, cursor: TokenCursor): Label {
  cursor.take();
  let lead: string = verb;
  cursor.skipParentheses();
  for (const word of LEADS[verb] ?? []) if (cursor.skip(word)) lead += ` ${word}`;
  return { verb, summary: shorten(`${lead}${spaced(cursor.name())}`) };
}

function ofWords(cursor: TokenCursor): Label {
  const verb = cursor.peek()?.kind === "word" ? cursor.word() : "";
  const summary = verb === "with" || verb === "do" ? verb : words(cursor, 4);
  return { verb, summary };
}

/** Unquoted words, names and punctuation up to the first other token. */
function words(cursor: TokenCursor, limit: number): string {
  let text = "";
  let previousEnd = -1;
  for (let count = 0; count < limit && text.length <= LENGTH; count += 1) {
    const token = cursor.peek();
    if (token === undefined) break;
    if (token.kind !== "word" && token.kind !== "punctuation" && token.kind !== "quotedIdentifier") break;
    const apart = previousEnd !== -1 && token.start > previousEnd ? " " : "";
    text += `${apart}${token.kind === "word" ? cursor.word() : cursor.text(token)}`;
    previousEnd = token.end;
    cursor.take();
  }
  return shorten(text.replace(/[,.(]+$/, ""));
}

function spaced(name: ObjectName | undefined): string {
  return name === undefined ? "" : ` ${format(name)}`;
}

function format(name: ObjectName): string {
  const own = quoteIdent(name.name);
  return name.schema === undefined ? own : `${quoteIdent(name.schema)}.${own}`;
}

function shorten(text: string): string {
  if (text.length <= LENGTH) return text;
  return `${text.slice(0, LENGTH - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
