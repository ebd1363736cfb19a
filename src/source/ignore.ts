import { findNearest } from "../config/nearest.ts";
import type { Problem } from "../errors.ts";

/** Whether an object of this kind and name, both as the engine's `describe` gives them, is to be left alone. */
export type IsIgnored = (kind: string, name: string) => boolean;

interface Rule {
  /** Undefined: any. */
  readonly kind: string | undefined;
  readonly pattern: RegExp;
  readonly isTakenBack: boolean;
}

export interface IgnoreReading {
  readonly isIgnored: IsIgnored;
  readonly problems: readonly Problem[];
}

/** By the word for it: the engine's name, and how many dots a name has at the least. */
const KINDS: Readonly<Record<string, readonly [kind: string, dots: number]>> = {
  aggregate: ["aggregate", 1],
  attribute: ["typeAttribute", 2],
  collation: ["collation", 1],
  column: ["column", 2],
  comment: ["comment", 0],
  constraint: ["constraint", 2],
  default: ["default", 2],
  "default privileges": ["defaultPrivilege", 0],
  domain: ["domain", 1],
  "event trigger": ["eventTrigger", 0],
  extension: ["extension", 0],
  "foreign data wrapper": ["fdw", 0],
  "foreign table": ["foreignTable", 1],
  function: ["function", 1],
  grant: ["acl", 0],
  index: ["index", 1],
  language: ["language", 0],
  "materialized view": ["materializedView", 1],
  policy: ["policy", 2],
  procedure: ["procedure", 1],
  publication: ["publication", 0],
  rule: ["rule", 2],
  schema: ["schema", 0],
  "security label": ["securityLabel", 0],
  sequence: ["sequence", 1],
  server: ["server", 0],
  table: ["table", 1],
  trigger: ["trigger", 2],
  type: ["type", 1],
  view: ["view", 1],
};

/**
 * Reads `.slipwayignore`: a rule a line, `kind pattern`; `*` for any kind; `!` takes back; the last rule that
 * matches wins. What is wrong with it is in `problems`, and the rule then not in force.
 */
export function parseIgnore(path: string, text: string): IgnoreReading {
  const problems: Problem[] = [];
  const rules: Rule[] = [];
  for (const [index, raw] of text.split(/\r\n?|\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const reading = readRule(line);
    if ("pattern" in reading) {
      rules.push(reading);
      continue;
    }
    const { column, ...problem } = reading;
    const indent = raw.length - raw.trimStart().length;
    problems.push({ at: { file: path, line: index + 1, column: indent + column }, ...problem });
  }
  rules.reverse();
  const isIgnored: IsIgnored = (kind, name) => {
    const rule = rules.find((each) => (each.kind ?? kind) === kind && each.pattern.test(name));
    return rule !== undefined && !rule.isTakenBack;
  };
  return { isIgnored, problems };
}

interface Complaint {
  readonly column: number;
  readonly message: string;
  readonly hint: string;
}

function readRule(line: string): Rule | Complaint {
  const isTakenBack = line.startsWith("!");
  const body = isTakenBack ? line.slice(1).trimStart() : line;
  const column = line.length - body.length + 1;
  const words = body.toLowerCase();
  const word = ["*", ...Object.keys(KINDS)]
    .filter((each) => words === each || words.startsWith(`${each} `) || words.startsWith(`${each}\t`))
    .sort((one, other) => other.length - one.length)[0];
  if (word === undefined) return unknownKind(words.split(/\s/, 1)[0] ?? words, column);
  const pattern = body.slice(word.length).trim();
  const at = line.length - pattern.length + 1;
  if (pattern === "") {
    const hint = word === "*" ? "* app.tmp_*" : `${word} ${exampleOf(word)}`;
    return { column: at, message: `names a kind and no object`, hint: `write a name or a pattern: ${hint}` };
  }
  const [kind, dots] = KINDS[word] ?? [undefined, 0];
  if (dotsIn(pattern) < dots && !pattern.includes("**")) {
    const hint = `as plans show it: ${word} ${"*.".repeat(dots - dotsIn(pattern))}${pattern}`;
    return {
      column: at,
      message: `the name of a ${word} has ${dots + 1} parts, this one matches none`,
      hint,
    };
  }
  return { kind, pattern: toRegExp(pattern, kind), isTakenBack };
}

function unknownKind(word: string, column: number): Complaint {
  const nearest = findNearest(word, Object.keys(KINDS));
  const hint =
    nearest === undefined
      ? `one of ${Object.keys(KINDS).join(", ")}, or * for any`
      : `did you mean ${nearest}?`;
  return { column, message: `"${word}" is no kind of object`, hint };
}

function exampleOf(word: string): string {
  const dots = KINDS[word]?.[1] ?? 0;
  return ["name", "app.name", "app.orders.name"][dots] ?? "name";
}

/** The arguments of a function are no parts of its name. */
function dotsIn(pattern: string): number {
  return (pattern.split("(", 1)[0] ?? pattern).split(".").length - 1;
}

/** `*` and `?` stay within a part of a name, `**` goes over the dots; a backslash takes the next one as it is. */
function toRegExp(pattern: string, kind: string | undefined): RegExp {
  const body = pattern.replaceAll(/\\(.)|\*\*|[*?]|[^\w\s]/gu, (piece, escaped: string | undefined) => {
    if (escaped !== undefined) return literal(escaped);
    if (piece === "**") return ".*";
    if (piece === "*") return "[^.]*";
    return piece === "?" ? "[^.]" : literal(piece);
  });
  return new RegExp(`^${body}${tailOf(pattern, kind)}$`, "su");
}

/** A function without arguments stands for all of its name, a grant without a role for those to anybody. */
function tailOf(pattern: string, kind: string | undefined): string {
  if (!pattern.includes("(") && ["function", "procedure", "aggregate"].includes(kind ?? ""))
    return String.raw`(?:\(.*\))`;
  return kind === "acl" && !pattern.includes(" to ") ? "(?: to .*)" : "";
}

function literal(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}
