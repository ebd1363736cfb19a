import { randomUUID } from "node:crypto";
import { chmodSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { V1Container, V1PodSpec, V1PodTemplateSpec } from "@kubernetes/client-node";
import {
  type ContainerOptions,
  type ContainerResult,
  type Mount,
  type RunningContainer,
  startContainer,
} from "./container.ts";
import { writeFolder } from "./folder.ts";
import { fieldOf, findConfigMap, findSecret, makeVolume, type PodSurroundings } from "./volume.ts";

/** The kubelet begins with 10 s; its patience is not what is tested. */
const BACK_OFF_MS = 200;
const MOST_ATTEMPTS = 10;

/** One start of a container and how it ended, as `kubectl describe pod` has it. */
export interface Attempt extends ContainerResult {
  readonly container: string;
  /** `.state.terminated.message` */
  readonly message: string;
}

export interface PodEnd {
  /** In the order in which they ended; one that was started again is there several times. */
  readonly attempts: readonly Attempt[];
  readonly isSucceeded: boolean;
}

export interface Pod extends AsyncDisposable {
  readonly end: Promise<PodEnd>;
  /** How its first container ended; undefined while it runs. */
  first(): Attempt | undefined;
  /** To the first process of the container that runs, as the kubelet (TERM) or the kernel (KILL) would. */
  signal(name: "TERM" | "KILL"): void;
}

export type PodInput = Partial<Omit<PodSurroundings, "metadata" | "fsGroup">> & {
  /** As a Deployment or a Job has it. */
  readonly template: V1PodTemplateSpec;
  readonly name: string;
};

/**
 * Does what a kubelet does with a pod: lays out its volumes, then runs its init containers one by one, each again and
 * again until it succeeds, and then its containers. There is no API server and no network but the host's; probes,
 * hooks and sidecars are left out.
 */
export function startPod({ template, name, configMaps = [], secrets = [], claims = {} }: PodInput): Pod {
  const spec = template.spec;
  if (spec === undefined) throw new Error("a pod without a spec");
  const around: PodSurroundings = {
    configMaps: [...configMaps, { metadata: { name: "kube-root-ca.crt" }, data: { "ca.crt": "" } }],
    secrets,
    claims,
    metadata: { name, namespace: "store", uid: randomUUID() },
    fsGroup: spec.securityContext?.fsGroup ?? 0,
  };
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, makeVolume(volume, around)]));
  let current: RunningContainer | undefined;
  let isDeleted = false;

  const runOnce = async (container: V1Container): Promise<Attempt> => {
    const log = makeTerminationLog();
    await using running = startContainer(toOptions(container, spec, around, volumes, log));
    current = running;
    const result = await running.result;
    return { ...result, container: container.name, message: readFileSync(log, "utf8") };
  };
  const attempts: Attempt[] = [];
  const runAll = async (): Promise<PodEnd> => {
    for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
      for (let count = 1; ; count += 1) {
        const attempt = await runOnce(container);
        attempts.push(attempt);
        if (attempt.exitCode === 0) break;
        if (isDeleted || spec.restartPolicy === "Never" || count === MOST_ATTEMPTS)
          return { attempts, isSucceeded: false };
        await sleep(BACK_OFF_MS);
      }
    }
    return { attempts, isSucceeded: true };
  };
  const end = runAll();
  end.catch(() => undefined);
  return {
    end,
    first: () => attempts[0],
    signal: (signal) => current?.signal(signal),
    async [Symbol.asyncDispose]() {
      isDeleted = true;
      await current?.[Symbol.asyncDispose]();
      await end.catch(() => undefined);
    },
  };
}

/** The file that the kubelet mounts at `terminationMessagePath`, one for each start. */
function makeTerminationLog(): string {
  const path = join(writeFolder({ log: "" }), "log");
  chmodSync(path, 0o666);
  return path;
}

function toOptions(
  container: V1Container,
  spec: V1PodSpec,
  around: PodSurroundings,
  volumes: ReadonlyMap<string, string>,
  terminationLog: string,
): ContainerOptions {
  const ofPod = spec.securityContext ?? {};
  const own = container.securityContext ?? {};
  const [user, group] = [own.runAsUser ?? ofPod.runAsUser, own.runAsGroup ?? ofPod.runAsGroup];
  const memory = container.resources?.limits?.["memory"];
  return {
    image: container.image ?? "",
    command: container.command ?? [],
    args: container.args ?? [],
    env: environmentOf(container, around),
    mounts: [
      ...(container.volumeMounts ?? []).map((mount): Mount => {
        const volume = volumes.get(mount.name);
        if (volume === undefined) throw new Error(`there is no volume ${mount.name}`);
        // Of a file behind links, the kubelet mounts the file: it never changes again.
        const from = mount.subPath === undefined ? volume : realpathSync(join(volume, mount.subPath));
        return { from, to: mount.mountPath, readOnly: mount.readOnly === true };
      }),
      { from: terminationLog, to: container.terminationMessagePath ?? "/dev/termination-log" },
    ],
    ...(user === undefined ? {} : { user: `${user}:${group ?? 0}` }),
    groups: around.fsGroup === 0 ? [] : [around.fsGroup],
    // `256Mi` is the engine's `256m`.
    ...(memory === undefined ? {} : { memory: memory.replace(/i$/, "").toLowerCase() }),
    readOnlyRoot: own.readOnlyRootFilesystem === true,
    dropAll: own.capabilities?.drop?.includes("ALL") === true,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
  };
}

function environmentOf(container: V1Container, around: PodSurroundings): Record<string, string> {
  const variables: Record<string, string> = {};
  const take = (
    data: ReadonlyMap<string, Buffer>,
    { key, optional }: { key: string; optional?: boolean },
    name: string,
  ) => {
    const value = data.get(key);
    if (value !== undefined) variables[name] = value.toString("utf8");
    else if (optional !== true) throw new Error(`there is no key ${key}: the pod would not start`);
  };
  for (const { name, value, valueFrom } of container.env ?? []) {
    const { secretKeyRef: secret, configMapKeyRef: configMap, fieldRef } = valueFrom ?? {};
    if (secret !== undefined) take(findSecret(around, secret), secret, name);
    else if (configMap !== undefined) take(findConfigMap(around, configMap), configMap, name);
    else if (fieldRef !== undefined) variables[name] = fieldOf(around.metadata, fieldRef.fieldPath);
    else variables[name] = value ?? "";
  }
  return variables;
}
