import { Lexer, type Token } from "marked";

/** A file that the page has the reader write. */
export interface FileStep {
  readonly kind: "file";
  readonly line: number;
  readonly path: string;
  readonly text: string;
}

/** Commands that the page has the reader run, and what they must end and answer with. */
export interface RunStep {
  readonly kind: "run";
  readonly line: number;
  readonly script: string;
  readonly exit: number;
  /** What has to be at hand, such as `cluster`. */
  readonly needs: readonly string[];
  /** Lines that stand in the answer in this order; `…` stands for anything. */
  output: readonly string[];
}

export type Step = FileStep | RunStep;

/**
 * What a reader of the page does, in order. The first word behind the language of a code block says what the
 * block is: ```` ```sql schemas/app.sql ```` is a file, ```` ```sh exit=3 needs=cluster ```` is run, and
 * ```` ```text ```` is what the block before it answers.
 */
export function stepsOf(page: string): readonly Step[] {
  const steps: Step[] = [];
  let line = 1;
  for (const token of new Lexer().lex(page)) {
    if (token.type === "code") addStep(steps, token, line);
    line += token.raw.split("\n").length - 1;
  }
  return steps;
}

function addStep(steps: Step[], token: Token & { readonly lang?: string }, line: number): void {
  const text = "text" in token && typeof token.text === "string" ? token.text : "";
  const [language = "", ...words] = (token.lang ?? "").split(/\s+/);
  const option = (name: string): string | undefined =>
    words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  if (language === "sh") {
    const exit = Number(option("exit") ?? 0);
    steps.push({
      kind: "run",
      line,
      script: text,
      exit,
      needs: option("needs")?.split(",") ?? [],
      output: [],
    });
    return;
  }
  const last = steps.at(-1);
  const [path] = words;
  if (language === "text" && last?.kind === "run") last.output = text.split("\n");
  else if (path !== undefined) steps.push({ kind: "file", line, path, text: `${text}\n` });
}

function fold(line: string): string {
  return line.trim().replaceAll(/\s+/g, " ");
}

/** The first line of `expected` that the answer has not, in this order; undefined when it has all. */
export function findMissing(expected: readonly string[], answer: string): string | undefined {
  let rest = answer.split("\n").map(fold);
  for (const line of expected.map(fold).filter((each) => each !== "" && each !== "…")) {
    const parts = line.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const at = rest.findIndex((each) => new RegExp(`^${parts.join(".*")}$`).test(each));
    if (at < 0) return line;
    rest = rest.slice(at + 1);
  }
  return undefined;
}
