// Everything that `make test` checks, in order: lint, types, links and generated pages, build, and the suites: unit, chart,
// integration, cluster, browser and image tests, and a walk through the pages of docs/how-to.
//
// A step that fails does not keep the next from running: one look shows all that is wrong. The last line
// counts the tests of all suites; a step that is no test suite shows in the lines above it and in the
// exit code.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const COUNTS = ".cache/test-counts.json";

const total = { passed: 0, failed: [], flaky: [], skipped: [] };
const failedSteps = [];

/** Runs one of package.json's scripts; `npm run` puts the pinned Node first in PATH. */
function runScript(script, args = []) {
  console.log(`\n== ${script}`);
  const { status } = spawnSync(
    "npm",
    ["run", "--silent", script, ...(args.length > 0 ? ["--", ...args] : [])],
    {
      cwd: root,
      stdio: "inherit",
      // The reporter runs in vitest's process and is told by the environment where to write.
      env: { ...process.env, TEST_COUNTS_FILE: COUNTS },
    },
  );
  if (status === 0) return true;
  failedSteps.push(script);
  return false;
}

function runSuite(script) {
  rmSync(`${root}/${COUNTS}`, { force: true });
  const isGreen = runScript(script, ["--reporter=default", "--reporter=./scripts/reporter.mjs"]);
  const { passed, failed, flaky, skipped } = readCounts();
  total.passed += passed;
  total.failed.push(...failed);
  total.flaky.push(...flaky);
  total.skipped.push(...skipped);
  const isEmpty = passed + failed.length + skipped.length === 0;
  if (isGreen && isEmpty) failedSteps.push(script);
  // No test failed, and yet the suite did: the servers did not start, or there was no test at all.
  if ((!isGreen || isEmpty) && failed.length === 0) total.failed.push({ file: script, test: "" });
}

function readCounts() {
  const path = `${root}/${COUNTS}`;
  if (!existsSync(path)) return { passed: 0, failed: [], flaky: [], skipped: [] };
  return JSON.parse(readFileSync(path, "utf8"));
}

/** One line a test, last in the output: what a look at the end of a long log has to show. */
function list(title, tests) {
  if (tests.length === 0) return;
  console.log(title);
  for (const { file, test, reason } of tests) {
    console.log(`  - ${file}: ${test} (${reason ?? "no reason given"})`);
  }
}

runScript("lint");
runScript("types");
runScript("docs", ["--check"]);
const isBuilt = runScript("build");
runSuite("test:unit");
runSuite("test:chart");
for (const suite of ["test:integration", "test:cluster", "test:browser", "test:image", "test:docs"]) {
  if (isBuilt) runSuite(suite);
  else console.error(`\n${suite} was not run: it needs the build`);
}

console.log("");
list(`SKIPPED ${total.skipped.length}: these tests say nothing about this machine`, total.skipped);
list(`FLAKY ${total.flaky.length}: these tests failed once and passed when run again`, total.flaky);
list(`FAILED ${total.failed.length}`, total.failed);
if (failedSteps.length > 0) console.log(`FAILED: ${failedSteps.join(", ")}`);
console.log(
  `${total.passed} passed, ${total.failed.length} failed, ${total.flaky.length} flaky, ${total.skipped.length} skipped`,
);
process.exitCode = failedSteps.length > 0 || total.failed.length > 0 ? 1 : 0;
