// Bases for `make image` on a machine without a registry, made of Debian's packages: one to build in (a shell, Node
// and npm) and one to run on, which like the default has a libc, libstdc++ and nothing else.
//
// Needs apt-get and dpkg, not root. The file systems are kept in ~/.cache/slipway/image-base, so that only the first
// time takes longer than it takes to read them.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { engineDo, engineSays } from "./container-engine.mjs";

const RUNTIME = ["base-files", "libc6", "libgcc-s1", "libstdc++6"];
const BUILD = [
  ...RUNTIME,
  "dash",
  "coreutils",
  "libacl1",
  "libattr1",
  "libselinux1",
  "libpcre2-8-0",
  "libgmp10",
];

const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "slipway/image-base");

/** The names of both images, which are there afterwards. */
export function makeBases(engine) {
  return { build: make(engine, "build", BUILD), runtime: make(engine, "runtime", RUNTIME) };
}

function make(engine, kind, packages) {
  const recipe = createHash("sha256").update(readFileSync(fileURLToPath(import.meta.url)));
  const key = recipe.update(`${process.version} ${process.arch} ${npmVersion()}`).digest("hex").slice(0, 12);
  const image = `localhost/slipway-base-${kind}:${key}`;
  if (engineSays(engine, ["inspect", "--type", "image", image]) !== undefined) return image;
  const tarball = join(cache, `${kind}-${key}.tar`);
  if (!existsSync(tarball)) {
    console.error(`Making a base of Debian's packages: ${tarball}`);
    makeTarball(tarball, kind, packages);
  }
  importTarball(engine, tarball, image, kind === "build");
  return image;
}

function makeTarball(tarball, kind, packages) {
  const work = mkdtempSync(join(tmpdir(), "slipway-base-"));
  try {
    const root = join(work, "root");
    const debs = join(work, "debs");
    for (const folder of [debs, "tmp", "etc", "usr/local/bin", "usr/local/lib"].map((path) =>
      path.startsWith("/") ? path : join(root, path),
    ))
      mkdirSync(folder, { recursive: true });
    download(packages, debs);
    run("sh", ["-c", `for deb in *.deb; do dpkg -x "$deb" ${JSON.stringify(root)}; done`], debs);
    rmSync(join(root, "usr/share/doc"), { recursive: true, force: true });
    rmSync(join(root, "usr/share/locale"), { recursive: true, force: true });
    run("chmod", ["1777", join(root, "tmp")], work);
    writeFileSync(
      join(root, "etc/passwd"),
      "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
    );
    writeFileSync(join(root, "etc/group"), "root:x:0:\nnonroot:x:65532:\n");
    if (kind === "build") addNode(root);
    mkdirSync(cache, { recursive: true });
    // Moved in place whole: another one may be making it as well.
    run("tar", ["--owner=0", "--group=0", "-C", root, "-cf", `${tarball}.${process.pid}`, "."], work);
    renameSync(`${tarball}.${process.pid}`, tarball);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The lists of packages may be missing or old; only root may renew them. */
function download(packages, into) {
  const args = ["download", "-qq", ...packages];
  if (process.getuid() === 0 && spawnSync("apt-get", args, { cwd: into }).status !== 0)
    run("apt-get", ["update", "-qq"], into);
  run("apt-get", args, into);
}

/** This Node, this npm, and whom this machine trusts: its registry may be behind a proxy of the house. */
function addNode(root) {
  if (!existsSync(join(root, "bin/sh"))) symlinkSync("dash", join(root, "bin/sh"));
  copyFileSync(process.execPath, join(root, "usr/local/bin/node"));
  cpSync(npmFolder(), join(root, "usr/local/lib/npm"), { recursive: true });
  symlinkSync("../lib/npm/bin/npm-cli.js", join(root, "usr/local/bin/npm"));
  if (!existsSync(CERTIFICATES)) return;
  mkdirSync(join(root, dirname(CERTIFICATES)), { recursive: true });
  copyFileSync(CERTIFICATES, join(root, CERTIFICATES));
}

function npmFolder() {
  const found = spawnSync("sh", ["-c", "command -v npm"], { encoding: "utf8" }).stdout.trim();
  return dirname(dirname(realpathSync(found)));
}

function npmVersion() {
  return JSON.parse(readFileSync(join(npmFolder(), "package.json"), "utf8")).version;
}

function importTarball(engine, tarball, image, trustsAsHere) {
  const variables = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ...(trustsAsHere ? { NODE_EXTRA_CA_CERTS: CERTIFICATES } : {}),
  };
  const pairs = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  if (engine.name !== "buildah") {
    engineDo(engine, ["import", ...pairs.flatMap((pair) => ["--change", `ENV ${pair}`]), tarball, image]);
    return;
  }
  const container = engineSays(engine, ["from", "scratch"]);
  engineDo(engine, ["add", "--quiet", container, tarball, "/"]);
  engineDo(engine, ["config", ...pairs.flatMap((pair) => ["--env", pair]), container]);
  engineDo(engine, ["commit", "--quiet", "--rm", container, image]);
}

function run(command, args, cwd) {
  const { status, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw error ?? new Error(`${command} ${args[0]} failed: ${stderr}`);
}
