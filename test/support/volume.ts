import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { V1ConfigMap, V1KeyToPath, V1ObjectMeta, V1Secret, V1Volume } from "@kubernetes/client-node";
import { writeFolder } from "./folder.ts";

/** What a pod's volumes and variables are filled from. */
export interface PodSurroundings {
  readonly configMaps: readonly V1ConfigMap[];
  readonly secrets: readonly V1Secret[];
  /** By the name of the claim, the folder on this machine that it stands for. */
  readonly claims: Readonly<Record<string, string>>;
  readonly metadata: V1ObjectMeta;
  readonly fsGroup: number;
}

type Contents = ReadonlyMap<string, Buffer>;

/** The folder on this machine that the kubelet would mount. */
export function makeVolume(volume: V1Volume, around: PodSurroundings): string {
  const { persistentVolumeClaim: claim } = volume;
  if (claim !== undefined) {
    const folder = around.claims[claim.claimName];
    if (folder === undefined) throw new Error(`there is no claim ${claim.claimName}`);
    return folder;
  }
  const folder = writeFolder();
  if (volume.emptyDir === undefined) writeAtomically(folder, contentsOf(volume, around), around.fsGroup);
  else giveTo(folder, 0o2777, around.fsGroup);
  return folder;
}

/**
 * The layout of the kubelet's atomic writer: the files lie in a folder named by the time, `..data` points to it, and
 * what one sees are links through `..data`, one for each first part of a path.
 */
function writeAtomically(folder: string, contents: Contents, group: number): void {
  const version = "..2026_05_04_10_00_00.123456789";
  mkdirSync(join(folder, version));
  for (const [path, content] of contents) {
    const file = join(folder, version, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    giveTo(file, 0o644, group);
  }
  symlinkSync(version, join(folder, "..data"));
  for (const first of new Set([...contents.keys()].map((path) => path.split("/")[0] ?? path))) {
    symlinkSync(`..data/${first}`, join(folder, first));
  }
}

function contentsOf(volume: V1Volume, around: PodSurroundings): Contents {
  const sources = volume.projected?.sources ?? [
    {
      ...(volume.configMap === undefined ? {} : { configMap: volume.configMap }),
      ...(volume.secret === undefined
        ? {}
        : { secret: { ...volume.secret, name: volume.secret.secretName ?? "" } }),
    },
  ];
  const contents = new Map<string, Buffer>();
  for (const source of sources) {
    const { configMap, secret, serviceAccountToken: token, downwardAPI } = source;
    if (configMap !== undefined) put(contents, findConfigMap(around, configMap), configMap.items);
    if (secret !== undefined) put(contents, findSecret(around, secret), secret.items);
    if (token !== undefined) contents.set(token.path, Buffer.from("no token of any cluster"));
    for (const { path, fieldRef } of downwardAPI?.items ?? []) {
      contents.set(path, Buffer.from(fieldOf(around.metadata, fieldRef?.fieldPath ?? "")));
    }
  }
  return contents;
}

function put(contents: Map<string, Buffer>, data: Contents, items: readonly V1KeyToPath[] | undefined): void {
  for (const { key, path } of items ?? [...data.keys()].map((name) => ({ key: name, path: name }))) {
    const content = data.get(key);
    if (content === undefined) throw new Error(`there is no key ${key}: the pod would not start`);
    contents.set(path, content);
  }
}

interface Reference {
  readonly name?: string;
  readonly optional?: boolean;
}

export function findConfigMap(around: PodSurroundings, { name, optional }: Reference): Contents {
  const found = around.configMaps.find(({ metadata }) => metadata?.name === name);
  if (found === undefined && optional !== true) throw new Error(`there is no ConfigMap ${name}`);
  return new Map([...decode(found?.data, "utf8"), ...decode(found?.binaryData, "base64")]);
}

export function findSecret(around: PodSurroundings, { name, optional }: Reference): Contents {
  const found = around.secrets.find(({ metadata }) => metadata?.name === name);
  if (found === undefined && optional !== true) throw new Error(`there is no Secret ${name}`);
  return new Map([...decode(found?.data, "base64"), ...decode(found?.stringData, "utf8")]);
}

function decode(
  data: Readonly<Record<string, string>> | undefined,
  encoding: "utf8" | "base64",
): readonly (readonly [string, Buffer])[] {
  return Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, encoding)]);
}

/** `metadata.name` and its like. */
export function fieldOf(metadata: V1ObjectMeta, path: string): string {
  const value = {
    "metadata.name": metadata.name,
    "metadata.namespace": metadata.namespace,
    "metadata.uid": metadata.uid,
  }[path];
  if (value === undefined) throw new Error(`a pod of these tests has no ${path}`);
  return value;
}

/** To root, as the kubelet does, where we are root. */
function giveTo(path: string, mode: number, group: number): void {
  chmodSync(path, mode);
  if (process.getuid?.() === 0) chownSync(path, 0, group);
}
