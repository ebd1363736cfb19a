import { spawn } from "node:child_process";
import { chmodSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, inject, test } from "vitest";
import { openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { findMissing, type RunStep, stepsOf } from "./page.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDER = join(ROOT, "docs/how-to");
const pages = readdirSync(FOLDER).filter((name) => name.endsWith(".md"));

test("there are pages to walk through", () => {
  expect(pages.length).toBeGreaterThan(0);
});

test.for(pages)("whoever does what docs/how-to/%s says sees what it shows", async (name, context) => {
  const steps = stepsOf(readFileSync(join(FOLDER, name), "utf8"));
  const [server] = inject("servers");
  if (server === undefined) throw new Error("there is no server");
  await using database = await openTestDatabase(server);
  const folder = writeFolder({});
  const env = environmentOf(database, folder);
  let skipped = 0;
  for (const step of steps) {
    const at = `docs/how-to/${name}:${step.line}`;
    if (step.kind === "file") {
      writeFiles(folder, { [step.path]: step.text });
    } else if (step.needs.some((need) => !isAtHand(need))) {
      skipped += 1;
    } else {
      await walk(step, at, folder, env);
    }
  }
  if (skipped > 0) await context.annotate(`${skipped} blocks need what is not at hand`, "skipped");
});

async function walk(step: RunStep, at: string, cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { exitCode, answer } = await runShell(step.script, cwd, env);
  expect(exitCode, `${at}\n${step.script}\nanswered:\n${answer}`).toBe(step.exit);
  const missing = findMissing(step.output, answer);
  expect(missing, `${at}: the answer has no such line. It is:\n${answer}`).toBeUndefined();
}

function isAtHand(_need: string): boolean {
  return false;
}

/** A reader's shell: slipway and the tools of PostgreSQL on PATH, a database of their own. */
function environmentOf(database: TestDatabase, folder: string): NodeJS.ProcessEnv {
  const bin = writeFolder({
    slipway: `#!/bin/sh\nexec '${process.execPath}' '${inject("program")}' "$@"\n`,
  });
  chmodSync(join(bin, "slipway"), 0o755);
  const [older] = inject("servers").slice(-1);
  const url = new URL(database.url);
  return {
    PATH: [bin, older?.bin, process.env["PATH"]].join(":"),
    HOME: folder,
    DATABASE_URL: database.url,
    // For `psql`, and for a role of the reader's own.
    PGHOST: url.hostname,
    PGPORT: url.port,
    PGUSER: url.username,
    PGPASSWORD: decodeURIComponent(url.password),
    PGDATABASE: database.name,
    SLIPWAY_LOG_FORMAT: "pretty",
    NO_COLOR: "1",
  };
}

function runShell(
  script: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly exitCode: number | null; readonly answer: string }> {
  return new Promise((resolve, reject) => {
    const shell = spawn("bash", ["-eu", "-o", "pipefail", "-c", script], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let answer = "";
    for (const stream of [shell.stdout, shell.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (answer += text));
    }
    shell.once("error", reject);
    shell.once("close", (exitCode) => resolve({ exitCode, answer }));
  });
}
