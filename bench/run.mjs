// Measures slipway and writes RESULTS.md: `npm run bench`.
//
//   npm run bench -- --only 1,3   these rows only
//   npm run bench -- --quick      fewer rounds, smaller sizes: to see that it works, not to quote
//
// Either way the results are only printed: RESULTS.md holds a complete benchmark or none.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { stopCommands } from "./command.mjs";
import { describeMachine } from "./machine.mjs";
import { Programs } from "./program.mjs";
import { formatReport, formatResult } from "./report.mjs";
import { change } from "./rows/change.mjs";
import { crowd } from "./rows/crowd.mjs";
import { install } from "./rows/install.mjs";
import { migrations } from "./rows/migrations.mjs";
import { noOp } from "./rows/no-op.mjs";
import { startServer } from "./server.mjs";

const ROWS = [noOp, install, change, migrations, crowd];

const { values } = parseArgs({
  options: { only: { type: "string" }, quick: { type: "boolean", default: false } },
});
const wanted = values.only?.split(",").map(Number) ?? ROWS.map(({ number }) => number);
const rows = ROWS.filter(({ number }) => wanted.includes(number));
if (rows.length < wanted.length) throw new Error(`there are rows 1 to ${ROWS.length}, not ${values.only}`);
const isComplete = rows.length === ROWS.length && !values.quick;

const folder = mkdtempSync(join(tmpdir(), "slipway-bench-"));
// The server's own user must get through.
chmodSync(folder, 0o755);
let server;

const stopped = new Promise((_, reject) => {
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => reject(new Error(`stopped by ${signal}`)));
  }
});
// The server may still be starting, and nobody listening yet.
stopped.catch(() => undefined);

try {
  server = await startServer(folder);
  await Promise.race([benchmark(), stopped]);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  stopCommands();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}
// When it was stopped, the benchmark itself doesn't know yet.
process.exit();

async function benchmark() {
  const bench = { server, folder, quick: values.quick, programs: new Programs(folder) };
  const date = new Date();
  const machine = await describeMachine(server, folder);
  const results = [];
  for (const row of rows) {
    console.error(`${row.number}. ${row.title}...`);
    const result = await measure(row, bench);
    results.push(result);
    if (!isComplete) console.log(`\n${formatResult(result)}\n`);
  }
  if (!isComplete) return;
  const report = formatReport({ date, machine, results });
  writeFileSync(new URL("RESULTS.md", import.meta.url), report);
  console.log(report);
}

async function measure(row, bench) {
  if (row.needsPsql === true && !bench.programs.hasPsql) {
    return { row, tables: [], goals: [], skipped: "there is no psql on this machine" };
  }
  return { row, ...(await row.measure(bench)) };
}
