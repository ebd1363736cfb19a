import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { formatProblem } from "../../../src/errors.ts";
import { readMigrations } from "../../../src/source/migrations.ts";
import { addConfigMap, asOrdinaryUser, createFolder, problemsOf } from "./support.ts";

const SQL = "select 1;";

function filesNamed(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, SQL]));
}

function warningsOf(folder: string): readonly string[] {
  return readMigrations(folder).warnings.map((warning) => formatProblem(warning).replaceAll(folder, "."));
}

test("migrations come in the order of their numbers, each with its way back", () => {
  const folder = createFolder(filesNamed("10_c.up.sql", "9_b.up.sql", "0002_a.down.sql", "0002_a.up.sql"));

  const { migrations, warnings } = readMigrations(folder);

  expect(warnings).toEqual([]);
  expect(migrations.map(({ version, name, title }) => [version, name, title])).toEqual([
    [2n, "0002_a", "a"],
    [9n, "9_b", "b"],
    [10n, "10_c", "c"],
  ]);
  expect(migrations[0]?.up).toMatchObject({
    path: join(folder, "0002_a.up.sql"),
    name: "0002_a.up.sql",
    text: SQL,
  });
  expect(migrations[0]?.down).toMatchObject({ name: "0002_a.down.sql" });
  expect(migrations[1]?.down).toBeUndefined();
});

test("an empty folder holds no migrations", () => {
  expect(readMigrations(createFolder())).toMatchObject({ migrations: [], warnings: [] });
});

const REFUSED: ReadonlyArray<
  readonly [title: string, files: readonly string[], problems: readonly string[]]
> = [
  [
    "two files of one version and direction",
    ["001_a.up.sql", "1_b.up.sql"],
    ["./1_b.up.sql: has version 1, and so has 001_a.up.sql (give one of the two another version)"],
  ],
  ["a way back without a way there", ["003_x.down.sql"], ["./003_x.down.sql: has no 003_x.up.sql beside it"]],
  [
    "a version that the ledger can't hold",
    ["9223372036854775808_x.up.sql"],
    ["./9223372036854775808_x.up.sql: version is above 9223372036854775807"],
  ],
  [
    "several problems at once",
    ["003_x.down.sql", "003_x.uo.sql", "V1__x.sql", "002_y.up.SQL"],
    [
      "./002_y.up.SQL: is not named NNN_name.up.sql or NNN_name.down.sql (rename it to 002_y.up.sql)",
      "./003_x.uo.sql: is not named NNN_name.up.sql or NNN_name.down.sql (rename it to 003_x.up.sql)",
      "./V1__x.sql: is not named NNN_name.up.sql or NNN_name.down.sql (rename it to 1_x.up.sql)",
      "./003_x.down.sql: has no 003_x.up.sql beside it",
    ],
  ],
];
test.each(REFUSED)("%s: refused", (_title, files, problems) => {
  const folder = createFolder(filesNamed(...files));

  expect(problemsOf(() => readMigrations(folder), folder)).toEqual(problems);
});

test("wrong names and wrong bytes are reported together", () => {
  const folder = createFolder({
    "1_a.up.sql": Buffer.from([0xff, 0xfe]),
    "2_b.up.sql": "a\n\0",
    "3.sql": SQL,
  });

  expect(problemsOf(() => readMigrations(folder), folder)).toEqual([
    "./3.sql: is not named NNN_name.up.sql or NNN_name.down.sql (rename it to 3_name.up.sql)",
    "./1_a.up.sql:1: is UTF-16 (save it as UTF-8)",
    "./2_b.up.sql:2:1: holds a zero byte at offset 2",
  ]);
});

const WARNED: ReadonlyArray<readonly [title: string, files: readonly string[], warnings: readonly string[]]> =
  [
    [
      "a way back with another name",
      ["1_a.up.sql", "1_b.down.sql"],
      ["./1_b.down.sql: is the way back from 1_a.up.sql, but is named differently"],
    ],
    [
      "a migration in a folder of its own",
      ["1_a.up.sql", "old/2_b.up.sql"],
      ["./old: is a folder, and 2_b.up.sql in it is not read"],
    ],
    [
      "a migration with another ending",
      ["1_a.up.sql", "2_b.up.sql.txt"],
      ["./2_b.up.sql.txt: does not end in .sql and is not read"],
    ],
    [
      "numbers beside timestamps",
      ["7_a.up.sql", "20261123143000_b.up.sql"],
      [
        ".: mixes numbers (7_a.up.sql) with timestamps (20261123143000_b.up.sql) (a new number will come before every timestamp, out of order)",
      ],
    ],
  ];
