import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { formatProblem } from "../../../src/errors.ts";
import { holdsNoStatement, readSqlFile } from "../../../src/source/text.ts";
import { asOrdinaryUser, createFolder } from "./support.ts";

function read(content: string | Uint8Array) {
  const folder = createFolder({ "a.sql": content });
  return readSqlFile(join(folder, "a.sql"), "sql/a.sql", "a.sql");
}

function checksumOf(content: string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

test("a file is its text, its names and its checksum", () => {
  const { file, problems } = read("select 'ü';");

  expect(problems).toEqual([]);
  expect([file?.path, file?.name]).toEqual(["sql/a.sql", "a.sql"]);
  expect([file?.text, file?.checksum]).toEqual(["select 'ü';", checksumOf("select 'ü';")]);
});

test("one byte order mark is taken off", () => {
  const { file } = read("\uFEFF\uFEFFselect 1;");

  expect(file?.text).toBe("\uFEFFselect 1;");
  expect(file?.checksum).toBe(checksumOf("\uFEFFselect 1;"));
});

test("line ends are kept in the text", () => {
  expect(read("a\r\nb\rc\n").file?.text).toBe("a\r\nb\rc\n");
});

const SAME_CHECKSUM: ReadonlyArray<readonly [content: string]> = [
  ["select 'ü'\n  from t;"],
  ["select 'ü'\r\n  from t;"],
  ["select 'ü'\r  from t;"],
  ["select 'ü'\n  from t;\n"],
  ["select 'ü'\r\n  from t;\r\n\t \f\v\r\n"],
  ["\uFEFFselect 'ü'\n  from t;"],
];
test.each(SAME_CHECKSUM)("%j has the checksum of its plain form", (content) => {
  expect(read(content).file?.checksum).toBe(checksumOf("select 'ü'\n  from t;"));
});

test.each(["select 'ü'\n from t;", " select 'ü'\n  from t;", "select 'ü'\n\n  from t;"])(
  "%j has a checksum of its own",
  (content) => {
    expect(read(content).file?.checksum).not.toBe(checksumOf("select 'ü'\n  from t;"));
  },
);

test("files of any size are read whole", () => {
  for (const size of [0, 1, 65_535, 65_536, 65_537, 300_000]) {
    expect(read("x".repeat(size)).file?.text.length).toBe(size);
  }
});

test("a file read later leaves the earlier one as it was", () => {
  const { file } = read("select 'first';");
  read("select 'second and longer';");

  expect(file?.text).toBe("select 'first';");
});

const bytes = (...parts: ReadonlyArray<string | number>) =>
  Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : Buffer.from(part))));

const BROKEN: ReadonlyArray<readonly [title: string, content: Uint8Array, problem: string]> = [
  [
    "little-endian UTF-16",
    Buffer.from("\uFEFFselect 1;", "utf16le"),
    "sql/a.sql:1: is UTF-16 (save it as UTF-8)",
  ],
  ["big-endian UTF-16", bytes(0xfe, 0xff, 0, "x"), "sql/a.sql:1: is UTF-16 (save it as UTF-8)"],
  ["a zero byte", bytes("a\nb", 0, "c"), "sql/a.sql:2:2: holds a zero byte at offset 3"],
  [
    "Latin-1",
    bytes("-- ü\n-- d\n-- ", 0xe9, "t"),
    "sql/a.sql:3:4: byte 0xE9 at offset 14 is not UTF-8 (save the file as UTF-8)",
  ],
  [
    "a lone continuation",
    bytes("ü😀", 0x80),
    "sql/a.sql:1:3: byte 0x80 at offset 6 is not UTF-8 (save the file as UTF-8)",
  ],
  [
    "a sequence cut off by the end",
    bytes("a", 0xf0, 0x9f),
    "sql/a.sql:1:2: byte 0xF0 at offset 1 is not UTF-8 (save the file as UTF-8)",
  ],
  [
    "a sequence cut off by a line end",
    bytes(0xe2, 0x82, "\na"),
    "sql/a.sql:1:1: byte 0xE2 at offset 0 is not UTF-8 (save the file as UTF-8)",
  ],
  [
    "an overlong form",
    bytes("a\r\nb", 0xc0, 0x80),
    "sql/a.sql:2:2: byte 0xC0 at offset 4 is not UTF-8 (save the file as UTF-8)",
  ],
  [
    "a surrogate",
    bytes("\uFEFFa", 0xed, 0xa0, 0x80),
    "sql/a.sql:1:2: byte 0xED at offset 4 is not UTF-8 (save the file as UTF-8)",
  ],
];
test.each(BROKEN)("%s is reported with its place", (_title, content, problem) => {
  const { file, problems } = read(content);

  expect(file).toBeUndefined();
  expect(problems.map(formatProblem)).toEqual([problem]);
});

test("a file without permission is reported with mode and owners", () => {
  const folder = createFolder({ "a.sql": "x" });
  chmodSync(folder, 0o755);
  chmodSync(join(folder, "a.sql"), 0o000);

  const { problems } = asOrdinaryUser(() => readSqlFile(join(folder, "a.sql"), "a.sql", "a.sql"));

  expect(problems.map(formatProblem)).toEqual([
    expect.stringMatching(
      /^a\.sql: can't be read: permission denied \(mode 0000, owner \d+:\d+; this process runs as \d+:\d+\) \(in a ConfigMap or Secret volume set defaultMode to 0444\)$/,
    ),
  ]);
});

test("folders, missing files and links to nothing are told apart", () => {
  const folder = createFolder();
  mkdirSync(join(folder, "folder"));
  symlinkSync("nowhere", join(folder, "dangling"));
  symlinkSync("circle", join(folder, "circle"));
  const problemOf = (name: string) =>
    readSqlFile(join(folder, name), name, name).problems.map(formatProblem).join();

  expect(problemOf("folder")).toBe("folder: is a folder where a file is expected");
  expect(problemOf("missing")).toBe("missing: does not exist");
  expect(problemOf("dangling")).toBe("dangling: is a symlink to nothing: nowhere");
  expect(problemOf("circle")).toBe("circle: is a symlink that leads back to itself");
});

const STATEMENTS: ReadonlyArray<readonly [text: string, holdsNone: boolean]> = [
  ["", true],
  [" \n;\t; ", true],
  ["-- a comment", true],
  ["-- one\r\n-- two; select 1\n", true],
  ["/* a */ /* b /* nested */ select */ ; -- c", true],
  ["/* not closed", true],
  ["select 1", false],
  ["-- a\nselect 1", false],
  ["/* a */select 1", false],
  ["/* a /* b */ */ /x", false],
  ["- x", false],
];
test.each(STATEMENTS)("that %j holds no statement is %s", (text, holdsNone) => {
  expect(holdsNoStatement(text)).toBe(holdsNone);
});
