import type { BlindSpots } from "./blind-spots.ts";
import type { SavedDesired, SchemaEngine } from "./engine/engine.ts";
import { ENGINE_VERSION } from "./engine/engine.ts";

/** What a snapshot was compiled from and on; the first line of its file, as JSON. */
export interface SnapshotOrigin {
  /** Of the files and values that it is the desired schema of. */
  readonly filesHash: string;
  readonly serverMajor: number;
  readonly engine: string;
  /** Where the files put what they give no schema. */
  readonly searchPath: string;
  /** The extensions that bootstrap.sql has as optional and the server had. */
  readonly optionalExtensions: readonly string[];
}

/** A desired schema as `slipway schema compile` keeps it. */
export interface Snapshot extends SavedDesired {
  readonly blindSpots: BlindSpots;
}

interface Header extends SnapshotOrigin {
  readonly slipwaySnapshot: number;
  readonly blindSpots: readonly (readonly [name: string, definition: string])[];
}

const FORMAT = 1;
const LINE_FEED = 0x0a;

/** One line of JSON that people and pipelines can read, then what the engine saved. */
export function encodeSnapshot(engine: SchemaEngine, origin: SnapshotOrigin, snapshot: Snapshot): Uint8Array {
  const header: Header = { slipwaySnapshot: FORMAT, ...origin, blindSpots: [...snapshot.blindSpots] };
  return Buffer.concat([
    Buffer.from(`${JSON.stringify(header)}\n`),
    engine.save(snapshot.catalog, snapshot.declared),
  ]);
}

/** Undefined for what is no snapshot, or one of a format that this release does not know. */
export function originOf(bytes: Uint8Array): SnapshotOrigin | undefined {
  return headerOf(bytes);
}

/** Undefined when the bytes are damaged, or another engine saved them. */
export function decodeSnapshot(engine: SchemaEngine, bytes: Uint8Array): Snapshot | undefined {
  const header = headerOf(bytes);
  if (header === undefined || header.engine !== ENGINE_VERSION) return undefined;
  try {
    const saved = engine.load(bytes.subarray(bytes.indexOf(LINE_FEED) + 1));
    return { ...saved, blindSpots: new Map(header.blindSpots) };
  } catch {
    return undefined;
  }
}

/** Why a snapshot is not the desired schema of these files; undefined when it is. */
export function findStaleness(origin: SnapshotOrigin | undefined, filesHash: string): string | undefined {
  if (origin === undefined) return "it is no snapshot that this release can read";
  if (origin.engine !== ENGINE_VERSION)
    return `it was compiled by another engine (${origin.engine}, this is ${ENGINE_VERSION})`;
  if (origin.filesHash !== filesHash)
    return "the schema files, or values in them, changed since it was compiled";
  return undefined;
}

function headerOf(bytes: Uint8Array): Header | undefined {
  const end = bytes.indexOf(LINE_FEED);
  if (end === -1) return undefined;
  try {
    const header: unknown = JSON.parse(Buffer.from(bytes.subarray(0, end)).toString("utf8"));
    return isHeader(header) ? header : undefined;
  } catch {
    return undefined;
  }
}

function isHeader(value: unknown): value is Header {
  return (
    typeof value === "object" &&
    value !== null &&
    "slipwaySnapshot" in value &&
    value.slipwaySnapshot === FORMAT
  );
}
