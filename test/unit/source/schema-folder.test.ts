import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { formatProblem } from "../../../src/errors.ts";
import { readSchemaFolder } from "../../../src/source/schema-folder.ts";
import { addConfigMap, addFiles, createFolder, problemsOf } from "./support.ts";

const SQL = "create schema a;";

function warningsOf(folder: string): readonly string[] {
  return readSchemaFolder(folder).warnings.map((warning) => formatProblem(warning).replaceAll(folder, "."));
}

test("a folder is its bootstrap, its schemas in the order of their paths, and its ignore file", () => {
  const folder = createFolder({
    "bootstrap.sql": "create role app;",
    "schemas/b.sql": SQL,
    "schemas/B.sql": SQL,
    "schemas/a/z.sql": SQL,
    "schemas/a.sql": SQL,
    "schemas/a/deep/er.sql": SQL,
    ".slipwayignore": "audit.*\n",
  });

  const { bootstrap, files, ignoreFile, warnings } = readSchemaFolder(folder);

  expect(bootstrap).toMatchObject({
    name: "bootstrap.sql",
    path: join(folder, "bootstrap.sql"),
    text: "create role app;",
  });
  expect(files?.map(({ name }) => name)).toEqual(["B.sql", "a.sql", "a/deep/er.sql", "a/z.sql", "b.sql"]);
  expect(files?.[1]).toMatchObject({ path: join(folder, "schemas/a.sql"), text: SQL });
  expect(ignoreFile).toMatchObject({ path: join(folder, ".slipwayignore"), text: "audit.*\n" });
  expect(warnings).toEqual([]);
});

test("either part may be missing", () => {
  const bootstrapOnly = readSchemaFolder(createFolder({ "bootstrap.sql": SQL }));
  const schemasOnly = readSchemaFolder(createFolder({ "schemas/a.sql": SQL }));

  expect(bootstrapOnly).toEqual({ bootstrap: expect.anything(), warnings: [] });
  expect(schemasOnly).toEqual({ files: [expect.objectContaining({ name: "a.sql" })], warnings: [] });
});

type Files = Readonly<Record<string, string>>;

const REFUSED: ReadonlyArray<readonly [title: string, files: Files, problems: readonly string[]]> = [
  ["a folder with neither part", {}, [".: holds neither bootstrap.sql nor schemas/"]],
  [
    "schemas/ without a file",
    { "bootstrap.sql": SQL, "schemas/.gitkeep": "" },
    ["./schemas: holds no SQL statement (to have no desired schema, remove schemas/)"],
  ],
  [
    "schemas/ with nothing but comments",
    { "schemas/a.sql": "", "schemas/b.sql": "-- create table t ();\n" },
    ["./schemas: holds no SQL statement (to have no desired schema, remove schemas/)"],
  ],
  ["schemas that is a file", { schemas: "" }, ["./schemas: is not a folder"]],
  [
    "bootstrap.sql that is a folder",
    { "bootstrap.sql/x": "" },
    ["./bootstrap.sql: is a folder where a file is expected"],
  ],
  [
    "a file whose ending is not quite .sql",
    { "schemas/a.sql": SQL, "schemas/b.SQL": SQL },
    ["./schemas/b.SQL: is not a regular file that ends in .sql (rename it to b.sql)"],
  ],
  [
    "wrong bytes in several files",
    { "bootstrap.sql": "\0", "schemas/a.sql": "\0", ".slipwayignore": "\0" },
    [
      "./bootstrap.sql:1:1: holds a zero byte at offset 0",
      "./schemas/a.sql:1:1: holds a zero byte at offset 0",
      "./.slipwayignore:1:1: holds a zero byte at offset 0",
    ],
  ],
];
test.each(REFUSED)("%s: refused", (_title, files, problems) => {
  const folder = createFolder(files);

  expect(problemsOf(() => readSchemaFolder(folder), folder)).toEqual(problems);
});

test("a missing folder is one problem", () => {
  const folder = createFolder();

  expect(problemsOf(() => readSchemaFolder(join(folder, "none")), folder)).toEqual([
    "./none: does not exist",
  ]);
});

test("files that stand where nobody reads them are warnings", () => {
  const folder = createFolder({
    "bootstrap.sql": SQL,
    "auth.sql": SQL,
    "notes.txt": "",
    "schemas/a.sql": SQL,
    "schemas/README.md": "",
    "schemas/readme": "",
    "schemas/.gitkeep": "",
    "schemas/a.sql.bak": SQL,
    "schemas/deep/notes.txt": "",
  });

  expect(warningsOf(folder)).toEqual([
    "./auth.sql: is not read (desired schemas are in schemas/)",
    "./schemas/a.sql.bak: does not end in .sql and is not read",
    "./schemas/deep/notes.txt: does not end in .sql and is not read",
  ]);
});

test("a mounted ConfigMap holds every file once", () => {
  const folder = createFolder();
  addConfigMap(folder, {
    "bootstrap.sql": SQL,
    "schemas/a.sql": SQL,
    "schemas/b.sql": SQL,
    ".slipwayignore": "x",
  });

  const { bootstrap, files, ignoreFile } = readSchemaFolder(folder);

  expect(bootstrap?.text).toBe(SQL);
  expect(files?.map(({ name }) => name)).toEqual(["a.sql", "b.sql"]);
  expect(ignoreFile?.text).toBe("x");
});

test("schemas/ may be a mounted ConfigMap of its own", () => {
  const folder = createFolder();
  addConfigMap(join(folder, "schemas"), { "a.sql": SQL });

  expect(readSchemaFolder(folder).files?.map(({ name }) => name)).toEqual(["a.sql"]);
});

test("a folder that is linked twice is read twice, and one that leads back to itself is refused", () => {
  const folder = createFolder();
  addFiles(folder, { "shared/x.sql": SQL, "schemas/a.sql": SQL });
  symlinkSync("../shared", join(folder, "schemas/one"));
  symlinkSync("../shared", join(folder, "schemas/two"));

  expect(readSchemaFolder(folder).files?.map(({ name }) => name)).toEqual([
    "a.sql",
    "one/x.sql",
    "two/x.sql",
  ]);

  symlinkSync("..", join(folder, "schemas/circle"));

  expect(problemsOf(() => readSchemaFolder(folder), folder).join()).toContain(
    "is a symlink that leads back to a folder above it",
  );
});
