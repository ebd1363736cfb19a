// The container engine of this machine: the first of docker, podman and buildah that works. One that is installed
// may still have no daemon, or no right to make namespaces.

import { spawnSync } from "node:child_process";

const ENGINES = [
  { name: "docker", builds: ["build"], runs: ["run"] },
  // No runtime and no bridge are needed for a build, nor privileges beyond those of the caller.
  {
    name: "podman",
    builds: ["build", "--isolation", "chroot", "--network", "host", "--layers"],
    runs: ["run"],
  },
  {
    name: "buildah",
    builds: ["bud", "--isolation", "chroot", "--network", "host", "--layers"],
    runs: undefined,
  },
];

/** `builds` and `runs` are the words in front of the arguments; buildah runs nothing. */
export function findEngine() {
  return ENGINES.find(({ name }) => spawnSync(name, ["info"], { stdio: "ignore" }).status === 0);
}

export function requireEngine() {
  const engine = findEngine();
  if (engine !== undefined) return engine;
  throw new Error(
    "no container engine works here: start docker, or install podman or buildah (apt-get install buildah podman runc)",
  );
}

/** Runs the engine; its output goes where ours goes. Throws when it fails. */
export function engineDo({ name }, args) {
  const { status, error } = spawnSync(name, args, { stdio: ["ignore", process.stderr, process.stderr] });
  if (status !== 0) throw error ?? new Error(`${name} ${args[0]} failed with exit code ${status}`);
}

/** What the engine prints; undefined when it fails. */
export function engineSays({ name }, args) {
  const { status, stdout } = spawnSync(name, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  return status === 0 ? stdout.trim() : undefined;
}
