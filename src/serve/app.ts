import type { Socket } from "node:net";
import rateLimit from "@fastify/rate-limit";
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from "fastify";
import type { Log } from "../log/log.ts";
import { ApiError, type ApiProblemCode, toProblem } from "./operations/problem.ts";

/** A request for all of it is a few hundred bytes. */
const LARGEST_BODY = 64 * 1024;
const PER_MINUTE = 600;

/** On every answer; the page has a wider policy of its own. */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

/** Fastify with what every listener of slipway has: limits, headers, one form of errors, one line a request. */
export async function createApp(log: Log): Promise<FastifyInstance> {
  const app = fastify({
    // The log is slipway's own: a line for what was asked, and redacted.
    logger: false,
    bodyLimit: LARGEST_BODY,
    // Of headers and body; the answer may take longer. Node looks every half minute unless told otherwise.
    requestTimeout: 10_000,
    http: { headersTimeout: 5_000, connectionsCheckingInterval: 1_000 },
    connectionTimeout: 0,
    keepAliveTimeout: 10_000,
    maxRequestsPerSocket: 1_000,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 100 },
    clientErrorHandler: refuseConnection,
    // What no route is looked up for, such as a wrong %-escape; hooks don't run for it.
    frameworkErrors: (error, _, reply) => sendProblem(reply.headers(HEADERS), toProblem(toKnown(error))),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, allErrors: false } },
  });
  app.addHook("onRequest", async (_, reply) => {
    reply.headers(HEADERS);
  });
  app.addHook("onResponse", async (request, reply) => {
    const { method, ip, caller } = request;
    const line = {
      method,
      route: request.routeOptions.url ?? "-",
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      ip,
      ...(caller === undefined ? {} : { by: caller.name }),
    };
    const isNews = method !== "GET" || reply.statusCode >= 400;
    log[isNews ? "info" : "debug"](line, "Request answered");
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = toKnown(error);
    const problem = toProblem(known);
    if (problem.code === "BUG")
      log.error({ route: request.routeOptions.url, stack: error.stack }, "A request failed unexpectedly");
    return sendProblem(reply, problem);
  });
  app.setNotFoundHandler((_, reply) =>
    sendProblem(reply, toProblem(new ApiError("NOT_FOUND", "there is nothing of this name"))),
  );
  await app.register(rateLimit, {
    global: true,
    max: PER_MINUTE,
    timeWindow: 60_000,
    cache: 5_000,
    // Kubernetes and Prometheus ask on, whatever others do.
    allowList: (request) => request.routeOptions.config.unlimited === true,
    // After it is known who asks: a header that anybody can make up must not open a budget of its own.
    hook: "preParsing",
    keyGenerator: (request) => (request.caller === undefined ? request.ip : `caller ${request.caller.name}`),
    errorResponseBuilder: () =>
      new ApiError("TOO_MANY_REQUESTS", `more than ${PER_MINUTE} requests a minute`),
  });
  return app;
}

export function sendProblem(reply: FastifyReply, problem: ReturnType<typeof toProblem>): FastifyReply {
  if (problem.status === 401) reply.header("www-authenticate", 'Bearer realm="slipway"');
  if (problem.status === 503) reply.header("retry-after", "5");
  if (problem.status === 429 && !reply.hasHeader("retry-after")) reply.header("retry-after", "60");
  return reply.status(problem.status).type("application/problem+json").send(JSON.stringify(problem));
}

/** For what is no HTTP, and so never becomes a request. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return;
  const body = JSON.stringify(toProblem(new ApiError("REQUEST_INVALID", "this is no HTTP request")));
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

const BY_STATUS: Readonly<Record<number, ApiProblemCode>> = {
  400: "REQUEST_INVALID",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  406: "NOT_ACCEPTABLE",
  413: "BODY_TOO_LARGE",
  415: "MEDIA_TYPE_UNSUPPORTED",
  429: "TOO_MANY_REQUESTS",
};

/** What Fastify itself refuses has a status, and a message about the request alone. */
function toKnown(error: FastifyError): unknown {
  const status = error.statusCode;
  if (error instanceof ApiError || status === undefined || status >= 500) return error;
  return new ApiError(BY_STATUS[status] ?? "REQUEST_INVALID", error.message.slice(0, 300));
}
