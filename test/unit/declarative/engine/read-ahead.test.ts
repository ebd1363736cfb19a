import { expect, test } from "vitest";
import { type Asking, readAhead } from "../../../../src/declarative/engine/read-ahead.ts";
import type { Session } from "../../../../src/postgres/session.ts";

/** A session that answers each question with itself, one after the other, and tells what came in when. */
function sessionThatTells(): { readonly session: Session; readonly told: string[] } {
  const told: string[] = [];
  let last: Promise<unknown> = Promise.resolve();
  const query = (sql: string): Promise<unknown> => {
    told.push(`asked ${sql}`);
    last = last.then(() => {
      told.push(`answered ${sql}`);
      if (sql === "broken") throw new Error(sql);
      return [{ sql }];
    });
    return last;
  };
  return { session: { query, execute: query } as unknown as Session, told };
}

const askEach =
  (...questions: readonly string[]) =>
  async (asking: Asking): Promise<unknown[]> => {
    const answers = [];
    for (const question of questions) answers.push(...(await asking.query(question)));
    return answers;
  };

test("every question gets its own answer, and the next one is asked before it is there", async () => {
  const { session, told } = sessionThatTells();

  const answers = await readAhead(session, askEach("one", "two", "one"));

  expect(answers).toEqual([{ sql: "one" }, { sql: "two" }, { sql: "one" }]);
  expect(told.slice(0, 3)).toEqual(["asked one", "asked two", "answered one"]);
});

test("a question that only real answers give rise to is asked too, and gets its own answer", async () => {
  const { session } = sessionThatTells();
  const reading = async (asking: Asking): Promise<unknown[]> => {
    const first = await asking.query("one");
    const more = first.length === 0 ? [] : await asking.query("more");
    return [...first, ...more, ...(await asking.query("two"))];
  };

  expect(await readAhead(session, reading)).toEqual([{ sql: "one" }, { sql: "more" }, { sql: "two" }]);
});

test("what decides on the questions is known beforehand", async () => {
  const { session, told } = sessionThatTells();
  const reading = async (asking: Asking): Promise<void> => {
    const [version] = await asking.query("version");
    await asking.query(version === undefined ? "old" : "new");
  };

  await readAhead(session, reading, { known: (sql) => (sql === "version" ? [{ sql }] : []) });

  expect(told).toEqual(["asked version", "asked new", "answered version", "answered new"]);
});

test("a question that fails fails the reading, and the one behind it nobody", async () => {
  const { session } = sessionThatTells();

  await expect(readAhead(session, askEach("one", "broken", "two"))).rejects.toThrow("broken");
});
