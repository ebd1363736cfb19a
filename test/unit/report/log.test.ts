import { closeSync, openSync } from "node:fs";
import { expect, test } from "vitest";
import { createLog, type Log, type LogOptions, writeAll } from "../../../src/log/log.ts";
import { keepSecret } from "../../../src/log/redact.ts";
import { reportUnchanged } from "../../../src/report/unchanged.ts";
import { written } from "./support.ts";

function logged(write: (log: Log) => void, asked: Partial<Omit<LogOptions, "fd">> = {}): string {
  return written((fd) =>
    write(createLog({ level: "info", format: "pretty", isTerminal: false, colour: false, ...asked, fd })),
  );
}

/** The contract's own, letter for letter. */
const CONTRACT: ReadonlyArray<readonly [line: string, write: (log: Log) => void]> = [
  ["INFO Running bootstrap SQL...", (log) => log.info("Running bootstrap SQL...")],
  ["INFO Bootstrap completed successfully", (log) => log.info("Bootstrap completed successfully")],
  ["INFO Applying declarative schema...", (log) => log.info("Applying declarative schema...")],
  ["INFO Schema applied successfully", (log) => log.info("Schema applied successfully")],
  [
    "INFO Running user migrations... path=/migrations/user",
    (log) => log.info({ path: "/migrations/user" }, "Running user migrations..."),
  ],
  [
    "INFO Migrations applied successfully source=user version=3",
    (log) => log.info({ source: "user", version: 3 }, "Migrations applied successfully"),
  ],
  ["INFO Database schema management completed", (log) => log.info("Database schema management completed")],
];
test.each(CONTRACT)("a line for people reads: %s", (line, write) => {
  expect(logged(write)).toBe(`${line}\n`);
});

const FIELDS: ReadonlyArray<readonly [value: unknown, shown: string]> = [
  ["plain", "plain"],
  ["a/b:c.sql", "a/b:c.sql"],
  ["two words", '"two words"'],
  ["", '""'],
  ["a=b", '"a=b"'],
  ['a"b', '"a\\"b"'],
  ["a\nb", '"a\\nb"'],
  [42, "42"],
  [true, "true"],
  [null, "null"],
  [["a", "b"], '["a","b"]'],
  [{ file: "a.sql", line: 2 }, '{"file":"a.sql","line":2}'],
];
test.each(FIELDS)("a field of %j is written %s, so that words can be told apart", (value, shown) => {
  expect(logged((log) => log.warn({ value }, "Said"))).toBe(`WARN Said value=${shown}\n`);
});

test("JSON lines carry level, time, message and fields, and nothing of the process", () => {
  const text = logged((log) => log.info({ path: "/m" }, "Running user migrations..."), { format: "json" });

  expect(JSON.parse(text)).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    path: "/m",
    msg: "Running user migrations...",
  });
});

const FORMS: ReadonlyArray<
  readonly [format: LogOptions["format"], isTerminal: boolean, form: "pretty" | "json"]
> = [
  ["auto", true, "pretty"],
  ["auto", false, "json"],
  ["pretty", false, "pretty"],
  ["json", true, "json"],
];
test.each(FORMS)("format %s, terminal %s: the lines are %s", (format, isTerminal, form) => {
  const text = logged((log) => log.info("Said"), { format, isTerminal });

  expect(text.startsWith("{") ? "json" : "pretty").toBe(form);
});

test("lines below the level asked for are not written", () => {
  const write = (log: Log): void => {
    log.debug("one");
    log.info("two");
    log.warn("three");
    log.error("four");
  };

  expect(logged(write, { level: "warn" })).toBe("WARN three\nERROR four\n");
  expect(logged(write, { level: "silent" })).toBe("");
});

test("colour is for the level alone, and only where it is wanted", () => {
  const write = (log: Log): void => {
    log.info("one");
    log.warn("two");
    log.error("three");
  };

  const text = logged(write, { colour: true });

  expect(text).toBe("INFO one\n\u001b[33mWARN\u001b[0m two\n\u001b[31mERROR\u001b[0m three\n");
});

test.each(["json", "pretty"] as const)(
  "secrets are taken out of %s lines, message and fields alike",
  (format) => {
    keepSecret("hazelnut");

    const text = logged((log) => log.info({ url: "postgres://app:pw@db", at: "hazelnut" }, "hazelnut"), {
      format,
    });

    expect(text).not.toMatch(/hazelnut|:pw@/);
    expect(text).toContain("postgres://app:***@db");
  },
);

test("a long line arrives whole", () => {
  const line = `${"ä".repeat(500_000)}\n`;

  expect(written((fd) => writeAll(fd, line))).toBe(line);
});

test("a stream that takes nothing is no reason to fail", () => {
  const fd = openSync(import.meta.filename, "r");

  expect(() => writeAll(fd, "too late")).not.toThrow();

  closeSync(fd);
});

test("a run with nothing to do says so, and repeats what the last one had to warn of", () => {
  const phases = [
    { phase: "bootstrap", outcome: "applied", durationMs: 5, changes: 1 },
    {
      phase: "declarative",
      outcome: "kept",
      durationMs: 7,
      changes: 0,
      warnings: [{ message: "newer schema" }],
    },
    { phase: "user", outcome: "skipped", durationMs: 0, changes: 0 },
  ] as const;
  let reported: unknown;

  const text = logged((log) => {
    reported = reportUnchanged(log, { phases });
  });

  expect(text).toBe(
    "WARN newer schema\nINFO Everything is up to date\nINFO Database schema management completed\n",
  );
  expect(reported).toEqual([
    { phase: "bootstrap", outcome: "unchanged", durationMs: 0, changes: 0 },
    {
      phase: "declarative",
      outcome: "kept",
      durationMs: 0,
      changes: 0,
      warnings: [{ message: "newer schema" }],
    },
    { phase: "user", outcome: "skipped", durationMs: 0, changes: 0 },
  ]);
});
