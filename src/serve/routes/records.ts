import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { MOST_LISTENERS } from "../operations/events.ts";
import { ApiError } from "../operations/problem.ts";
import { ledger, run, runs } from "../operations/records.ts";
import type { Service } from "../operations/service.ts";
import { json, problems } from "../schemas/answer.ts";
import { Ledger, Run, RunList, RunParams, RunQuery } from "../schemas/records.ts";

const tags = ["records"];
const PROBLEMS = problems(400, 401, 409, 429, 500, 503);

/** What slipway remembers, and what it is doing. */
export function serveRecords(api: FastifyInstance, { reader, events }: Service): void {
  api.get(
    "/migrations",
    {
      schema: {
        operationId: "listMigrations",
        summary: "The user migrations, from files and ledger",
        tags,
        response: { 200: json("what `slipway migrate status` shows", Ledger), ...PROBLEMS },
      },
    },
    () => ledger(reader),
  );

  api.get<{ Querystring: RunQuery }>(
    "/runs",
    {
      schema: {
        operationId: "listRuns",
        summary: "The history of runs",
        tags,
        querystring: RunQuery,
        response: { 200: json("runs", RunList), ...PROBLEMS },
      },
    },
    ({ query }) => runs(reader, query.limit ?? 20),
  );

  api.get<{ Params: RunParams }>(
    "/runs/:id",
    {
      schema: {
        operationId: "getRun",
        summary: "One run",
        tags,
        params: RunParams,
        response: { 200: json("the run", Run), ...PROBLEMS, ...problems(404) },
      },
    },
    ({ params }) => run(reader, params.id),
  );

  api.get(
    "/events",
    {
      // A stream that nobody reads would never end.
      exposeHeadRoute: false,
      schema: {
        operationId: "listen",
        summary: "Runs as they happen",
        description:
          "Server-sent events: run, phase, step, phase-end, run-end. Of runs that this server was not asked for, the records tell: run, phase-end and run-end. `Last-Event-ID` brings what was missed.",
        tags,
        headers: Type.Object({ "last-event-id": Type.Optional(Type.String({ pattern: "^[0-9]{1,15}$" })) }),
        response: {
          200: {
            description: "a stream without end",
            content: { "text/event-stream": { schema: Type.String() } },
          },
          ...problems(400, 401, 429, 503),
        },
      },
    },
    async ({ headers }, reply) => {
      if (events.listeners >= MOST_LISTENERS) throw new ApiError("OVERLOADED", "too many listeners");
      const last = headers["last-event-id"];
      const stream = events.listen(last === undefined ? undefined : Number(last));
      return reply.type("text/event-stream").header("x-accel-buffering", "no").send(stream);
    },
  );
}
