import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const firstLine = (text) => text?.split("\n", 1)[0];

/**
 * Writes what a vitest run came to, for scripts/test.mjs. Vitest's own JSON leaves out why a test was
 * skipped, and a file that could not even be loaded is no failed test there.
 */
export default class Counts {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: [], flaky: [], skipped: [] };
    for (const error of unhandledErrors) {
      counts.failed.push({ file: "outside of every test", test: "", reason: firstLine(error.message) });
    }
    for (const module of modules) {
      const file = module.relativeModuleId;
      const failedBefore = counts.failed.length;
      for (const test of module.children.allTests()) {
        const { state, note, errors } = test.result();
        const reason = note ?? firstLine(errors?.[0]?.message);
        if (state === "failed") counts.failed.push({ file, test: test.fullName, reason });
        else if (state === "skipped") counts.skipped.push({ file, test: test.fullName, reason });
        else {
          counts.passed += 1;
          if (test.diagnostic()?.flaky) counts.flaky.push({ file, test: test.fullName, reason });
        }
      }
      // A file that breaks outside of any test: one failure, so that it is not lost.
      if (counts.failed.length === failedBefore && module.state() === "failed") {
        counts.failed.push({ file, test: "", reason: firstLine(module.errors()[0]?.message) });
      }
    }
    const path = process.env.TEST_COUNTS_FILE;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify(counts));
  }
}
