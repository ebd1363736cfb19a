import cors from "@fastify/cors";
import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { RELEASE } from "../release.ts";
import {
  type Authenticate,
  NOBODY,
  requireCaller,
  requireLoopbackName,
  requireRole,
} from "./authenticate.ts";
import { ApiError } from "./operations/problem.ts";
import type { Service } from "./operations/service.ts";
import { serveInternalSchema } from "./routes/internal-schema.ts";
import { serveRecords } from "./routes/records.ts";
import type { Caller, Role } from "./tokens.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Who may; without it, everybody with a token that may read. */
    readonly role?: Role;
    /** Not counted by the rate limit. */
    readonly unlimited?: boolean;
  }
  interface FastifyRequest {
    caller: Caller | undefined;
  }
}

const FAILURES_PER_MINUTE = 20;
export const PREFIX = "/api/v1/admin";

/** Lets pages of these websites use the API; without any, browsers keep it to its own page. */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: [...origins],
    methods: ["GET", "POST"],
    allowedHeaders: ["accept", "authorization", "content-type", "last-event-id"],
    exposedHeaders: ["location", "retry-after"],
    maxAge: 600,
  });
}

/** The document that describes the API, made from the schemas that validate requests. */
export async function describeApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "slipway",
        version: RELEASE,
        description: "Gets a PostgreSQL database ready before the application starts.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      tags: [
        { name: "internal-schema", description: "the declarative schema, and runs" },
        { name: "records", description: "what slipway remembers" },
        { name: "health", description: "for kubelet and Prometheus" },
      ],
      components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
      security: [{ bearer: [] }],
    },
  });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
}

/** Everything below `/api/v1/admin`; undefined for `authenticate` lets everybody in who asks on loopback. */
export async function serveApi(
  app: FastifyInstance,
  service: Service,
  authenticate: Authenticate | undefined,
): Promise<void> {
  app.decorateRequest("caller", undefined);
  const countFailure = app.createRateLimit({
    max: FAILURES_PER_MINUTE,
    timeWindow: 60_000,
    keyGenerator: (request) => `refused ${request.ip}`,
  });
  await app.register(
    async (api) => {
      api.addHook("onRequest", async (request) => {
        try {
          if (authenticate === undefined) requireLoopbackName(request);
          const caller = authenticate === undefined ? NOBODY : await requireCaller(request, authenticate);
          request.caller = caller;
          requireRole(caller, request.routeOptions.config.role ?? "read");
        } catch (error) {
          const { isExceeded = false } = (await countFailure(request)) as { readonly isExceeded?: boolean };
          throw isExceeded ? new ApiError("TOO_MANY_REQUESTS", "too many refused requests") : error;
        }
      });
      serveInternalSchema(api, service);
      serveRecords(api, service);
    },
    { prefix: PREFIX },
  );
}
