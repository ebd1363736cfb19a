import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const TIME = "/usr/bin/time";
const hasTime = process.platform === "linux" && existsSync(TIME);

const running = new Set();

/** Ends what is still being measured. */
export function stopCommands() {
  // GNU time stands between us and the program; the group holds both.
  for (const { pid } of running) process.kill(-pid, "SIGKILL");
}

/** How the peak of memory is found, for the report. */
export const memorySource = hasTime
  ? "maximum resident set size as GNU time reports it"
  : existsSync("/proc/self/status")
    ? "VmHWM of /proc, read every 5 ms"
    : "not measured";

/**
 * Runs one program to its end. Throws when it ends with another status than it should: what did not do its
 * work has no time.
 *
 * @param {{ program: string, args: readonly string[], env: Record<string, string>, cwd: string, expected?: number }} command
 * @returns {Promise<{ ms: number, peakKb: number | undefined, stderr: string, endedAt: number }>}
 */
export async function runCommand({ program, args, env, cwd, expected = 0 }) {
  const memoryFile = join(cwd, `.peak-${process.hrtime.bigint()}`);
  // The memory of a child counts from its fork, so our own size must not be what is forked.
  const [first, ...rest] = hasTime
    ? [TIME, "--quiet", "--format=%M", `--output=${memoryFile}`, program, ...args]
    : [program, ...args];
  const start = performance.now();
  const child = spawn(first, rest, { env, cwd, stdio: ["ignore", "ignore", "pipe"], detached: true });
  const polled = hasTime ? undefined : pollPeak(child.pid);
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  let endedAt = 0;
  const status = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => running.add(child));
    child.once("exit", () => {
      endedAt = performance.now();
      running.delete(child);
    });
    child.once("close", resolve);
  });
  if (status !== expected)
    throw new Error(`${[program, ...args.slice(0, 6)].join(" ")} ended with ${status}:\n${stderr}`);
  return { ms: endedAt - start, peakKb: hasTime ? readPeak(memoryFile) : polled?.(), stderr, endedAt };
}

function readPeak(file) {
  const peak = Number(readFileSync(file, "utf8").trim());
  return Number.isFinite(peak) ? peak : undefined;
}

function pollPeak(pid) {
  let peak;
  const timer = setInterval(() => {
    try {
      const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
      if (found !== null) peak = Math.max(peak ?? 0, Number(found[1]));
    } catch {
      // Ended already, or there is no /proc.
    }
  }, 5);
  return () => {
    clearInterval(timer);
    return peak;
  };
}
