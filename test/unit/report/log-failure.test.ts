import { expect, test } from "vitest";
import { ApprovalError } from "../../../src/declarative/approval.ts";
import { ProblemsError, SlipwayError, StatementError } from "../../../src/errors.ts";
import { createLog, type LogOptions } from "../../../src/log/log.ts";
import { keepSecret } from "../../../src/log/redact.ts";
import { logFailure } from "../../../src/report/log-failure.ts";
import { changeOf, planOf } from "../declarative/support.ts";
import { written } from "./support.ts";

interface Said {
  readonly exit: number;
  readonly text: string;
}

function say(error: unknown, asked: Partial<Omit<LogOptions, "fd">> = {}): Said {
  let exit = 0;
  const text = written((fd) => {
    const options: LogOptions = {
      level: "info",
      format: "pretty",
      isTerminal: false,
      colour: false,
      ...asked,
      fd,
    };
    exit = logFailure(createLog(options), error, options).exit;
  });
  return { exit, text };
}

const STATEMENT = new StatementError(
  "migration 003_x failed",
  {
    sqlstate: "42P01",
    reason: 'relation "a" does not exist',
    place: { file: "003_x.up.sql", line: 4, column: 13 },
    excerpt: "  4 | alter table a add b int\n    |             ^",
    detail: "There is none.",
  },
  { next: "correct it" },
);

test("people get the particulars first and the line that says it all last", () => {
  const { exit, text } = say(STATEMENT);

  expect(exit).toBe(30);
  expect(text).toBe(
    [
      "  003_x.up.sql:4:13",
      "  4 | alter table a add b int",
      "    |             ^",
      "  There is none.",
      'ERROR STATEMENT_FAILED (exit 30): migration 003_x failed at 003_x.up.sql:4:13: 42P01 relation "a" does not exist. Next: correct it',
      "",
    ].join("\n"),
  );
});

test("one problem is told by the last line alone; of several, each has a line of its own", () => {
  const problem = { at: "--lock-wait", message: "must look like 500ms" };

  const one = say(new ProblemsError("CONFIG_INVALID", [problem]));
  const two = say(new ProblemsError("CONFIG_INVALID", [problem, { ...problem, at: "--connect-wait" }]));

  expect(one.text.trimEnd().split("\n")).toEqual([
    "ERROR CONFIG_INVALID (exit 10): --lock-wait: must look like 500ms. Next: fix every setting listed; nothing was contacted",
  ]);
  expect(two.text.trimEnd().split("\n")).toEqual([
    "  - --lock-wait: must look like 500ms",
    "  - --connect-wait: must look like 500ms",
    "ERROR CONFIG_INVALID (exit 10): --lock-wait: must look like 500ms (and 1 more). Next: fix every setting listed; nothing was contacted",
  ]);
});

test("a plan that waits for approval is printed before the last line", () => {
  const plan = planOf([
    changeOf("DROP TABLE app.orders", { verb: "drop", class: "destructive", hazards: ["data loss"] }),
  ]);

  const { exit, text } = say(new ApprovalError("APPROVAL_REQUIRED", "needs an approval", plan, "approve it"));

  expect(exit).toBe(31);
  expect(text.split("\n")).toEqual([
    "",
    "table app.orders",
    "  - table app.orders  [destructive: data loss]",
    "      DROP TABLE app.orders",
    "",
    "1 to drop (1 destructive)",
    `plan ${plan.id}`,
    "",
    "ERROR APPROVAL_REQUIRED (exit 31): needs an approval. Next: approve it",
    "",
  ]);
});

test("as JSON a failure is one line with the same last words, and the parts as fields", () => {
  const { exit, text } = say(STATEMENT, { format: "json" });

  const lines = text.trimEnd().split("\n");
  expect(exit).toBe(30);
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: "error",
    msg: 'STATEMENT_FAILED (exit 30): migration 003_x failed at 003_x.up.sql:4:13: 42P01 relation "a" does not exist. Next: correct it',
    code: "STATEMENT_FAILED",
    exit: 30,
    where: "003_x.up.sql:4:13",
    why: '42P01 relation "a" does not exist',
    next: "correct it",
  });
});

test("as JSON a plan that waits for approval is a field", () => {
  const plan = planOf([changeOf("DROP TABLE app.orders", { verb: "drop", class: "destructive" })]);
  const error = new ApprovalError("APPROVAL_REQUIRED", "needs an approval", plan, "approve it");

  const { text } = say(error, { format: "json" });

  expect(JSON.parse(text)).toMatchObject({
    planId: plan.id,
    plan: { id: plan.id, changes: [{ verb: "drop" }] },
  });
});

const FORMS: ReadonlyArray<readonly [isTerminal: boolean, first: string]> = [
  [true, "ERROR"],
  [false, '{"level":"error"'],
];
test.each(FORMS)("left to itself the form follows the terminal: %s begins with %s", (isTerminal, first) => {
  const { text } = say(new SlipwayError("USAGE", "unknown command"), { format: "auto", isTerminal });

  expect(text.startsWith(first)).toBe(true);
});

test("a bug shows its stack only where debugging is asked for, and exits with 1", () => {
  const bug = new TypeError("x is not a function");

  const quiet = say(bug);
  const verbose = say(bug, { level: "debug" });

  expect(quiet.exit).toBe(1);
  expect(quiet.text).not.toContain("log-failure.test.ts");
  expect(verbose.text).toContain("log-failure.test.ts");
  expect(verbose.text.trimEnd().split("\n").at(-1)).toBe(quiet.text.trimEnd());
});

test.each(["json", "pretty"] as const)("no secret gets out with a failure as %s", (format) => {
  keepSecret("hazelnut");
  const failure = {
    sqlstate: "42601",
    reason: "hazelnut at postgres://app:pw@db/shop",
    excerpt: "  1 | create role app password 'walnut'\n    | ^",
    detail: "hazelnut",
  };

  const { text } = say(new StatementError("hazelnut failed", failure), { format });

  expect(text).not.toMatch(/hazelnut|walnut|:pw@/);
  expect(text).toContain("***");
});
