import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { engineSays, onImage, RESTRICTED, runContainer, startContainer } from "../support/container.ts";
import { openTestDatabase } from "../support/database.ts";
import { writeFiles, writeFolder } from "../support/folder.ts";
import { findBackend, GATE, openGated } from "../support/gate.ts";
import type { TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait.ts";

function newestServer(): TestServer {
  const [server] = inject("servers");
  if (server === undefined) throw new Error("there is no server");
  return server;
}

interface Entry {
  readonly mode: string;
  readonly owner: string;
  readonly path: string;
}

/** All that a container of the image would find, without starting one. */
function list(image: string): readonly Entry[] {
  const container = engineSays(["create", image, "none"]).trim();
  const archive = join(mkdtempSync(join(tmpdir(), "slipway-image-")), "root.tar");
  try {
    engineSays(["export", "--output", archive, container]);
  } finally {
    engineSays(["rm", container]);
  }
  const { stdout } = spawnSync("tar", ["--numeric-owner", "-tvf", archive], { encoding: "utf8" });
  spawnSync("rm", [archive]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [mode = "", owner = "", , , , ...path] = line.split(/\s+/);
      return { mode, owner, path: path.join(" ").replace(/ -> .*$/, "") };
    });
}

/** The kubelet's file for the termination message. */
function makeTerminationLog(): string {
  const path = join(writeFolder({ log: "" }), "log");
  chmodSync(path, 0o666);
  return path;
}

onImage(
  "the image adds the program, its schema, Node, their licence and a compile cache to its base, and nothing else",
  async (image) => {
    const base = engineSays([
      "inspect",
      "--format",
      '{{index .Config.Labels "org.opencontainers.image.base.name"}}',
      image,
    ]).trim();
    const before = new Set(list(base).map(({ path }) => path));

    const added = list(image).filter(({ path }) => !before.has(path));

    const strays = added.filter(
      ({ path }) =>
        !/^(?:opt\/|opt\/slipway\/(?:$|bin\/(?:$|node$|slipway$)|dist\/(?:$|[\w-]+\.c?js$|libpg-query\.wasm$)|schema\/|cache\/|LICENSE$|package\.json$))/.test(
          path,
        ) &&
        // What the engine itself lays into every container.
        !/^(?:dev|etc|proc|run|sys)\//.test(path),
    );
    const ours = added.filter(({ path }) => path.startsWith("opt/slipway"));
    expect(strays).toEqual([]);
    expect(ours.length).toBeGreaterThan(20);
    expect(ours.filter(({ owner }) => owner !== "0/0")).toEqual([]);
    // No one but root may write, nothing runs as another user, and everybody may read.
    expect(ours.filter(({ mode }) => mode.startsWith("-") && !/^-rw-r--r--|^-rwxr-xr-x/.test(mode))).toEqual(
      [],
    );
    expect(ours.filter(({ mode }) => mode.startsWith("d") && mode !== "drwxr-xr-x")).toEqual([]);
  },
);

onImage(
  "the image names its user by number, its program without a path, and where it comes from",
  async (image) => {
    const [{ Config: config, Size: size, Architecture: architecture }] = JSON.parse(
      engineSays(["inspect", "--type", "image", image]),
    );
    const label = (name: string): string => config.Labels[`org.opencontainers.image.${name}`];

    expect(config.User).toBe("65532:65532");
    expect(config.Entrypoint).toEqual(["slipway"]);
    expect(config.Cmd ?? []).toEqual([]);
    expect(config.Volumes ?? {}).toEqual({});
    expect(architecture).toBe(process.arch === "x64" ? "amd64" : process.arch);
    expect(label("title")).toBe("slipway");
    expect(label("licenses")).toBe("Apache-2.0");
    expect(label("version")).toBe(manifest.version);
    expect(label("revision")).toMatch(/^[0-9a-f]{40}$/);
    expect(Date.parse(label("created"))).toBeGreaterThan(0);
    expect(size / 1e6).toBeLessThan(160);
  },
);

