import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SlipwayError } from "../errors.ts";
import { HIGHEST_VERSION } from "../source/migration-name.ts";
import { type Migration, readMigrations } from "../source/migrations.ts";
import { holdsNoStatement } from "../source/text.ts";
import type { Environment } from "./environment.ts";
import { requireFolder } from "./migrate-files.ts";

const UP = "-- What changes. One transaction, unless a statement cannot run in one.\n";
const DOWN = "-- The way back, for development.\n";

/** `slipway migrate create NAME`: both files, with the next number in the folder's own style. */
export async function migrateCreate(
  environment: Environment,
  name: string,
  options: { readonly timestamp: boolean },
): Promise<number> {
  const { config, out } = environment;
  const folder = requireFolder(config);
  const title = toTitle(name);
  mkdirSync(folder, { recursive: true });
  for (const path of await holdingFolder(folder, () => createPair(folder, title, options.timestamp))) {
    out.write(`${path}\n`);
  }
  return 0;
}

function toTitle(name: string): string {
  const title = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "");
  if (title !== "") return title;
  throw new SlipwayError("USAGE", `"${name}" holds no letter or digit to name a file by`, {
    next: "slipway migrate create add_customers",
  });
}

/** Asked for a second time before anybody filled it in, the same pair again. */
function createPair(folder: string, title: string, asTimestamp: boolean): readonly string[] {
  const { migrations } = readMigrations(folder);
  const last = migrations.at(-1);
  const isSame = last?.title === title && holdsNoStatement(last.up.text);
  const stem = isSame ? last.name : `${nextVersion(migrations, asTimestamp)}_${title}`;
  const paths = { up: join(folder, `${stem}.up.sql`), down: join(folder, `${stem}.down.sql`) };
  if (!isSame) writeFileSync(paths.up, UP, { flag: "wx" });
  if (!isSame || last.down === undefined) writeFileSync(paths.down, DOWN, { flag: "wx" });
  return [paths.up, paths.down];
}

/** The clocks that people number by, as the number of a moment. */
const CLOCKS: readonly { readonly looks: RegExp; readonly count: (ms: number) => bigint }[] = [
  {
    looks: /^(?:19|20)\d{12}$/,
    count: (ms) => BigInt(new Date(ms).toISOString().replaceAll(/\D/g, "").slice(0, 14)),
  },
  { looks: /^1\d{9}$/, count: (ms) => BigInt(Math.floor(ms / 1_000)) },
  { looks: /^1\d{12}$/, count: (ms) => BigInt(ms) },
];

function nextVersion(migrations: readonly Migration[], asTimestamp: boolean): string {
  const last = migrations.at(-1);
  const digits = /^\d+/.exec(last?.name ?? "")?.[0] ?? "";
  const [datetime] = CLOCKS;
  const clock = CLOCKS.find(({ looks }) => looks.test(digits)) ?? (asTimestamp ? datetime : undefined);
  if (clock !== undefined) return nextMoment(clock.count, last?.version ?? 0n).toString();
  if (last === undefined) return "001";
  if (last.version < HIGHEST_VERSION) return (last.version + 1n).toString().padStart(digits.length, "0");
  throw new SlipwayError("SOURCE_INVALID", `${last.up.path}: no version is left above it`, {
    next: "give it a lower version",
  });
}

/** Now, or the first moment above the last version: two may be made in one second, and clocks differ. */
function nextMoment(count: (ms: number) => bigint, last: bigint): bigint {
  const now = Date.now();
  if (count(now) > last) return count(now);
  for (let second = 1; second <= 60; second += 1) {
    const later = count(now + second * 1_000);
    if (later > last) return later;
  }
  return last + 1n;
}

/** Not read as a migration: its name begins with a dot. */
const LOCK = ".slipway-create";
const STALE_MS = 5_000;
const REMOVE = { recursive: true, force: true };

/** Two developers, or two terminals, must not be given the same number: making a folder succeeds only once. */
async function holdingFolder<T>(folder: string, work: () => T): Promise<T> {
  const lock = join(folder, LOCK);
  while (!take(lock)) {
    if (isStale(lock)) rmSync(lock, REMOVE);
    else await sleep(20);
  }
  try {
    return work();
  } finally {
    rmSync(lock, REMOVE);
  }
}

function take(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Left by a process that was killed: the work under it takes milliseconds. */
function isStale(lock: string): boolean {
  return Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > STALE_MS;
}
