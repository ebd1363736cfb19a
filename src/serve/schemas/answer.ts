import type { TSchema } from "typebox";
import { Problem } from "./problem.ts";

const DESCRIPTIONS = {
  400: "the request is not what this document describes",
  401: "no token, or one that is not known",
  403: "the token may only read",
  404: "there is no such thing",
  406: "none of the forms that this has is accepted",
  409: "the database is not as the request takes it to be: code says how",
  413: "the body is too large",
  415: "the body is no JSON",
  429: "too many requests",
  500: "the server's own files or settings are wrong, or it has a bug",
  503: "the database does not answer",
} as const;

export type ProblemStatus = keyof typeof DESCRIPTIONS;

/** Answers of these statuses, each a problem. */
export function problems(...statuses: readonly ProblemStatus[]) {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: DESCRIPTIONS[status],
        content: { "application/problem+json": { schema: Problem } },
      },
    ]),
  );
}

/** One answer as JSON. */
export function json(description: string, schema: TSchema) {
  return { description, content: { "application/json": { schema } } };
}
