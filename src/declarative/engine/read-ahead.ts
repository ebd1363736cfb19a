import type { Session } from "../../postgres/session.ts";

/** What a reading asks with. */
export type Asking = Pick<Session, "query" | "execute">;

interface Foresight {
  /** Answers that decide on the questions that follow. */
  readonly known?: (sql: string) => Record<string, unknown>[];
  /** Called with each question, when the server has it and the one that follows. */
  readonly onAsked?: ((sql: string) => void) | undefined;
}

/**
 * Reads with one question more under way than is being answered: a reading that asks one after the other would
 * have the server wait while it looks through an answer, and then wait itself. What it is going to ask is found
 * out by letting it read where there is nothing, but for what `known` tells; a question that was foreseen wrongly
 * costs its own time and no more.
 *
 * `reading` must ask nothing else for having asked before, and change nothing.
 */
export async function readAhead<T>(
  session: Session,
  reading: (asking: Asking) => Promise<T>,
  { known = () => [], onAsked }: Foresight = {},
): Promise<T> {
  const questions: string[] = [];
  await reading({
    async query<Row>(sql: string) {
      questions.push(sql);
      return known(sql) as Row[];
    },
    execute: async () => ({ command: "", rowCount: 0 }),
  });
  return reading(new AskingAhead(session, questions, onAsked));
}

/** Never more than one ahead: the driver queues no more. */
class AskingAhead implements Asking {
  readonly #session: Session;
  readonly #questions: readonly string[];
  readonly #onAsked: ((sql: string) => void) | undefined;
  #at = 0;
  #ahead: { readonly sql: string; readonly answer: Promise<Record<string, unknown>[]> } | undefined;

  constructor(session: Session, questions: readonly string[], onAsked?: (sql: string) => void) {
    this.#session = session;
    this.#questions = questions;
    this.#onAsked = onAsked;
  }

  async query<Row extends Record<string, unknown>>(sql: string): Promise<Row[]> {
    const answer = this.#ahead?.sql === sql ? this.#ahead.answer : this.#session.query(sql);
    this.#ahead = undefined;
    const at = this.#questions.indexOf(sql, this.#at);
    const next = at < 0 ? undefined : this.#questions[at + 1];
    if (next !== undefined) {
      this.#at = at + 1;
      this.#ahead = { sql: next, answer: this.#session.query(next) };
      // It fails when the one before it does, and then nobody asks for it.
      this.#ahead.answer.catch(() => undefined);
    }
    this.#onAsked?.(sql);
    return answer as Promise<Row[]>;
  }

  execute(sql: string): ReturnType<Session["execute"]> {
    return this.#session.execute(sql);
  }
}
