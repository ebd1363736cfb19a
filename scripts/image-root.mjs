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

/** Compiles what a run needs, so that no pod has to: its file system is read-only. */
function warm() {
  mkdirSync(cache, { mode: 0o777 });
  chmodSync(cache, 0o777);
  for (const args of [
    ["run"],
    ["wait", "--timeout=0"],
    ["plan"],
    ["status"],
    ["migrate", "status"],
    ["lint"],
  ]) {
    // No database answers: everything up to the question is compiled.
    const { status, error, stderr } = spawnSync(node, [program, ...args], {
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
    if (error !== undefined || status === 1 || status === null) throw error ?? new Error(stderr);
  }
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