onImage(
  "read-only, without capabilities, as nobody and in 128 MB: install, nothing to do, a change, a plan that waits",
  async (image) => {
    await using database = await openTestDatabase(newestServer());
    const migrations = writeFolder({ "1_a.up.sql": "create table public.a (b int);" });
    const own = writeFolder({
      "schemas/10.sql": "create schema app; create table app.t (id int primary key);",
    });
    const log = makeTerminationLog();
    const run = (args: readonly string[] = [], schema?: string) =>
      runContainer({
        ...RESTRICTED,
        image,
        args,
        env: {
          DATABASE_URL: database.url,
          DB_USER_MIGRATIONS_PATH: "/migrations",
          ...(schema === undefined ? {} : { SLIPWAY_SCHEMA_PATH: "/schema" }),
        },
        mounts: [
          { from: migrations, to: "/migrations", readOnly: true },
          { from: log, to: "/dev/termination-log" },
          ...(schema === undefined ? [] : [{ from: schema, to: "/schema", readOnly: true }]),
        ],
      });

    const installed = await run();
    const unchanged = await run(["run"]);
    const waited = await run(["wait", "--timeout=1s"]);
    writeFiles(migrations, { "2_b.up.sql": "create index concurrently on public.a (b);" });
    const changed = await run();
    const refused = await run([], own);

    const messages = (result: typeof installed) => result.lines.map(({ msg }) => msg);
    expect(installed, installed.stderr).toMatchObject({ exitCode: 0 });
    expect(messages(installed)).toContain("Schema applied successfully");
    expect(messages(unchanged)).toEqual(["Everything is up to date", "Database schema management completed"]);
    expect(messages(waited)).toEqual(["The database is ready"]);
    expect(messages(changed)).toContain("Migrations applied successfully");
    expect(refused, refused.stderr).toMatchObject({ exitCode: 31 });
    const [line, details = ""] = readFileSync(log, "utf8").split("\n");
    expect(line).toBe(refused.lines.at(-1)?.msg);
    expect(JSON.parse(details)).toMatchObject({
      code: "APPROVAL_REQUIRED",
      exit: 31,
      planId: expect.any(String),
    });
    const peaks = { installed: installed.peakMiB, changed: changed.peakMiB, planned: refused.peakMiB };
    console.log(`peak memory of the image in MiB: ${JSON.stringify(peaks)}`);
    expect(Math.max(...Object.values(peaks))).toBeLessThan(128);
  },
);

onImage("as any other user, as OpenShift picks them, it runs as well", async (image) => {
  await using database = await openTestDatabase(newestServer());

  const run = await runContainer({
    ...RESTRICTED,
    image,
    user: "1000660000:0",
    env: { DATABASE_URL: database.url, SLIPWAY_SCHEMA_PATH: "" },
  });

  expect(run, run.stderr).toMatchObject({ exitCode: 0 });
});

onImage(
  "SIGTERM reaches it as process 1, in the middle of a migration: exit 143, recorded, and the next run goes on",
  async (image) => {
    await using database = await openGated(newestServer());
    const migrations = writeFolder({ "1_a.up.sql": "create table public.a ();", "2_slow.up.sql": GATE });
    const options = {
      ...RESTRICTED,
      image,
      env: { DATABASE_URL: database.url, SLIPWAY_SCHEMA_PATH: "", DB_USER_MIGRATIONS_PATH: "/migrations" },
      mounts: [{ from: migrations, to: "/migrations", readOnly: true }],
    };
    await using container = startContainer(options);
    await waitFor(() => findBackend(database, "pg_sleep"));

    const start = performance.now();
    container.signal("TERM");
    const stopped = await container.result;
    const ms = performance.now() - start;
    await database.query("insert into gate.opened default values");
    const next = await runContainer(options);

    expect(stopped, stopped.stderr).toMatchObject({ exitCode: 143 });
    expect(ms).toBeLessThan(10_000);
    expect(next, next.stderr).toMatchObject({ exitCode: 0 });
    expect(
      await database.query("select status, error_code from migrations.runs order by started_at"),
    ).toEqual([
      { status: "interrupted", error_code: "INTERRUPTED" },
      { status: "done", error_code: null },
    ]);
    expect(await database.query("select version::int, attempts from migrations.app order by 1")).toEqual([
      { version: 1, attempts: 1 },
      { version: 2, attempts: 1 },
    ]);
  },
);
