import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { ENGINE_VERSION } from "../../src/declarative/engine/engine.ts";

/**
 * Who imports whom. A room is a folder of src/, or a file that stands there by itself; type imports count.
 *
 * The order is the direction: a room may import only rooms above it. What is imported no more is taken out,
 * so that a new arrow, or one that is gone, is a line of this table.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  "release.ts": [],
  log: [],
  sql: ["errors.ts"],
  config: ["errors.ts"],
  source: ["errors.ts", "sql", "config"],
  postgres: ["errors.ts", "log", "sql", "config"],
  "declarative/engine": ["sql", "postgres"],
  "declarative/online": ["sql", "postgres", "declarative/engine"],
  bootstrap: ["errors.ts", "log", "sql", "postgres"],
  records: ["errors.ts", "sql", "postgres"],
  "progress.ts": ["records"],
  "context.ts": ["log", "config", "source", "postgres", "declarative/engine", "records", "progress.ts"],
  migrations: ["errors.ts", "log", "sql", "source", "postgres", "records", "context.ts"],
  declarative: [
    "errors.ts",
    "log",
    "sql",
    "config",
    "postgres",
    "declarative/engine",
    "declarative/online",
    "bootstrap",
    "records",
    "context.ts",
  ],
  "declarative/dump": ["errors.ts", "sql", "postgres", "declarative/engine", "records", "declarative"],
  phases: [
    "errors.ts",
    "sql",
    "source",
    "postgres",
    "declarative/engine",
    "bootstrap",
    "records",
    "context.ts",
    "migrations",
    "declarative",
  ],
  "lint/tree": ["sql"],
  "lint/rules": ["sql", "lint/tree"],
  lint: ["errors.ts", "sql", "source", "lint/tree", "lint/rules"],
  "lint/format": ["errors.ts", "lint/rules", "lint"],
  report: ["errors.ts", "log", "records", "declarative"],
  kubernetes: ["errors.ts", "log", "config", "records", "progress.ts", "declarative", "report"],
  commands: [
    "errors.ts",
    "release.ts",
    "log",
    "sql",
    "config",
    "source",
    "postgres",
    "declarative/engine",
    "bootstrap",
    "records",
    "progress.ts",
    "context.ts",
    "migrations",
    "declarative",
    "declarative/dump",
    "phases",
    "lint/rules",
    "lint",
    "lint/format",
    "report",
    "kubernetes",
  ],
  "serve/schemas": [],
  "serve/page": ["serve/schemas"],
  "serve/operations": [
    "errors.ts",
    "release.ts",
    "log",
    "source",
    "postgres",
    "records",
    "progress.ts",
    "context.ts",
    "declarative",
    "phases",
    "report",
    "commands",
    "serve/schemas",
  ],
  "serve/routes": ["release.ts", "records", "serve/schemas", "serve/operations"],
  serve: [
    "errors.ts",
    "release.ts",
    "log",
    "config",
    "kubernetes",
    "commands",
    "serve/operations",
    "serve/routes",
  ],
  cli: ["errors.ts", "release.ts", "config", "commands", "serve"],
  "probe.ts": ["release.ts", "log", "sql", "config", "source", "postgres", "records", "report"],
  "main.ts": ["errors.ts", "log", "config", "report", "commands", "cli"],
  "slipway.ts": ["probe.ts", "main.ts"],
};

/**
 * Where a package may be imported; one that is not listed, nowhere.
 */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "@fastify/cors": ["serve"],
  "@fastify/rate-limit": ["serve"],
  "@fastify/swagger": ["serve"],
  "@kubernetes/client-node": ["kubernetes"],
  "@supabase/pg-delta": ["declarative/engine"],
  commander: ["cli"],
  fastify: ["serve", "serve/routes"],
  "libpg-query": ["lint/rules", "lint/tree"],
  // The engine's asks for a pool, and gets a session that looks like one: a type only.
  pg: ["declarative/engine", "postgres"],
  pino: ["log"],
  "tar-stream": ["serve/operations"],
  typebox: ["serve", "serve/routes", "serve/schemas"],
  yaml: ["config"],
};

/** Packages that lend their types, and are not in the program. */
const TYPES_ONLY = ["@kubernetes/client-node"];

/** Everything else is told by its arguments. */
const PROCESS = [
  "main.ts",
  "probe.ts",
  "slipway.ts",
  // Against the direction: asks as whom it runs, for the words of "permission denied".
  "source/read-error.ts",
];

interface SourceFile {
  /** Below src/. */
  readonly path: string;
  readonly room: string;
  readonly text: string;
  /** As they are written, `import()` among them. */
  readonly imports: readonly string[];
}

// slipway.ts hides its imports from the bundler behind a function of its own, `at("./main.js")`.
const IMPORT = /(?:\bfrom\s+|^import\s+|\bimport\((?:at\()?\s*)"([^"]+)"/gm;

