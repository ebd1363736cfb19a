import type { FastifyRequest } from "fastify";
import { ApiError } from "./operations/problem.ts";
import type { Caller, Role } from "./tokens.ts";

/** Finds out who asks; undefined when the token is nobody's. */
export type Authenticate = (token: string) => Promise<Caller | undefined> | Caller | undefined;

/** Everybody may do everything: only ever on loopback, and only when asked for. */
export const NOBODY: Caller = { role: "admin", name: "nobody (no authentication)" };

/** RFC 6750, section 2.1. Throws UNAUTHENTICATED without a token, or with one that is nobody's. */
export async function requireCaller(request: FastifyRequest, authenticate: Authenticate): Promise<Caller> {
  const [, token] = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(request.headers.authorization ?? "") ?? [];
  if (token === undefined) throw new ApiError("UNAUTHENTICATED", "there is no bearer token");
  const caller = await authenticate(token);
  if (caller === undefined) throw new ApiError("UNAUTHENTICATED", "the token is not known");
  return caller;
}

export function requireRole({ role, name }: Caller, wanted: Role): void {
  if (wanted === "read" || role === "admin") return;
  throw new ApiError("FORBIDDEN", `${name} may only read`);
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * Without authentication, a page of somebody else's whose name was made to point here (DNS rebinding) would be
 * as good as the person at the machine: its Host header tells.
 */
export function requireLoopbackName(request: FastifyRequest): void {
  const name = (request.headers.host ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  if (!isLoopback(name))
    throw new ApiError("FORBIDDEN", "without authentication, only localhost may be asked");
}
