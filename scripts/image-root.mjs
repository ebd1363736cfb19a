// Lays out what the image holds, in the folder where it will lie there: run in the Dockerfile, with the Node that
// package-lock.json names. What it takes is in the folder it is started in.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** Node names the folder of its cache by the user, too: the one that the image runs as. */
const USER = 65_532;

const [, , root = ""] = process.argv;
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const node = join(root, "bin/node");
const program = join(root, "dist/slipway.js");
const cache = join(root, "cache");

mkdirSync(join(root, "bin"), { recursive: true });
cpSync("dist", join(root, "dist"), { recursive: true });
cpSync("schema", join(root, "schema"), { recursive: true });
copyFileSync("LICENSE", join(root, "LICENSE"));
copyFileSync(process.execPath, node);
chmodSync(node, 0o755);
writeFileSync(
  join(root, "package.json"),
  `${JSON.stringify({ name: "slipway", version, license: "Apache-2.0", type: "module" })}\n`,
);
// There is no /usr/bin/env.
writeFileSync(program, readFileSync(program, "utf8").replace(/^#!.*/, `#!${node}`));
chmodSync(program, 0o755);
symlinkSync("../dist/slipway.js", join(root, "bin/slipway"));
warm();
open(root);

/**
 * Compiles what a run needs, so that no pod has to: its file system is read-only. An entry of the cache holds the
 * functions that were called; so what commands do before they meet a database comes first, then whole modules.
 */
function warm() {
  mkdirSync(cache);
  chmodSync(cache, 0o777);
  for (const args of [["run"], ["wait", "--timeout=0"], ["plan"], ["status"], ["migrate", "status"]])
    execute([program, ...args]);
  const entries = readdirSync(join(root, "dist")).filter(
    (name) => /\.js$/.test(name) && !/^(?:main|slipway)\.js$/.test(name),
  );
  const imports = entries.map((name) => `await import(${JSON.stringify(join(root, "dist", name))});`);
  execute(["--input-type=module", "--eval", imports.join("\n")]);
}

/** As the user of the image, with a database that does not answer. */
function execute(args) {
  const { status, error, stderr } = spawnSync(node, args, {
    uid: USER,
    gid: USER,
    encoding: "utf8",
    env: {
      NODE_COMPILE_CACHE: cache,
      DATABASE_URL: "postgres://nobody@127.0.0.1:9/none",
      SLIPWAY_CONNECT_WAIT: "0",
      SLIPWAY_TERMINATION_LOG: "",
    },
  });
  // Any failure that was foreseen will do.
  if (error !== undefined || status === 1 || status === null) throw error ?? new Error(stderr);
}

/** Root's, and for everybody to read. */
function open(folder) {
  chownSync(folder, 0, 0);
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) open(path);
    else if (entry.isFile()) {
      chownSync(path, 0, 0);
      chmodSync(path, path === node || path === program ? 0o755 : 0o644);
    }
  }
}
