import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** Its name in the engine; null when it could not be built, and `skippedImage` says why. */
    readonly image: string | null;
    readonly skippedImage: string;
    /** `docker` or `podman`. */
    readonly engine: string;
  }
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const IMAGE = "slipway:test";

/** Builds the image by the Dockerfile, on a base made of this machine's packages: there may be no registry. */
export async function setup(project: TestProject): Promise<void> {
  let engine = "";
  let reason = "";
  try {
    engine = await build();
    if (engine === "buildah") reason = "buildah builds the image, but only docker and podman run it";
  } catch (error) {
    reason = `there is no image: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (reason !== "" && process.env["SLIPWAY_REQUIRE_IMAGE"] === "1") throw new Error(reason);
  if (reason !== "") console.warn(`\nSKIPPED: ${reason}; nothing of the image is tested\n`);
  project.provide("image", reason === "" ? IMAGE : null);
  project.provide("skippedImage", reason);
  project.provide("engine", engine);
}

/** Gives the engine that built it. */
async function build(): Promise<string> {
  const child = spawn(process.execPath, ["scripts/image.mjs"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, BASE: process.env["BASE"] ?? "local", IMAGE },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exit = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  const [, engine] = /^Built \S+ with (\w+)$/m.exec(stdout) ?? [];
  if (exit !== 0 || engine === undefined) throw new Error(stderr.trim().slice(-1_000));
  return engine;
}
