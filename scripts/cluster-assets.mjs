// Gets etcd and kube-apiserver, for tests against a real API server, and prints their folder: those of
// KUBEBUILDER_ASSETS, those of the cache, or, where Go is at hand, built from the modules that
// test/cluster-assets/go.mod names (some minutes, once).

import { spawnSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder, findClusterAssets, MODULE, readVersions } from "../test/support/cluster-assets.ts";

const HOW = `There is no etcd and kube-apiserver to test on. One of these gets them:
  - install Go 1.25 or newer and run \`make cluster-assets\` again: both are built from Go modules
  - run \`setup-envtest use -p path\` and export KUBEBUILDER_ASSETS=<the folder it prints>`;

function build() {
  const folder = cacheFolder();
  const work = `${folder}.${process.pid}.tmp`;
  mkdirSync(work, { recursive: true });
  const { kubernetes } = readVersions();
  const [major, minor] = kubernetes.split(".");
  // As the project's own build sets them: without, the server says that it is v0.0.0-master.
  const stamp = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"].flatMap((path) => [
    `-X ${path}.gitMajor=${major}`,
    `-X ${path}.gitMinor=${minor}`,
    `-X ${path}.gitVersion=v${kubernetes}`,
    `-X ${path}.gitTreeState=clean`,
  ]);
  console.error(`building etcd and kube-apiserver ${kubernetes} into ${folder}: some minutes, once`);
  try {
    goBuild(join(work, "etcd"), "go.etcd.io/etcd/server/v3", []);
    goBuild(join(work, "kube-apiserver"), "k8s.io/kubernetes/cmd/kube-apiserver", stamp);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(dirname(folder), { recursive: true });
    renameSync(work, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

function goBuild(output, target, flags) {
  const { status } = spawnSync(
    "go",
    ["build", "-trimpath", "-ldflags", ["-s", "-w", ...flags].join(" "), "-o", output, target],
    {
      cwd: MODULE,
      stdio: ["ignore", 2, 2],
      env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off" },
    },
  );
  if (status !== 0) throw new Error(`go build ${target} failed`);
}

const hasGo = spawnSync("go", ["version"]).status === 0;
try {
  const folder = findClusterAssets() ?? (hasGo ? build() : undefined);
  if (folder === undefined) throw new Error(HOW);
  console.log(folder);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
