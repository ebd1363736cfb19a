import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "./command.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** The `slipway` that is measured, and the programs it is measured against. */
export class Programs {
  #slipway;
  #cwd;

  /** Works below `folder`, which must not be below one with a slipway.yaml. */
  constructor(folder) {
    this.#cwd = join(folder, "work");
    mkdirSync(this.#cwd);
    this.#slipway = copyBuild(join(folder, "slipway"));
  }

  /** `slipway run` with nothing but these settings. */
  slipway(url, settings = {}) {
    return this.#node([join(this.#slipway, "dist/slipway.js"), "run"], { DATABASE_URL: url, ...settings });
  }

  /** `slipway plan`, which ends with 3 when it finds something to do. */
  slipwayPlan(url, settings) {
    return this.#node(
      [join(this.#slipway, "dist/slipway.js"), "plan"],
      { DATABASE_URL: url, ...settings },
      3,
    );
  }

  /** Writes the snapshot of the desired schema beside its files. */
  slipwayCompile(url, settings) {
    const args = [join(this.#slipway, "dist/slipway.js"), "schema", "compile"];
    return this.#node(args, { DATABASE_URL: url, ...settings });
  }

  /** Node with pg-delta's reader: reads the catalog once and forgets it. */
  readCatalog(url) {
    return this.#node([join(ROOT, "bench/read-catalog.mjs")], { DATABASE_URL: url });
  }

  /** Connect, `select 1`, end. */
  floor(url) {
    return this.#node([join(ROOT, "bench/floor.mjs")], { DATABASE_URL: url });
  }

  /** Node itself, doing nothing. */
  nothing() {
    return this.#node(["--eval", "0"], {});
  }

  /** pg-delta's own program: brings the database to what the files in `folder` say. */
  pgDelta(url, folder) {
    const main = join(ROOT, "node_modules/@supabase/pg-delta/dist/cli/main.js");
    // Reordering needs a parser that is an optional package; the files are in order.
    const args = [
      main,
      "schema",
      "apply",
      "--dir",
      folder,
      "--target",
      url,
      "--renames",
      "off",
      "--no-reorder",
    ];
    return this.#node(args, {});
  }

  psql(url, files, { single = false } = {}) {
    const args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", ...(single ? ["-1"] : [])];
    return this.#run("psql", [...args, ...files.flatMap((file) => ["-f", file]), url], {});
  }

  get hasPsql() {
    return psqlVersion() !== undefined;
  }

  /** golang-migrate, by the same files. */
  golangMigrate(url, folder, ...command) {
    const database = `${url}?sslmode=disable`;
    return this.#run("migrate", ["-path", folder, "-database", database, ...command], {});
  }

  get hasGolangMigrate() {
    return golangMigrateVersion() !== undefined;
  }

  #node(args, settings, expected) {
    return this.#run(process.execPath, args, settings, expected);
  }

  #run(program, args, settings, expected) {
    return runCommand({ program, args, cwd: this.#cwd, env: { ...ENVIRONMENT, ...settings }, expected });
  }
}

// The caller's own settings are for another database. What concerns Node stays as it is, alike for all.
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(PG[A-Z]|SLIPWAY_|DATABASE_URL$|DB_USER_|npm_)/.test(name),
  ),
);

/** Measured is a copy, so that a build in the middle of it doesn't change what is measured. */
function copyBuild(folder) {
  if (!existsSync(join(ROOT, "dist/slipway.js"))) {
    const { status } = spawnSync(process.execPath, ["build.mjs"], { cwd: ROOT, stdio: "inherit" });
    if (status !== 0) throw new Error("slipway could not be built");
  }
  for (const part of ["dist", "schema", "package.json"]) {
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  }
  return folder;
}

export function psqlVersion() {
  const { status, stdout } = spawnSync("psql", ["--version"], { encoding: "utf8" });
  return status === 0 ? /\d+(\.\d+)*/.exec(stdout)?.[0] : undefined;
}

/** It is no npm package; `go install -tags postgres github.com/golang-migrate/migrate/v4/cmd/migrate@v4.18.3` makes it. */
export function golangMigrateVersion() {
  const { status, stdout, stderr } = spawnSync("migrate", ["-version"], { encoding: "utf8" });
  if (status !== 0) return undefined;
  return `${stdout}${stderr}`.trim() || "unknown";
}

export function packageVersion(name) {
  const folder = name === "slipway" ? ROOT : join(ROOT, "node_modules", name);
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
}

/** The example's migrations, which the measured `slipway` finds in the repository. */
export const SHOP_MIGRATIONS = join(ROOT, "examples/shop/migrations");
