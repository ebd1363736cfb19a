// `make demo` and `make demo-down`: the example shop on a PostgreSQL of its own.
//
//   node scripts/demo.mjs         start the server, run slipway, show what came of it
//   node scripts/demo.mjs down    stop the server; its data stays for the next time

import { spawnSync } from "node:child_process";
import { DemoError, ROOT, startDemo, stopDemo } from "./demo-server.mjs";
import { demoEnvironment } from "./environment.mjs";

function say(text) {
  console.log(text);
}

async function up() {
  const demo = await startDemo(say);
  const slipway = (...args) => {
    const { status } = spawnSync(process.execPath, ["dist/slipway.js", ...args], {
      cwd: ROOT,
      // Logs, which go to stderr, and results on one stream: they keep their order in a file or a pipe too.
      stdio: ["inherit", 1, 1],
      env: demoEnvironment(demo),
    });
    return status ?? 1;
  };

  say("\n$ slipway run");
  const exit = slipway("run");
  if (exit !== 0) {
    say(`\nslipway ended with exit code ${exit}; the server goes on. Stop it: make demo-down`);
    return exit;
  }
  say("\n$ slipway status");
  slipway("status");

  say(`
Connect:
  export DATABASE_URL='${demo.url}'
  psql "$DATABASE_URL"

Go on: make status, make plan, make migrate-create name=add_coupons, make db-reset
Stop:  make demo-down`);
  return 0;
}

async function down() {
  const pid = await stopDemo();
  if (pid === undefined) say("No demo server runs");
  else say(`Stopped the demo server (pid ${pid}); its data stays in .demo/ for the next \`make demo\``);
  return 0;
}

try {
  process.exitCode = process.argv[2] === "down" ? await down() : await up();
} catch (error) {
  if (!(error instanceof DemoError)) throw error;
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
}
