/**
 * Follows the words of one statement to tell whether it is inside the SQL-standard body of a routine
 * (`create function … begin atomic … end`, PostgreSQL 14), where semicolons do not end it.
 *
 * psql counts every BEGIN in a CREATE FUNCTION; asking for ATOMIC behind it keeps functions and
 * arguments named "begin" apart.
 */
export class AtomicBody {
  #head = "";
  #words = 0;
  #routine: boolean | undefined;
  #depth = 0;
  #previous = "";

  /** Whether a semicolon now belongs to the body. */
  get open(): boolean {
    return this.#depth > 0;
  }

  /** Whether nothing the statement still holds can begin such a body. */
  get impossible(): boolean {
    return this.#routine === false;
  }

  /** Takes a word outside parentheses. */
  word(text: string): void {
    const word = text.toLowerCase();
    if (this.#routine === undefined) this.#decide(word);
    const label = this.#isLabel();
    if (word === "atomic" && this.#previous === "begin" && this.#depth === 0) this.#depth = 1;
    else if (this.#depth > 0 && word === "case" && !label) this.#depth += 1;
    else if (this.#depth > 0 && word === "end" && !label) this.#depth -= 1;
    this.#previous = word;
  }

  /** Takes any other token. */
  other(text: string): void {
    if (this.#routine === undefined) this.#routine = false;
    this.#previous = text;
  }

  // `select x as end` and `row.case`: reserved words are allowed as labels there.
  #isLabel(): boolean {
    return this.#previous === "as" || this.#previous === ".";
  }

  #decide(word: string): void {
    this.#words += 1;
    this.#head = this.#words === 1 ? word : `${this.#head} ${word}`;
    if (ROUTINE.has(this.#head)) this.#routine = true;
    else if (!ROUTINE_BEGINS.has(this.#head)) this.#routine = false;
  }
}

const ROUTINE: ReadonlySet<string> = new Set([
  "create function",
  "create procedure",
  "create or replace function",
  "create or replace procedure",
]);
const ROUTINE_BEGINS: ReadonlySet<string> = new Set(["create", "create or", "create or replace"]);
