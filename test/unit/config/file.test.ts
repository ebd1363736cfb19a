import { expect, test } from "vitest";
import { loadSettingsFile, parseSettingsFile } from "../../../src/config/file.ts";
import { formatPlace, formatProblem } from "../../../src/errors.ts";

function missing(): never {
  throw Object.assign(new Error("no such file"), { code: "ENOENT" });
}

test("nesting becomes dots, and every value knows its place", async () => {
  const text = ["lockWait: 5m", "database:", "  url: 'postgres://db'", ""].join("\n");

  const { entries, problems } = await parseSettingsFile("slipway.yaml", text);

  expect(problems).toEqual([]);
  expect(
    entries.map(({ name, text, at, valueAt }) => [name, text, formatPlace(at), formatPlace(valueAt)]),
  ).toEqual([
    ["lockWait", "5m", "slipway.yaml:1:1", "slipway.yaml:1:11"],
    ["database.url", "postgres://db", "slipway.yaml:3:3", "slipway.yaml:3:8"],
  ]);
});

const VALUES: ReadonlyArray<readonly [yaml: string, text: string | undefined]> = [
  ["approve: [a, b]", "a,b"],
  ["approve:\n  - a\n  - b", "a,b"],
  ["approve: 12e45", "12e45"],
  ["approve: 007", "007"],
  ["approve: [0x1f, 1_0]", "0x1f,1_0"],
  ["approve: off", "off"],
  ["approve: true", "true"],
  ["approve: ''", ""],
  ["approve:", undefined],
  ["approve: ~", undefined],
  ["approve: {}", undefined],
];
test.each(VALUES)("%j gives %j, as a person wrote it", async (yaml, text) => {
  const { entries } = await parseSettingsFile("slipway.yaml", yaml);

  expect(entries).toHaveLength(1);
  expect(entries[0]).toMatchObject({ name: "approve" });
  expect(entries[0]?.text).toBe(text);
});

test.each(["", "# nothing yet\n", "---\n"])("%j sets nothing", async (yaml) => {
  expect(await parseSettingsFile("slipway.yaml", yaml)).toEqual({
    path: "slipway.yaml",
    entries: [],
    problems: [],
  });
});

const BROKEN: ReadonlyArray<readonly [yaml: string, problem: string]> = [
  ["a: 1\na: 2", "x.yaml:2:1: map keys must be unique"],
  ["a: [1", "x.yaml:1:6: flow sequence in block collection must be sufficiently indented and end with a ]"],
  ["a: 1\n---\nb: 2", "x.yaml:2:1: must be one YAML document"],
  ["- a", "x.yaml:1:1: must hold lines of name: value"],
  ["a: [b, {c: d}]", "x.yaml:1:4: must be one value or a list of values"],
  ["a: &x b\nc: *x", "x.yaml:2:4: must be one value or a list of values"],
  ["é: 'ü' ü", "x.yaml:1:8: unexpected scalar at node end"],
];
test.each(BROKEN)("%j is reported with line and column", async (yaml, problem) => {
  const { problems } = await parseSettingsFile("x.yaml", yaml);

  expect(problems.map(formatProblem)[0]).toBe(problem);
});

test.each(["url: 's3cret", "url: a 's3cret'\n  s3cret: b", "'x' s3cret", "url: !s3 s3cret", "%s3cret"])(
  "a YAML error in %j doesn't quote the file",
  async (yaml) => {
    const { problems } = await parseSettingsFile("x.yaml", yaml);

    expect(problems).not.toEqual([]);
    expect(JSON.stringify(problems)).not.toContain("s3cret");
  },
);

test("./slipway.yaml is read where there is one", async () => {
  const readFile = (path: string) => (path === "slipway.yaml" ? "drift: warn" : missing());

  const file = await loadSettingsFile({ env: {}, readFile });

  expect(file?.entries).toMatchObject([{ name: "drift", text: "warn" }]);
});

test("without ./slipway.yaml there is no settings file and no problem", async () => {
  expect(await loadSettingsFile({ env: { SLIPWAY_CONFIG: "" }, readFile: missing })).toBeUndefined();
});

const CHOSEN: ReadonlyArray<readonly [flag: string | undefined, variable: string | undefined, path: string]> =
  [
    ["/flag.yaml", "/variable.yaml", "/flag.yaml"],
    [undefined, "/variable.yaml", "/variable.yaml"],
    [undefined, undefined, "slipway.yaml"],
  ];
test.each(CHOSEN)("with --config %s and SLIPWAY_CONFIG %s the file is %s", async (flag, variable, path) => {
  const asked: string[] = [];
  const readFile = (file: string) => {
    asked.push(file);
    return "";
  };

  await loadSettingsFile({ flag, env: { SLIPWAY_CONFIG: variable }, readFile });

  expect(asked).toEqual([path]);
});

test("a file that was asked for and can't be read is a problem of the one who asked", async () => {
  const denied = (): never => {
    throw Object.assign(new Error("denied"), { code: "EACCES" });
  };
  const problemsOf = async (choice: Parameters<typeof loadSettingsFile>[0]) =>
    (await loadSettingsFile(choice))?.problems.map(formatProblem);

  expect(await problemsOf({ flag: "/a.yaml", env: {}, readFile: missing })).toEqual([
    "--config: /a.yaml does not exist",
  ]);
  expect(await problemsOf({ env: { SLIPWAY_CONFIG: "/b.yaml" }, readFile: denied })).toEqual([
    "SLIPWAY_CONFIG: /b.yaml can't be read: EACCES",
  ]);
  expect(await problemsOf({ env: {}, readFile: denied })).toEqual([
    "slipway.yaml: slipway.yaml can't be read: EACCES",
  ]);
});
