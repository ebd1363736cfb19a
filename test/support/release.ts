import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { CHART, type Manifest, parseManifests } from "./chart.ts";
import { onCluster, type TestNamespace } from "./cluster.ts";
import type { ClusterServer } from "./cluster-server.ts";
import { writeFolder } from "./folder.ts";
import { type KubeRelease, kubeTools, NO_KUBE_TOOLS } from "./kube-tools.ts";

const run = promisify(execFile);

/** A test on the API server that needs helm and kubectl too; without one of them it is skipped, and says why. */
export function onRelease(name: string, body: (cluster: ClusterServer) => Promise<void>): void {
  onCluster(name, async (cluster, { skip }) => {
    skip(NO_KUBE_TOOLS !== "", NO_KUBE_TOOLS);
    await body(cluster);
  });
}

/** helm and kubectl of one release, as the administrator, in one namespace. */
export class Release {
  readonly #namespace: TestNamespace;
  readonly #tools: ReturnType<typeof kubeTools>;
  // Without a home of its own helm would write into that of whoever runs the tests.
  readonly #home = writeFolder();

  constructor(namespace: TestNamespace, release: KubeRelease = "newest") {
    this.#namespace = namespace;
    this.#tools = kubeTools(release);
  }

  /** `helm upgrade --install shop` with these values. */
  async upgrade(values: object): Promise<string> {
    const file = `${writeFolder({ "values.yaml": JSON.stringify(values) })}/values.yaml`;
    return await this.helm("upgrade", "--install", "shop", CHART, "--values", file, "--timeout", "30s");
  }

  async helm(...args: readonly string[]): Promise<string> {
    return await this.#run(this.#tools.helm, args);
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    return await this.#run(this.#tools.kubectl, args);
  }

  /** A command as a person pastes it, who has this kubectl and helm and no other cluster. */
  async shell(command: string): Promise<string> {
    const { stdout } = await run("sh", ["-c", command], {
      env: {
        HOME: this.#home,
        PATH: `${dirname(this.#tools.kubectl)}:${process.env["PATH"]}`,
        KUBECONFIG: this.#namespace.cluster.kubeconfig,
      },
    });
    return stdout;
  }

  /** The names of the objects of a kind, in their order. */
  async names(kind: string): Promise<readonly string[]> {
    const text = await this.kubectl("get", kind, "--output", "name");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.slice(line.indexOf("/") + 1));
  }

  async get(kind: string, name: string): Promise<Manifest> {
    const [object] = parseManifests(await this.kubectl("get", kind, name, "--output", "yaml"));
    if (object === undefined) throw new Error(`no ${kind} ${name}`);
    return object;
  }

  async #run(program: string, args: readonly string[]): Promise<string> {
    const { cluster, name } = this.#namespace;
    const { stdout } = await run(
      program,
      [...args, "--kubeconfig", cluster.kubeconfig, "--namespace", name],
      {
        maxBuffer: 64 * 1024 * 1024,
        env: { ...process.env, HOME: this.#home, HELM_CACHE_HOME: `${this.#home}/helm` },
      },
    );
    return stdout;
  }
}
