import { SlipwayError } from "../errors.ts";
import type { Environment } from "./environment.ts";

/** Returns when a person said yes: by `--yes`, or at the terminal. Without either, nothing may happen. */
export async function requireYes(
  environment: Environment,
  yes: boolean,
  what: string,
  word = "yes",
): Promise<void> {
  if (yes) return;
  const answer = await environment.ask?.(`${what}\nType ${word} to go on: `);
  if (answer?.trim() === word) return;
  throw new SlipwayError(
    "USAGE",
    environment.ask === undefined ? `not confirmed: ${what}` : "not confirmed, nothing was done",
    {
      next: "run it with --yes",
    },
  );
}
