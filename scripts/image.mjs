// Builds the image with docker, podman or buildah, whichever works here.
//
//   BASE        the runtime's base; `local` makes one of Debian's packages, for machines without a registry
//   BUILD_BASE  what it is built in
//   IMAGE       the name, slipway:VERSION by default

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { engineDo, requireEngine } from "./container-engine.mjs";
import { makeBases } from "./image-base.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const { BASE = "", BUILD_BASE = "", IMAGE = "" } = process.env;

try {
  console.log(build());
} catch (error) {
  console.error(`make image: ${error.message}`);
  if (BASE === "") console.error("Where no registry can be reached: make image BASE=local");
  process.exitCode = 1;
}

function build() {
  const engine = requireEngine();
  const { version } = JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8"));
  const image = IMAGE || `slipway:${version}`;
  const local = BASE === "local" ? makeBases(engine) : undefined;
  const args = {
    RUNTIME_BASE: local?.runtime ?? BASE,
    BUILD_BASE: BUILD_BASE || local?.build,
    RELEASE: version,
    REVISION: git("rev-parse", "HEAD"),
    // When the last change was made, not when it was built: the same sources give the same labels.
    CREATED: git("log", "-1", "--format=%cI"),
    // Without the user and the password that it may hold.
    SOURCE: git("config", "--get", "remote.origin.url").replace(/\/\/[^/]*@/, "//"),
  };
  const given = Object.entries(args).flatMap(([name, value]) =>
    value ? ["--build-arg", `${name}=${value}`] : [],
  );
  engineDo(engine, [...engine.builds, ...given, "--tag", image, ROOT]);
  return `Built ${image} with ${engine.name}`;
}

/** Nothing where this is no clone. */
function git(...args) {
  const { status, stdout } = spawnSync("git", args, { cwd: ROOT, encoding: "utf8" });
  return status === 0 ? stdout.trim() : "";
}
