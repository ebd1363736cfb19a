import { readFileSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listFolder, readUnchanged } from "../../../src/source/folder.ts";
import { addConfigMap, addFiles, createFolder } from "./support.ts";

/** What the kubelet does: a new folder of files, and one rename that makes it the current one. */
function swap(folder: string, generation: string, files: Readonly<Record<string, string>>): void {
  addFiles(join(folder, generation), files);
  symlinkSync(generation, join(folder, "..data_tmp"));
  renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
}

test("a ConfigMap that changes while it is read is read again", () => {
  const folder = createFolder();
  addConfigMap(folder, { a: "old", b: "old" });
  let reads = 0;

  const found = readUnchanged([folder], () => {
    const a = readFileSync(join(folder, "a"), "utf8");
    if (reads++ === 0) swap(folder, "..2026_later", { a: "new", b: "new" });
    return [a, readFileSync(join(folder, "b"), "utf8")];
  });

  expect(found).toEqual(["new", "new"]);
  expect(reads).toBe(2);
});

test("a folder that stays as it is, is read once", () => {
  let reads = 0;

  readUnchanged([createFolder(), "/nowhere"], () => reads++);

  expect(reads).toBe(1);
});

test("entries come in code-unit order, dot names left out, links followed", () => {
  const folder = createFolder({ b: "", a: "", B: "", ä: "", ".hidden": "", "folder/x": "" });
  symlinkSync("folder", join(folder, "link"));

  expect(listFolder(folder).entries.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
    "B file",
    "a file",
    "b file",
    "folder folder",
    "link folder",
    "ä file",
  ]);
});
