import type { Problem } from "../schemas/problem.ts";

const KEPT = "slipway-token";
const API = "api/v1/admin/";

/** What the server says instead of an answer. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** In this tab only, and until it is closed. */
export const token = {
  get: (): string | undefined => sessionStorage.getItem(KEPT) ?? undefined,
  set: (text: string): void => sessionStorage.setItem(KEPT, text),
  forget: (): void => sessionStorage.removeItem(KEPT),
};

/** Throws a ProblemError for everything that is no success, the network's failures too. */
export async function ask<Body>(path: string, body?: unknown): Promise<Body> {
  const response = await send(path, {
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    headers: body === undefined ? {} : { "content-type": "application/json" },
  });
  return (await response.json()) as Body;
}

export async function send(path: string, init: RequestInit): Promise<Response> {
  const known = token.get();
  const authorization = known === undefined ? {} : { authorization: `Bearer ${known}` };
  let response: Response;
  try {
    response = await fetch(`${API}${path}`, { ...init, headers: { ...init.headers, ...authorization } });
  } catch {
    throw new ProblemError(unreachable());
  }
  if (!response.ok) throw new ProblemError(await readProblem(response));
  return response;
}

async function readProblem(response: Response): Promise<Problem> {
  try {
    return (await response.json()) as Problem;
  } catch {
    // A proxy's word, most likely.
    return { ...unreachable(), status: response.status, detail: `answered with ${response.status}` };
  }
}

function unreachable(): Problem {
  return {
    type: "about:blank",
    title: "not reached",
    status: 0,
    code: "NOT_REACHED",
    detail: "slipway does not answer",
    next: "see whether `slipway serve` runs, then refresh",
  };
}
