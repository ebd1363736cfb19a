import { ERRORS, type ErrorCode } from "../../errors.ts";
import { redact } from "../../log/redact.ts";
import { LockBusyError } from "../../postgres/lock.ts";
import { toFailure } from "../../report/failure.ts";
import type { Problem } from "../schemas/problem.ts";

/** What only an API can run into. */
const API_PROBLEMS = {
  REQUEST_INVALID: { status: 400, next: "send what /openapi.json describes" },
  UNAUTHENTICATED: { status: 401, next: "send a token: Authorization: Bearer …" },
  FORBIDDEN: { status: 403, next: "use a token of the role admin" },
  NOT_FOUND: { status: 404, next: "see /openapi.json for what there is" },
  METHOD_NOT_ALLOWED: { status: 405, next: "see /openapi.json for what there is" },
  NOT_ACCEPTABLE: { status: 406, next: "accept application/json or application/x-tar" },
  BODY_TOO_LARGE: { status: 413, next: "send less" },
  MEDIA_TYPE_UNSUPPORTED: { status: 415, next: "send application/json" },
  TOO_MANY_REQUESTS: { status: 429, next: "wait as long as Retry-After says" },
  AUTHENTICATION_UNAVAILABLE: {
    status: 503,
    next: "bind the ClusterRole system:auth-delegator to slipway's service account, or try again",
  },
  OVERLOADED: { status: 503, next: "try again in a moment" },
} as const;

export type ApiProblemCode = keyof typeof API_PROBLEMS;

/** An answer that is no failure of slipway's, but of the request. */
export class ApiError extends Error {
  readonly code: ApiProblemCode;

  constructor(code: ApiProblemCode, message: string) {
    super(message);
    this.name = "ApiError";
    this.code = code;
  }
}

/** Statuses that the rule of the tens does not give. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  PENDING: 409,
  LOCK_BUSY: 409,
  INTERRUPTED: 503,
};

/**
 * By the tens of the exit code. Tens: what the server itself was given is wrong. Twenties: the surroundings
 * failed. Thirties and forties: the database is not as the request takes it to be.
 */
export function statusOf(code: ErrorCode): number {
  const { exit } = ERRORS[code];
  return STATUS[code] ?? (exit < 20 ? 500 : exit < 30 ? 503 : 409);
}

/** RFC 9457. Never holds a stack, nor a secret. */
export function toProblem(error: unknown): Problem {
  if (error instanceof ApiError) return apiProblem(error);
  const { code, exit, what, where, why, next, problems, planId } = toFailure(error);
  const holder = error instanceof LockBusyError ? error.holder : undefined;
  const isBug = code === "BUG";
  return {
    ...headOf(code, isBug ? 500 : statusOf(code as ErrorCode)),
    // What nobody foresaw may hold anything.
    detail: isBug ? "an unexpected error; the server's log has it" : redact(what),
    exit,
    next,
    ...(where === undefined ? {} : { where }),
    ...(why === undefined ? {} : { why: redact(why) }),
    ...(problems === undefined ? {} : { problems: problems.map(redact) }),
    ...(planId === undefined ? {} : { planId }),
    ...(holder === undefined ? {} : { holder }),
  };
}

function apiProblem({ code, message }: ApiError): Problem {
  const { status, next } = API_PROBLEMS[code];
  return { ...headOf(code, status), detail: message, next };
}

function headOf(code: string, status: number): Pick<Problem, "type" | "title" | "status" | "code"> {
  const title = code.toLowerCase().replaceAll("_", " ");
  return { type: `urn:slipway:error:${code}`, title, status, code };
}
