import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { dump, toTar } from "../operations/dump.ts";
import { toJson } from "../operations/json.ts";
import { plan } from "../operations/plan.ts";
import { ApiError } from "../operations/problem.ts";
import type { Service } from "../operations/service.ts";
import { status } from "../operations/status.ts";
import { validate } from "../operations/validate.ts";
import { json, problems } from "../schemas/answer.ts";
import {
  Accepted,
  Applied,
  Apply,
  ApplyQuery,
  Dumped,
  Planned,
  Scope,
  Status,
  Validated,
} from "../schemas/internal-schema.ts";

const tags = ["internal-schema"];
const READ_PROBLEMS = problems(400, 401, 409, 413, 415, 429, 500, 503);

/** The guide's admin API. */
export function serveInternalSchema(api: FastifyInstance, { reader, memos, runs }: Service): void {
  const path = (name: string): string => `/internal-schema/${name}`;
  // A body that is left out is an empty one.
  const preValidation = async (request: { body: unknown }): Promise<void> => {
    request.body ??= {};
  };

  api.get(
    path("status"),
    {
      schema: {
        operationId: "getStatus",
        summary: "How the database stands",
        tags,
        response: { 200: json("what is recorded, and what is pending", Status), ...READ_PROBLEMS },
      },
    },
    (request) => status(reader, memos.outlook, callerOf(request)),
  );

  api.post<{ Body: Scope }>(
    path("plan"),
    {
      preValidation,
      schema: {
        operationId: "plan",
        summary: "What a run would do now",
        description: "Writes nothing. `id` names all of it, and is what `apply` needs.",
        tags,
        body: Scope,
        response: { 200: json("the plan", Planned), ...READ_PROBLEMS },
      },
    },
    ({ body }) => plan(reader, body),
  );

  api.post<{ Body: Apply; Querystring: ApplyQuery }>(
    path("apply"),
    {
      config: { role: "admin" },
      schema: {
        operationId: "apply",
        summary: "Run what was planned",
        description:
          "All three phases, under the lock and the rules of `slipway run`. Refused when anything else would run, when another run holds the lock, and when the plan is destructive and `approve` is not its id.",
        tags,
        body: Apply,
        querystring: ApplyQuery,
        response: {
          200: json("the run is over, or there was nothing to do", Applied),
          202: {
            ...json("the run has begun", Accepted),
            headers: Type.Object({ location: Type.Optional(Type.String()) }).properties,
          },
          ...problems(400, 401, 403, 409, 413, 415, 429, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const { body, query } = request;
      const start = performance.now();
      const { runId, finished } = await runs.start(body, callerOf(request).name);
      if (runId !== undefined) reply.header("location", `../runs/${runId}`);
      if (runId !== undefined && query.wait !== true) {
        return reply.status(202).send({ runId, status: "running", message: "the run has begun" });
      }
      const report = await finished;
      const { result } = report;
      const message = result === "applied" ? "applied" : "there was nothing to do";
      const duration = `${Math.round(performance.now() - start)}ms`;
      return toJson<Applied>({ ...report, runId, message, duration });
    },
  );

  api.get(
    path("validate"),
    {
      schema: {
        operationId: "validate",
        summary: "What differs from the files, and what was changed outside slipway",
        tags,
        response: { 200: json("what `slipway schema validate` finds", Validated), ...READ_PROBLEMS },
      },
    },
    () => validate(reader),
  );

  api.post<{ Body: Scope }>(
    path("dump"),
    {
      preValidation,
      schema: {
        operationId: "dump",
        summary: "The live schemas as files",
        description:
          "As JSON, or as a tar for `Accept: application/x-tar`. Nothing is written on the server.",
        tags,
        body: Scope,
        response: {
          200: {
            description: "the files",
            content: {
              "application/json": { schema: Dumped },
              "application/x-tar": { schema: Type.String({ format: "binary" }) },
            },
          },
          ...problems(400, 401, 406, 409, 413, 415, 429, 500, 503),
        },
      },
    },
    async ({ body, headers }, reply) => {
      const form = formOf(headers.accept);
      const files = await dump(reader, body);
      if (form === "application/json") return files;
      return reply
        .type(form)
        .header("content-disposition", 'attachment; filename="schema.tar"')
        .send(await toTar(files));
    },
  );
}

/** Whoever gets here was let in as somebody. */
function callerOf({ caller }: FastifyRequest): NonNullable<FastifyRequest["caller"]> {
  if (caller === undefined) throw new Error("a request was let in as nobody");
  return caller;
}

/** The first form that is accepted; weights are not looked at. */
function formOf(accept = "*/*"): "application/json" | "application/x-tar" {
  for (const range of accept.split(",")) {
    const type = range.split(";", 1)[0]?.trim().toLowerCase();
    if (type === "application/x-tar") return "application/x-tar";
    if (type === "application/json" || type === "application/*" || type === "*/*") return "application/json";
  }
  throw new ApiError("NOT_ACCEPTABLE", "a dump is JSON or a tar");
}
