import type { Problem } from "../errors.ts";
import { isIdentifierPart } from "./character.ts";
import { applyEdits, type Edit, originalOffsets } from "./edit.ts";
import { Expectation } from "./expectation.ts";
import { type Finding, toProblems } from "./finding.ts";
import { type Token, type TokenKind, tokenize } from "./lexer.ts";
import { literalValue } from "./literal.ts";
import { bareText, escaperFor, isFragment, setApart } from "./placeholder-value.ts";

/** A file with its placeholders filled. */
export interface FilledFile {
  /** To be used only when there are no problems. */
  readonly text: string;
  /** The names the file refers to outside comments, in the order of their first use. */
  readonly used: string[];
  readonly problems: Problem[];
  /** The UTF-16 offset in the file of an offset in `text`; a filled place is where it began. */
  toOriginal(offset: number): number;
}

const EXACT = /\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}/g;

/**
 * Fills `{{NAME}}` from `vars`, quoted as the place demands: in a literal or a quoted name its quotes
 * are escaped; bare it becomes a name or, where SQL wants one, a literal (a number stays one). Code in
 * dollar quotes is filled by the same rules. Comments stay as they are.
 */
export function fillPlaceholders(
  file: string,
  sql: string,
  vars: Readonly<Record<string, string>>,
): FilledFile {
  if (!sql.includes("{{")) {
    return { text: sql, used: [], problems: [], toOriginal: (offset) => offset };
  }
  const filler = new Filler(sql, vars);
  const edits = filler.fill(0, sql.length);
  return {
    text: applyEdits(sql, edits, 0, sql.length),
    used: [...filler.used],
    problems: toProblems(file, sql, filler.findings),
    toOriginal: originalOffsets(edits),
  };
}

interface Code {
  readonly from: number;
  readonly to: number;
  readonly tokens: readonly Token[];
  readonly expectation: Expectation;
}

class Filler {
  readonly findings: Finding[] = [];
  readonly used = new Set<string>();
  readonly #sql: string;
  readonly #vars: Readonly<Record<string, string>>;

  constructor(sql: string, vars: Readonly<Record<string, string>>) {
    this.#sql = sql;
    this.#vars = vars;
  }

  /** The edits that fill the code between two offsets. */
  fill(from: number, to: number): Edit[] {
    const tokens = significantTokens(this.#sql, from, to);
    const expectation = new Expectation();
    const code: Code = { from, to, tokens, expectation };
    const edits: Edit[] = [];
    let statement = 0;
    for (const [index, token] of tokens.entries()) {
      const text = this.#sql.slice(token.start, token.end);
      if (token.kind === "placeholder") this.#bare(edits, code, index);
      else if (token.kind === "unknown") this.#malformed(tokens, index);
      else if (text.includes("{{")) {
        if (token.kind !== "dollarString") this.#quoted(edits, tokens, index);
        else
          this.#dollarQuoted(edits, token, isCode(expectation), () =>
            languageOf(this.#sql, tokens, statement),
          );
      }
      pass(expectation, token.kind, text);
      if (text === ";") statement = index + 1;
    }
    return edits;
  }

  #bare(edits: Edit[], code: Code, index: number): void {
    const sql = this.#sql;
    const { tokens, expectation } = code;
    const [token, next] = [tokens[index], tokens[index + 1]];
    if (token === undefined) return;
    const { start, end } = token;
    const name = sql.slice(start + 2, end - 2).trim();
    const value = this.#valueOf(name, start, "");
    if (value === undefined) return;
    const before = start > code.from ? sql.charAt(start - 1) : "";
    const behind = end < code.to ? sql.charAt(end) : "";
    const glued = isGlued(before, behind);
    const called = next !== undefined && (sql[next.start] === "." || behind === "(");
    const wanted = called ? "name" : expectation.wanted;
    if (glued && !isFragment(value)) {
      this.#find(
        start,
        `{{${name}}} is a piece of a word here, and its value holds more than a-z, 0-9 and _`,
        `quote the whole name: "…{{${name}}}…"`,
      );
    } else if (wanted === "name" && value === "") {
      this.#find(start, `{{${name}}} is a name here, and its value is empty`, `set SLIPWAY_VAR_${name}`);
    } else {
      const filled = setApart(bareText(value, wanted), before, behind);
      edits.push({ start, end, text: glued ? value : filled });
    }
  }

  #malformed(tokens: readonly Token[], index: number): void {
    const [token, next] = [tokens[index], tokens[index + 1]];
    if (token === undefined || next?.kind !== "unknown" || next.start !== token.end) return;
    if (this.#sql.slice(token.start, next.end) !== "{{") return;
    this.#find(
      token.start,
      "this is no placeholder: between the braces stands one name of letters, digits and _",
      "write {{NAME}}",
    );
  }

  #quoted(edits: Edit[], tokens: readonly Token[], index: number): void {
    const token = tokens[index];
    if (token === undefined) return;
    const toEscaped = escaperFor(this.#sql, token, uescapeBehind(this.#sql, tokens, index));
    this.#exact(edits, token.start, token.end, toEscaped);
  }

  /** Fills the exact `{{NAME}}` in a text that isn't code. */
  #exact(edits: Edit[], from: number, to: number, toEscaped: (value: string) => string): void {
    const text = this.#sql.slice(from, to);
    for (const found of text.matchAll(EXACT)) {
      const start = from + found.index;
      const [all, name = ""] = found;
      const value = this.#valueOf(name, start, `; if it is meant as text, write '{' || '{${name}}}'`);
      if (value !== undefined) edits.push({ start, end: start + all.length, text: toEscaped(value) });
    }
  }

  #dollarQuoted(edits: Edit[], token: Token, code: boolean, language: () => string): void {
    const sql = this.#sql;
    const tag = sql.slice(token.start, sql.indexOf("$", token.start + 1) + 1);
    const from = token.start + tag.length;
    const to = token.closed ? token.end - tag.length : token.end;
    let inner: Edit[] = [];
    if (!code) this.#exact(inner, from, to, (value) => value);
    else if (SQL_LANGUAGES.has(language())) inner = this.fill(from, to);
    else this.#refuseLanguage(from, to, language());
    const [first] = inner;
    const body = applyEdits(sql, inner, from, to);
    if (first !== undefined && `${body}${tag}`.indexOf(tag) !== body.length) {
      this.#find(
        first.start,
        `a value filled in here holds ${tag}, which would end the text around it`,
        "quote that with another tag, such as $slipway$",
      );
    }
    for (const edit of inner) edits.push(edit);
  }

  #refuseLanguage(from: number, to: number, language: string): void {
    const at = this.#sql.slice(from, to).search(EXACT);
    if (at === -1) return;
    this.#find(
      from + at,
      `a placeholder in the language ${language}, whose quoting slipway doesn't know`,
      "pass the value as an argument, or read a setting with current_setting()",
    );
  }

  #valueOf(name: string, offset: number, advice: string): string | undefined {
    this.used.add(name);
    const value = Object.hasOwn(this.#vars, name) ? this.#vars[name] : undefined;
    if (value === undefined) {
      this.#find(offset, `{{${name}}} is not set`, `set SLIPWAY_VAR_${name}${advice}`);
      return undefined;
    }
    if (!value.includes("\0")) return value;
    this.#find(offset, `the value of {{${name}}} holds a NUL byte`, `set SLIPWAY_VAR_${name} to text`);
    return undefined;
  }

  #find(offset: number, message: string, hint: string): void {
    this.findings.push({ offset, message, hint });
  }
}

