import { expect, test } from "vitest";
import { ERRORS, type ErrorCode, SlipwayError } from "../../../src/errors.ts";
import { keepSecret } from "../../../src/log/redact.ts";
import { ApiError, statusOf, toProblem } from "../../../src/serve/operations/problem.ts";

const REST: Readonly<Record<number, number>> = { 2: 400, 3: 409, 10: 500, 11: 500, 143: 503 };

test.each(Object.keys(ERRORS) as ErrorCode[])("%s has a status by who has to act", (code) => {
  const { exit } = ERRORS[code];
  const status = statusOf(code);

  if (exit >= 30 && exit < 50) expect(status).toBe(409);
  else if (exit >= 20 && exit < 30) expect(status).toBe(code === "LOCK_BUSY" ? 409 : 503);
  else expect(status).toBe(REST[exit]);
});

test("a problem tells what a command's last line tells", () => {
  const problem = toProblem(new SlipwayError("PLAN_STALE", "it is another plan", { next: "plan again" }));

  expect(problem).toEqual({
    type: "urn:slipway:error:PLAN_STALE",
    title: "plan stale",
    status: 409,
    code: "PLAN_STALE",
    exit: 40,
    detail: "it is another plan",
    next: "plan again",
  });
});

test("of what nobody foresaw a problem tells nothing", () => {
  const problem = toProblem(new Error("password=hunter22 at /home/x.js:1:1"));

  expect(problem).toMatchObject({ status: 500, code: "BUG", exit: 1 });
  expect(JSON.stringify(problem)).not.toMatch(/hunter22|x\.js/);
});

test("secrets are taken out of problems", () => {
  keepSecret("correct-horse");

  expect(toProblem(new SlipwayError("SESSION_LOST", "lost correct-horse")).detail).toBe("lost ***");
  expect(toProblem(new ApiError("FORBIDDEN", "no")).status).toBe(403);
});
