import { expect, test } from "vitest";
import { requireYes } from "../../../src/commands/confirm.ts";
import type { Environment } from "../../../src/commands/environment.ts";

interface Person {
  readonly environment: Environment;
  readonly asked: readonly string[];
}

/** A person at the terminal who gives this answer to whatever is asked; nobody, without an answer. */
function personWho(answer: string | undefined): Person {
  const asked: string[] = [];
  const ask = async (question: string): Promise<string> => {
    asked.push(question);
    return answer ?? "";
  };
  const environment = { ask: answer === undefined ? undefined : ask } as Environment;
  return { environment, asked };
}

test("--yes is a yes, and nobody is asked", async () => {
  const { environment, asked } = personWho("no");

  await requireYes(environment, true, "This drops everything");

  expect(asked).toEqual([]);
});

test("the person is told what would happen and what to type", async () => {
  const { environment, asked } = personWho(" shop \n");

  await requireYes(environment, false, "This drops everything", "shop");

  expect(asked).toEqual(["This drops everything\nType shop to go on: "]);
});

test.each(["", "y", "YES", "no"])("%j is no yes, and nothing is done", async (answer) => {
  const { environment } = personWho(answer);

  await expect(requireYes(environment, false, "This drops everything")).rejects.toMatchObject({
    code: "USAGE",
    message: "not confirmed, nothing was done",
    next: "run it with --yes",
  });
});

test("where nobody can be asked, nothing is done either, and the error says what it would have been", async () => {
  const { environment } = personWho(undefined);

  await expect(requireYes(environment, false, "This drops everything")).rejects.toMatchObject({
    code: "USAGE",
    message: "not confirmed: This drops everything",
  });
});
