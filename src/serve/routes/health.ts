import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { RELEASE } from "../../release.ts";
import { type Health, health, requireAnswer } from "../operations/health.ts";
import type { Service } from "../operations/service.ts";
import { problems } from "../schemas/answer.ts";
import { formatMetrics } from "./metrics.ts";

const READY_WITHIN_MS = 3_000;
/** Probes and scrapes of everybody share one look at the database. */
const READY_FOR_MS = 1_000;
const METRICS_FOR_MS = 5_000;

const Alive = Type.Object({ status: Type.Literal("ok"), release: Type.String() });

/** `/healthz`, `/readyz`, `/metrics`: without a token, for kubelet and Prometheus; they tell numbers, no names. */
export function serveHealth(app: FastifyInstance, { reader, memos, runs }: Service): void {
  const ready = shared(READY_FOR_MS, () => requireAnswer(reader, READY_WITHIN_MS));
  const numbers = shared(METRICS_FOR_MS, (): Promise<Health | undefined> => {
    return health(reader, memos).catch(() => undefined);
  });
  const config = { unlimited: true };
  const alive = { status: "ok", release: RELEASE } as const;

  app.get(
    "/healthz",
    {
      config,
      schema: {
        operationId: "getHealth",
        summary: "The server is alive",
        tags: ["health"],
        security: [],
        response: { 200: { description: "alive", ...Alive } },
      },
    },
    async () => alive,
  );

  app.get(
    "/readyz",
    {
      config,
      schema: {
        operationId: "getReadiness",
        summary: "The database answers",
        tags: ["health"],
        security: [],
        response: { 200: { description: "ready", ...Alive }, ...problems(503) },
      },
    },
    async () => {
      await ready();
      return alive;
    },
  );

  app.get(
    "/metrics",
    {
      config,
      schema: {
        operationId: "getMetrics",
        summary: "Numbers for Prometheus",
        tags: ["health"],
        security: [],
        response: {
          200: {
            description: "Prometheus' text format",
            content: { "text/plain": { schema: Type.String() } },
          },
        },
      },
    },
    async (_, reply) =>
      reply.type("text/plain; version=0.0.4; charset=utf-8").send(formatMetrics(await numbers(), runs.going)),
  );
}

/** One answer for all who ask within a while. */
function shared<T>(forMs: number, ask: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly answer: Promise<T> } | undefined;
  return () => {
    const now = performance.now();
    if (last !== undefined && now - last.at < forMs) return last.answer;
    const answer = ask();
    const entry = { at: now, answer };
    last = entry;
    // Counted from when the answer was there: a slow one must not be asked for twice at once.
    answer
      .catch(() => undefined)
      .finally(() => {
        if (last === entry) last = { at: performance.now(), answer };
      });
    return answer;
  };
}
