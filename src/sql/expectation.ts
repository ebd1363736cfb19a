import {
  BEFORE_STATEMENT,
  BEFORE_TYPE,
  LIST_AFTER,
  SLOT_AFTER,
  SLOT_IN_PARENTHESES,
  type Slot,
  STATEMENT_HEADS,
  STRUCTURAL,
} from "./expectation-words.ts";

export type Wanted = Exclude<Slot, "condition">;

interface Frame {
  /** What is wanted behind a comma. */
  list: Slot;
  /** What is wanted behind TO. */
  to: Slot;
  /** The arguments of a function, where FROM and FOR only separate them. */
  readonly call: boolean;
  /** `options (host 'db', …)`: names and literals in turn. */
  readonly options: boolean;
  setting: boolean;
  assigning: boolean;
  between: boolean;
}

/**
 * Follows a text token by token and tells what a placeholder standing next would have to be. Knows the
 * places where people put placeholders and is no parser: elsewhere it says "name".
 */
export class Expectation {
  readonly #frames: Frame[] = [];
  #frame = newFrame("name");
  #slot: Slot = "name";
  #head = "";
  #headComes = true;
  #previous = "";
  #previousIsWord = false;
  /** Whether the last token can stand in front of a type, as a column's name does. */
  #operand = false;
  /** Of the dotted name read last: what was wanted at its place, and what stood before it. */
  #name = { slot: "name" as Slot, before: "", afterOperand: false };

  get wanted(): Wanted {
    return this.#slot === "condition" ? "name" : this.#slot;
  }

  /** The first word of the statement, in lower case. */
  get head(): string {
    return this.#head;
  }

  /** The last word in lower case or symbol, `""` for a name or literal. */
  get previous(): string {
    return this.#previous;
  }

  /** Whether this is among the arguments of a function. */
  get inCall(): boolean {
    return this.#frame.call;
  }

  /** Passes a word in lower case; a quoted name or placeholder is `""`. */
  word(word: string): void {
    if (this.#previous === ".") {
      this.#slot = "name";
      this.#pass("", true, true);
      return;
    }
    if (this.#headComes) this.#startStatement(word);
    this.#name = { slot: this.#slot, before: this.#previous, afterOperand: this.#operand };
    this.#slot = this.#frame.options ? "text" : this.#slotAfter(word);
    this.#headComes = BEFORE_STATEMENT.has(word);
    const ofTrigger = this.#previous === "execute" && (word === "function" || word === "procedure");
    this.#pass(ofTrigger ? "execute function" : word, true, !STRUCTURAL.has(word));
  }

  literal(): void {
    this.#slot = this.#frame.options ? "text" : "name";
    this.#pass("", false, true);
  }

  operator(operator: string): void {
    if (operator === "=" && this.#frame.setting) this.#frame.list = "value";
    this.#slot = operator === "::" ? "name" : "value";
    this.#pass(operator, false, false);
  }

  /** Passes one of `, ; ( ) [ ] . .. :`. */
  symbol(symbol: string): void {
    if (symbol === "(") this.#open(this.#frameInParentheses());
    else if (symbol === "[") this.#open(newFrame("value"));
    else if (symbol === ")" || symbol === "]") this.#close();
    else if (symbol === ";") this.#endStatement();
    else if (symbol === ",") this.#nextItem();
    else this.#slot = symbol === "." ? "name" : "value";
    this.#pass(symbol, false, symbol === ")" || symbol === "]");
  }

  #pass(text: string, isWord: boolean, operand: boolean): void {
    this.#previous = text;
    this.#previousIsWord = isWord;
    this.#operand = operand;
  }

  #startStatement(word: string): void {
    if (this.#head !== "" && !STATEMENT_HEADS.has(word)) return;
    this.#head = word;
    this.#frame = newFrame("name");
  }

  #endStatement(): void {
    this.#frame = newFrame("name");
    this.#slot = "name";
    this.#head = "";
    this.#headComes = true;
  }

  #nextItem(): void {
    this.#slot = this.#frame.list;
    this.#frame.to = "name";
    this.#frame.between = false;
  }

  #open(frame: Frame): void {
    this.#frames.push(this.#frame);
    this.#frame = frame;
    this.#slot = frame.list;
  }

  #close(): void {
    this.#frame = this.#frames.pop() ?? this.#frame;
    this.#slot = this.#frame.options ? "text" : "name";
  }

  #frameInParentheses(): Frame {
    const previous = this.#previous;
    if (!this.#previousIsWord) return newFrame(this.#slot);
    if (previous === "options") return { ...newFrame("name"), options: true };
    const fixed = SLOT_IN_PARENTHESES.get(previous);
    if (fixed !== undefined) return newFrame(fixed);
    if (SLOT_AFTER.has(previous)) return newFrame(this.#slot);
    const { slot, before, afterOperand } = this.#name;
    if (before === "execute function") return newFrame("text");
    if (afterOperand || BEFORE_TYPE.has(before)) return newFrame("value");
    return slot === "name" ? newFrame("name") : { ...newFrame("value"), call: true };
  }

  #slotAfter(word: string): Slot {
    const frame = this.#frame;
    const previous = this.#previous;
    switch (word) {
      case "all":
      case "distinct":
        return this.#slot;
      case "and":
        return frame.between ? "value" : "condition";
      case "between":
        frame.between = true;
        return "value";
      case "for":
        return frame.call ? "value" : "name";
      case "from":
        if (frame.call) return "value";
        if (this.#head === "copy") return "text";
        break;
      case "like":
      case "ilike":
        return this.#operand ? "text" : "name";
      case "owner":
        frame.to = "name";
        return "name";
      case "select":
        if (this.#head === "grant" || this.#head === "revoke") return "name";
        break;
      case "set":
        this.#beginSet(frame);
        return "name";
      case "statistics":
        return previous === "set" ? "value" : "name";
      case "to":
        if (this.#head === "copy") return "text";
        frame.list = frame.to;
        return frame.to;
      case "update":
        frame.assigning = true;
        return "name";
      case "using":
        if (this.#head !== "execute") return "name";
        frame.list = "value";
        return "value";
      case "value":
        if (previous === "rename") frame.to = "text";
        return "text";
      case "with":
        return previous === "start" || previous === "restart" ? "value" : "name";
      case "by":
        if (previous === "increment") return "value";
        break;
    }
    frame.list = LIST_AFTER.get(word) ?? frame.list;
    return SLOT_AFTER.get(word) ?? "name";
  }

  /** `update … set column = value, column = …` or `set setting to value, value`. */
  #beginSet(frame: Frame): void {
    if (frame.assigning) frame.list = "name";
    else {
      frame.setting = true;
      frame.to = "value";
    }
  }
}

function newFrame(list: Slot): Frame {
  return {
    list,
    to: "name",
    call: false,
    options: false,
    setting: false,
    assigning: false,
    between: false,
  };
}
