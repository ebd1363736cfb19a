// `make dev`: builds and runs slipway on the demo's database whenever a source, a schema file or a
// migration of the example changes. Everything there is throw-away: destructive plans are approved, and
// taking an edit back, which asks for an older schema, is followed too.

import { spawnSync } from "node:child_process";
import { watch } from "node:fs";
import { DemoError, ROOT, startDemo } from "./demo-server.mjs";
import { demoEnvironment } from "./environment.mjs";

const FOLDERS = ["src", "schema", "examples/shop/migrations"];
// Editors write a file in several steps, and `git switch` writes many: one round for all of them.
const QUIET_MS = 200;

function round(demo) {
  const start = performance.now();
  const node = (args, env) =>
    spawnSync(process.execPath, args, { cwd: ROOT, stdio: "inherit", env }).status === 0;
  const isGood =
    node(["build.mjs"], process.env) &&
    node(
      ["dist/slipway.js", "run"],
      demoEnvironment(demo, { SLIPWAY_APPROVE: "any", SLIPWAY_ON_OLDER: "apply" }),
    );
  const seconds = ((performance.now() - start) / 1_000).toFixed(1);
  console.log(
    `-- ${isGood ? "done" : "failed"} after ${seconds} s; watching ${FOLDERS.join(", ")} (end with Ctrl-C)`,
  );
}

async function main() {
  const demo = await startDemo((text) => console.log(text));
  round(demo);
  let timer;
  for (const folder of FOLDERS) {
    watch(`${ROOT}/${folder}`, { recursive: true }, (_, file) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        console.log(`\n-- ${folder}/${file ?? ""} changed`);
        round(demo);
      }, QUIET_MS);
    });
  }
  process.once("SIGINT", () => {
    console.log("\nThe demo's server goes on. Stop it: make demo-down");
    process.exit(0);
  });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof DemoError)) throw error;
  console.error(`dev: ${error.message}`);
  process.exitCode = 1;
}