test.each(WARNED)("%s: a warning", (_title, files, warnings) => {
  expect(warningsOf(createFolder(filesNamed(...files)))).toEqual(warnings);
});

test("a migration without a statement is a warning", () => {
  const folder = createFolder({ "1_a.up.sql": "-- later\n", "1_a.down.sql": "" });

  expect(warningsOf(folder)).toEqual(["./1_a.up.sql: holds no statement"]);
});

test("what is no migration and doesn't look like one is passed over", () => {
  const others = [
    ".gitkeep",
    ".hidden.sql",
    "README.md",
    "1_a.up.sql.bak",
    "1_a.up.sql.orig",
    "1_a.up.sql~",
    "lost+found/x",
  ];
  const folder = createFolder(filesNamed("1_a.up.sql", ...others));

  const { migrations, warnings } = readMigrations(folder);

  expect(migrations).toHaveLength(1);
  expect(warnings).toEqual([]);
});

test("a mounted ConfigMap holds every migration once", () => {
  const folder = createFolder();
  addConfigMap(folder, filesNamed("1_a.up.sql", "1_a.down.sql", "2_b.up.sql"));

  const { migrations, warnings } = readMigrations(folder);

  expect(migrations.map(({ name }) => name)).toEqual(["1_a", "2_b"]);
  expect(warnings).toEqual([]);
});

test("a link to nothing is refused", () => {
  const folder = createFolder(filesNamed("1_a.up.sql"));
  symlinkSync("..data/2_b.up.sql", join(folder, "2_b.up.sql"));

  expect(problemsOf(() => readMigrations(folder), folder)).toEqual([
    "./2_b.up.sql: is a symlink to nothing: ..data/2_b.up.sql",
  ]);
});

test("a folder that is missing, is a file or can't be entered is refused", () => {
  const folder = createFolder({ file: "" });
  mkdirSync(join(folder, "closed"));
  chmodSync(folder, 0o755);
  chmodSync(join(folder, "closed"), 0o000);
  const problemOf = (name: string) =>
    problemsOf(() => asOrdinaryUser(() => readMigrations(join(folder, name))), folder).join();

  expect(problemOf("missing")).toBe("./missing: does not exist");
  expect(problemOf("file")).toBe("./file: is not a folder");
  expect(problemOf("closed")).toContain("./closed: can't be read: permission denied (mode 0000");
});

test("the digest changes with any name and any byte of an up file, and with nothing else", () => {
  const digestOf = (files: Record<string, string>, which?: "ups") =>
    readMigrations(createFolder(files), which).digest;
  const files = { "1_a.up.sql": "select 1;", "2_b.up.sql": "select 2;" };
  const digest = digestOf(files);

  expect(digestOf({ ...files })).toBe(digest);
  expect(digestOf({ ...files, "1_a.down.sql": "select 0;" })).toBe(digest);
  expect(digestOf(files, "ups")).toBe(digest);
  expect(digestOf({ ...files, "1_a.up.sql": "select 1; " })).not.toBe(digest);
  expect(digestOf({ "1_a.up.sql": "select 1;", "2_c.up.sql": "select 2;" })).not.toBe(digest);
  expect(digestOf({ "1_a.up.sql": "select 1;select", "2_b.up.sql": " 2;" })).not.toBe(digest);
  expect(digestOf({ "1_a.up.sql": "select 1;" })).not.toBe(digest);
});

test("a down file is not read where only the way forward matters", () => {
  const folder = createFolder({ "1_a.up.sql": "select 1;", "1_a.down.sql": "select \0" });

  expect(readMigrations(folder, "ups").migrations.map(({ name, down }) => [name, down])).toEqual([
    ["1_a", undefined],
  ]);
  expect(() => readMigrations(folder)).toThrow();
});

test("more files than one buffer holds are told apart, and a wrong one is named", () => {
  const big = "x".repeat(300_000);
  const files = Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [`${index + 1}_f.up.sql`, `${index} ${big}`]),
  );
  const { migrations } = readMigrations(createFolder({ ...files, "20_long.up.sql": "y".repeat(2_000_000) }));

  expect(migrations.map(({ up }) => up.text.slice(0, 4))).toEqual([
    ...Array.from({ length: 12 }, (_, index) => `${index} ${big}`.slice(0, 4)),
    "yyyy",
  ]);
  const folder = createFolder({ ...files, "5_f.up.sql": `${big}\0` });
  expect(problemsOf(() => readMigrations(folder), folder)).toEqual([
    "./5_f.up.sql:1:300001: holds a zero byte at offset 300000",
  ]);
});
