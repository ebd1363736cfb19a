import { execFile, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { inject, type TestContext, test } from "vitest";
import { type LogLine, parseLog } from "./slipway.ts";

const run = promisify(execFile);

export interface Mount {
  readonly from: string;
  readonly to: string;
  readonly readOnly?: boolean;
}

export interface ContainerOptions {
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly mounts?: readonly Mount[];
  /** `uid:gid` */
  readonly user?: string;
  /** Further groups. */
  readonly groups?: readonly number[];
  readonly memory?: string;
  readonly readOnlyRoot?: boolean;
  readonly dropAll?: boolean;
  readonly noNewPrivileges?: boolean;
}

export interface ContainerResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly lines: readonly LogLine[];
  /** The most memory that its main process had resident, as long as anybody looked. */
  readonly peakMiB: number;
}

export interface RunningContainer extends AsyncDisposable {
  readonly name: string;
  readonly result: Promise<ContainerResult>;
  stderr(): string;
  signal(name: "TERM" | "KILL"): void;
}

/** The mode in which everything of the tests runs: PSA *restricted*, and less memory than the chart gives. */
export const RESTRICTED = {
  user: "65532:65532",
  memory: "128m",
  readOnlyRoot: true,
  dropAll: true,
  noNewPrivileges: true,
} as const;

/** One test of the image; without one it is skipped, and the summary says so. */
export function onImage(
  name: string,
  body: (image: string, context: TestContext) => Promise<void>,
  timeoutMs?: number,
): void {
  test(
    name,
    async (context) => {
      const image = inject("image");
      if (image === null) return context.skip(inject("skippedImage"));
      await body(image, context);
    },
    timeoutMs,
  );
}

/** What the engine prints; throws with its words when it refuses. */
export function engineSays(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(inject("engine"), args, {
    encoding: "utf8",
    maxBuffer: 64 * 1_024 * 1_024,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

/**
 * Starts a container in the network of the host, where the test's servers are. The engine stays in the
 * foreground: its output is the container's, and its exit code too.
 */
export function startContainer(options: ContainerOptions): RunningContainer {
  const name = `slipway-test-${randomBytes(6).toString("hex")}`;
  const child = spawn(inject("engine"), [...runWords(), "--name", name, ...toFlags(options)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const memory = watchMemory(name);
  const result = new Promise<ContainerResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => {
      const peakMiB = memory.stop();
      resolve({ exitCode: exitCode ?? -1, stdout, stderr, lines: parseLog(stderr).lines, peakMiB });
    });
  });
  result.catch(() => undefined);
  return {
    name,
    result,
    stderr: () => stderr,
    signal: (signal) => void engineSays(["kill", "--signal", signal, name]),
    async [Symbol.asyncDispose]() {
      spawnSync(inject("engine"), ["rm", "--force", name], { stdio: "ignore" });
      await result.catch(() => undefined);
    },
  };
}

export async function runContainer(options: ContainerOptions): Promise<ContainerResult> {
  await using container = startContainer(options);
  return await container.result;
}

function runWords(): readonly string[] {
  const engine = inject("engine");
  const common = ["run", "--rm", "--network", "host"];
  if (engine !== "podman") return common;
  // podman asks for more open files than a machine in a sandbox may have, and for crun where only runc is.
  const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
  const runtime = existsSync("/usr/bin/crun") ? [] : ["--runtime", "runc"];
  return [...runtime, ...common, ...limits];
}

function toFlags(options: ContainerOptions): readonly string[] {
  const { image, command = [], args = [], env = {}, mounts = [], user, memory } = options;
  const [entrypoint, ...first] = command;
  return [
    ...(user === undefined ? [] : ["--user", user]),
    ...(options.groups ?? []).flatMap((group) => ["--group-add", String(group)]),
    ...(memory === undefined ? [] : ["--memory", memory]),
    ...(options.readOnlyRoot === true ? ["--read-only"] : []),
    // podman would lay a tmpfs over /tmp, which a kubelet doesn't.
    ...(options.readOnlyRoot === true && inject("engine") === "podman" ? ["--read-only-tmpfs=false"] : []),
    ...(options.dropAll === true ? ["--cap-drop", "ALL"] : []),
    ...(options.noNewPrivileges === true ? ["--security-opt", "no-new-privileges"] : []),
    ...Object.entries(env).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
    ...mounts.flatMap(({ from, to, readOnly }) => [
      "--volume",
      `${from}:${to}${readOnly === true ? ":ro" : ""}`,
    ]),
    ...(entrypoint === undefined ? [] : ["--entrypoint", entrypoint]),
    image,
    ...first,
    ...args,
  ];
}

/** Looks at the high-water mark of the process that the container's first one is out here. */
function watchMemory(name: string): { stop(): number } {
  let pid = 0;
  let peakKiB = 0;
  let isOver = false;
  const look = async (): Promise<void> => {
    while (!isOver) {
      if (pid === 0) pid = await findPid(name);
      const status = pid === 0 ? "" : await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
      peakKiB = Math.max(peakKiB, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0));
      await sleep(pid === 0 ? 200 : 20);
    }
  };
  void look();
  return {
    stop() {
      isOver = true;
      return Math.round(peakKiB / 1_024);
    },
  };
}

/** 0 before it runs, and after. */
async function findPid(name: string): Promise<number> {
  const args = ["inspect", "--format", "{{.State.Pid}}", name];
  const { stdout } = await run(inject("engine"), args).catch(() => ({ stdout: "0" }));
  return Number(stdout.trim());
}
