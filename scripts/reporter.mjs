import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes what a vitest run came to, for scripts/test.mjs. Vitest's own JSON leaves out why a test was
 * skipped, and a file that could not even be loaded is no failed test there.
 */
export default class Counts {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: [] };
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const { state, note } = test.result();
        if (state === "passed") counts.passed += 1;
        else if (state === "failed") failedHere += 1;
        else counts.skipped.push({ file: module.relativeModuleId, test: test.fullName, reason: note });
      }
      // A file that breaks outside of any test: one failure, so that it is not lost.
      if (failedHere === 0 && module.state() === "failed") failedHere = 1;
      counts.failed += failedHere;
    }
    const path = process.env.TEST_COUNTS_FILE;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify(counts));
  }
}
