// Writes package.json and package-lock.json with those tools of development as dependencies that the image is built
// with, so that `npm ci --omit=dev` leaves the others out: test servers, kubectl, compilers. The lock stays
// the lock: versions and hashes are those of package-lock.json.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const TOOLS = ["esbuild", "node"];

const [, , folder = ""] = process.argv;
const { dependencies, devDependencies, allowScripts, type, engines } = JSON.parse(
  readFileSync("package.json", "utf8"),
);
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));

const wanted = { ...dependencies, ...Object.fromEntries(TOOLS.map((name) => [name, devDependencies[name]])) };
const unwanted = Object.fromEntries(
  Object.entries(devDependencies).filter(([name]) => !TOOLS.includes(name)),
);
// Neither a version nor a script of ours: they change, and what is installed does not.
const manifest = {
  name: "slipway-build",
  private: true,
  type,
  engines,
  allowScripts,
  dependencies: wanted,
  devDependencies: unwanted,
};
for (const field of ["version", "license", "bin"]) delete lock.packages[""][field];
delete lock.version;
Object.assign(lock, { name: manifest.name });
Object.assign(lock.packages[""], { name: manifest.name, dependencies: wanted, devDependencies: unwanted });
for (const name of TOOLS) need(name);

mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
writeFileSync(join(folder, "package-lock.json"), JSON.stringify(lock));
copyFileSync(".npmrc", join(folder, ".npmrc"));

/** A package, and what it needs, is for development only no more. */
function need(name) {
  const found = lock.packages[`node_modules/${name}`];
  if (found === undefined || found.dev !== true) return;
  delete found.dev;
  for (const each of Object.keys({ ...found.dependencies, ...found.optionalDependencies })) need(each);
}
