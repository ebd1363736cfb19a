import { type Static, Type } from "typebox";

/** Who holds the run lock. */
const Holder = Type.Object({
  pid: Type.Integer(),
  application: Type.String(),
  user: Type.String(),
  client: Type.String(),
  state: Type.String(),
  heldSeconds: Type.Number(),
});

/** Every answer that is no success: RFC 9457, with what the last line of a command says. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: "urn:slipway:error:CODE" }),
    title: Type.String({ description: "the code in words" }),
    status: Type.Integer(),
    detail: Type.String({ description: "what failed" }),
    code: Type.String({ description: "one of slipway's error codes, or of the API's own" }),
    exit: Type.Optional(Type.Integer({ description: "with which a command would end" })),
    where: Type.Optional(Type.String({ description: "file:line:column" })),
    why: Type.Optional(Type.String({ description: "SQLSTATE and PostgreSQL's words" })),
    next: Type.String({ description: "what gets on from here" }),
    problems: Type.Optional(Type.Array(Type.String())),
    planId: Type.Optional(Type.String({ description: "the plan that would run, and has no approval" })),
    holder: Type.Optional(Holder),
    runId: Type.Optional(Type.String()),
  },
  { title: "Problem" },
);
export type Problem = Static<typeof Problem>;
