// The slipway of this working copy, for the Makefile: on DATABASE_URL where it is set, else on the demo's
// database where that runs. Arguments are slipway's own.

import { spawnSync } from "node:child_process";
import { ROOT } from "./demo-server.mjs";
import { callersEnvironment, namesDatabase } from "./environment.mjs";

const env = callersEnvironment();
const { status } = spawnSync(process.execPath, [`${ROOT}/dist/slipway.js`, ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: "inherit",
  env,
});
if (status === 10 && !namesDatabase(env)) console.error("A database to try things on: make demo");
process.exitCode = status ?? 1;
