import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "vitest";
import { parseAllDocuments } from "yaml";
import { writeFolder } from "./folder.ts";
import { type KubeRelease, kubeTools, NO_KUBE_TOOLS } from "./kube-tools.ts";

export const CHART = fileURLToPath(new URL("../../helm/slipway", import.meta.url));

/** An object of Kubernetes as a manifest has it; what a test reads of it, it knows the form of. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: manifests have hundreds of forms, and a wrong guess fails the test
  readonly [field: string]: any;
}

export interface Rendering {
  readonly values?: object;
  readonly chart?: string;
  readonly release?: string;
  readonly helm?: KubeRelease;
  readonly args?: readonly string[];
}

/** A test that runs helm; skipped loudly where npm brings none. */
export function onHelm(name: string, body: () => Promise<void>): void {
  test(name, async ({ skip }) => {
    skip(NO_KUBE_TOOLS !== "", NO_KUBE_TOOLS);
    await body();
  });
}

const run = promisify(execFile);

/** What `helm template` prints. Throws with Helm's own words when it refuses. */
export async function renderText(rendering: Rendering = {}): Promise<string> {
  const { values = {}, chart = CHART, release = "shop", helm = "newest", args = [] } = rendering;
  // JSON is YAML.
  const file = `${writeFolder({ "values.yaml": JSON.stringify(values) })}/values.yaml`;
  const { stdout } = await run(
    kubeTools(helm).helm,
    ["template", release, chart, "--namespace", "store", "--values", file, ...args],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return stdout;
}

export async function render(rendering: Rendering = {}): Promise<readonly Manifest[]> {
  return parseManifests(await renderText(rendering));
}

export function parseManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw error;
      return document.toJS();
    })
    .filter((manifest) => manifest !== null);
}

/** The one object of a kind, or the one whose name is or ends so. */
export function pick(manifests: readonly Manifest[], kind: string, name = ""): Manifest {
  const found = manifests.filter((each) => each.kind === kind && each.metadata.name.endsWith(name));
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`${found.length} of ${kind} ${name}`);
  return only;
}

/** What Helm says when it refuses; fails when it doesn't. */
export async function refusal(rendering: Rendering): Promise<string> {
  try {
    await renderText(rendering);
  } catch (error) {
    return error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
  }
  throw new Error("helm took it");
}