const root = fileURLToPath(new URL("../../src", import.meta.url));
const files: readonly SourceFile[] = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"))
  .sort()
  .map((path) => {
    const text = readFileSync(`${root}/${path}`, "utf8");
    const imports = [...text.matchAll(IMPORT)].map(([, specifier = ""]) => specifier);
    return { path, room: roomOf(path), text, imports };
  });

function roomOf(path: string): string {
  const folder = posix.dirname(path);
  return folder === "." ? path : folder;
}

/** The files of src/ that a file imports. */
function neighboursOf(file: SourceFile): readonly string[] {
  return file.imports
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => posix.join(posix.dirname(file.path), specifier).replace(/\.js$/, ".ts"))
    .filter((path) => !path.startsWith(".."));
}

test("every import is an arrow of the table, and every arrow of the table is an import", () => {
  const order = Object.keys(ROOMS);
  const arrows = Map.groupBy(files, ({ room }) => room);

  const found = [...arrows].map(([room, members]): [string, string[]] => {
    const others = new Set(members.flatMap(neighboursOf).map(roomOf));
    others.delete(room);
    return [room, [...others].sort((a, b) => order.indexOf(a) - order.indexOf(b))];
  });

  expect(Object.fromEntries(found)).toEqual(ROOMS);
});

test("all arrows point one way: nothing later is imported by anything earlier", () => {
  const order = Object.keys(ROOMS);

  const backward = Object.entries(ROOMS).flatMap(([room, others]) =>
    others
      .filter((other) => order.indexOf(other) >= order.indexOf(room))
      .map((other) => `${room} -> ${other}`),
  );

  expect(backward).toEqual([]);
});

test("every import names a file that is there, by its whole name", () => {
  const known = new Set(files.map(({ path }) => path));

  const lost = files.flatMap((file) =>
    neighboursOf(file)
      .filter((path) => !known.has(path))
      .map((path) => `${file.path} -> ${path}`),
  );

  expect(lost).toEqual([]);
});

test("no file imports itself by way of others", () => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, above: readonly string[]): void => {
    if (above.includes(path)) {
      cycles.push([...above.slice(above.indexOf(path)), path].join(" -> "));
      return;
    }
    const file = byPath.get(path);
    if (file === undefined || done.has(path)) return;
    for (const next of neighboursOf(file)) visit(next, [...above, path]);
    done.add(path);
  };

  for (const { path } of files) visit(path, []);

  expect(cycles).toEqual([]);
});

test("a package is known to the one room that it stands behind", () => {
  const packages = files.flatMap(({ path, room, imports }) =>
    imports
      .filter((specifier) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
      .map((specifier) => ({ path, room, name: /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? "" })),
  );

  const strays = packages.filter(({ room, name }) => PACKAGES[name]?.includes(room) !== true);

  expect(strays.map(({ path, name }) => `${path} -> ${name}`)).toEqual([]);
  expect([...new Set(packages.map(({ name }) => name))].sort()).toEqual(Object.keys(PACKAGES));
});

test("what is imported is a dependency, and every dependency is imported", () => {
  const used = Object.keys(PACKAGES).filter((name) => !TYPES_ONLY.includes(name));

  expect(Object.keys(manifest.dependencies).sort()).toEqual(used.sort());
});

test("a package that lends its types is imported for nothing else", () => {
  const values = files.filter(({ text }) =>
    TYPES_ONLY.some((name) => new RegExp(`^import (?!type )[^;]*from "${name}"`, "m").test(text)),
  );

  expect(values.map(({ path }) => path)).toEqual([]);
});

test("only the entry touches the process", () => {
  const touching = files.filter(({ text, imports }) => {
    const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "").replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""');
    return (
      /\bprocess\b\s*(?:\?\.|[.[;,)])/.test(code) || imports.some((name) => /^(?:node:)?process$/.test(name))
    );
  });

  expect(touching.map(({ path }) => path)).toEqual(PROCESS);
});

test("the engine is pinned, for its statements and fingerprints are part of what people approved", () => {
  expect(manifest.dependencies["@supabase/pg-delta"]).toMatch(/^\d+\.\d+\.\d+(?:-[\w.]+)?$/);
});

test("the engine's name in stored fingerprints is the version that is installed", () => {
  const version = manifest.dependencies["@supabase/pg-delta"];

  expect(ENGINE_VERSION).toMatch(/^pg-delta \S+, scheme \d+$/);
  expect(ENGINE_VERSION.split(",")[0]).toBe(`pg-delta ${version}`);
});

test("no file of src/ is a barrel, nor a drawer for what has no place", () => {
  const names = files.map(({ path }) => posix.basename(path, ".ts"));

  expect(names.filter((name) => /^(?:index|utils?|helpers?|common|types|manager)$/.test(name))).toEqual([]);
});