const SQL_LANGUAGES: ReadonlySet<string> = new Set(["sql", "plpgsql"]);

/** Whether a dollar-quoted text that stands here is run, now or later, rather than kept as text. */
function isCode(expectation: Expectation): boolean {
  const { head, previous, inCall } = expectation;
  return (
    inCall ||
    head === "do" ||
    head === "execute" ||
    previous === ":=" ||
    (head === "create" && previous === "as")
  );
}

/** What stands behind LANGUAGE in a statement that begins with the token; without it, a block's default. */
function languageOf(sql: string, tokens: readonly Token[], statement: number): string {
  let previous = "";
  for (let index = statement; index < tokens.length; index += 1) {
    const token = tokens[index];
    const text = token === undefined ? "" : sql.slice(token.start, token.end).toLowerCase();
    if (text === ";") break;
    if (previous === "language") return text.replaceAll(/['"]/g, "");
    previous = text;
  }
  return "plpgsql";
}

function uescapeBehind(sql: string, tokens: readonly Token[], index: number): string | undefined {
  const [word, character] = [tokens[index + 1], tokens[index + 2]];
  if (word === undefined || character === undefined) return undefined;
  const isUescape = sql.slice(word.start, word.end).toLowerCase() === "uescape";
  return isUescape ? literalValue(sql, character) : undefined;
}

/** Whether a bare placeholder is one word with what stands around it: `app_{{X}}`, `{{X}}{{Y}}`. */
function isGlued(before: string, behind: string): boolean {
  return (
    before === "}" ||
    behind === "{" ||
    isIdentifierPart(before.charCodeAt(0)) ||
    isIdentifierPart(behind.charCodeAt(0))
  );
}

function pass(expectation: Expectation, kind: TokenKind, text: string): void {
  if (kind === "word") expectation.word(text.toLowerCase());
  else if (kind === "quotedIdentifier" || (kind === "placeholder" && expectation.wanted === "name"))
    expectation.word("");
  else if (kind === "operator") expectation.operator(text);
  else if (kind === "punctuation") expectation.symbol(text);
  else expectation.literal();
}

function significantTokens(sql: string, from: number, to: number): Token[] {
  const tokens: Token[] = [];
  for (const { kind, start, end, closed } of tokenize(sql.slice(from, to))) {
    if (kind !== "comment") tokens.push({ kind, start: from + start, end: from + end, closed });
  }
  return tokens;
}
