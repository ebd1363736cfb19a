import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ERRORS, SlipwayError, StatementError } from "../../../src/errors.ts";
import { keepSecret } from "../../../src/log/redact.ts";
import { endingOfAnswer, endingOfFailure } from "../../../src/report/ending.ts";
import { lastLine, toFailure } from "../../../src/report/failure.ts";
import { formatTermination, writeTermination } from "../../../src/report/termination.ts";
import { writeFolder } from "../../support/folder.ts";

test("the last line comes first, then what a program wants to know", () => {
  const failure = toFailure(
    new StatementError("migration 003_x failed", {
      sqlstate: "42P01",
      reason: 'relation "a" does not exist',
      place: { file: "003_x.up.sql", line: 4, column: 13 },
    }),
  );

  const [line, json, ...rest] = formatTermination(endingOfFailure(failure, "0192")).split("\n");

  expect(line).toBe(lastLine(failure));
  expect(JSON.parse(json ?? "")).toEqual({
    code: "STATEMENT_FAILED",
    exit: 30,
    where: "003_x.up.sql:4:13",
    sqlstate: "42P01",
    runId: "0192",
  });
  expect(rest).toEqual([""]);
});

test.each([1_000, 1_001, 1_002, 1_003])(
  "a line that is too long is cut between characters, and the whole fits (%d)",
  (count) => {
    const error = new SlipwayError("HISTORY_MISMATCH", `${"x".repeat(count % 4)}${"🚢".repeat(count)}`);
    const where = "é".repeat(3_000);

    const text = formatTermination({ ...endingOfFailure(toFailure(error), undefined), where });

    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4_096);
    expect(Buffer.byteLength(text)).toBeGreaterThan(4_096 - 8);
    expect(text).not.toContain("\uFFFD");
    expect(JSON.parse(text.split("\n")[1] ?? "")).toMatchObject({ code: "HISTORY_MISMATCH", exit: 35 });
  },
);

test("secrets are in neither of the lines", () => {
  keepSecret('a "secret" word');

  const text = formatTermination({
    line: 'it said a "secret" word',
    code: "OK",
    exit: 0,
    where: 'a "secret" word',
  });

  expect(text).not.toContain("secret");
});

test.each([
  [0, "OK", /^Done$/],
  [3, "PENDING", /^PENDING \(exit 3\): .*slipway run/],
  [35, "HISTORY_MISMATCH", /^HISTORY_MISMATCH \(exit 35\)/],
])("an answer that is exit code %d has its code and its way on", (exit, code, line) => {
  expect(endingOfAnswer(exit)).toMatchObject({ exit, code, line: expect.stringMatching(line) });
});

test("every failure of the table fits", () => {
  for (const code of Object.keys(ERRORS) as (keyof typeof ERRORS)[]) {
    const text = formatTermination(endingOfFailure(toFailure(new SlipwayError(code, "it")), undefined));
    expect(text.split("\n")).toHaveLength(3);
  }
});

test("the kubelet's file is written over; where there is none, none is made, and nothing is thrown", () => {
  const ending = endingOfAnswer(0);
  const path = join(writeFolder(), "termination-log");
  writeFileSync(path, "what an earlier container of much to say had left\n".repeat(100));
  const empty = writeFolder();

  writeTermination(path, ending);
  writeTermination(join(empty, "termination-log"), ending);
  writeTermination(empty, ending);
  writeTermination(undefined, ending);

  expect(readFileSync(path, "utf8")).toBe('Done\n{"code":"OK","exit":0}\n');
  expect(readdirSync(empty)).toEqual([]);
});
