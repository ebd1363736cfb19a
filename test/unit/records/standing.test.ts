import { expect, test } from "vitest";
import type { RunSignatures } from "../../../src/records/runs.ts";
import {
  didTheSame,
  type EndedRun,
  findUpToDate,
  type LastRun,
  type Standing,
} from "../../../src/records/standing.ts";

type DoneRun = LastRun & RunSignatures;

const NOW = { catalog: "c1", bootstrap: "b1", ledger: "l1" };

function run(sourceHash: string, particulars: Partial<DoneRun> = {}): DoneRun {
  return {
    sourceHash,
    ...NOW,
    phases: [],
    userVersion: undefined,
    finishedAt: new Date(0),
    statusConfigMap: undefined,
    ...particulars,
  };
}

const standing = (...runs: readonly DoneRun[]): Standing => ({ now: NOW, runs });

test("a database is up to date when the run that was asked for the same left it as it is", () => {
  const last = run("files");

  expect(findUpToDate(standing(last), "files")).toBe(last);
});

test("so it is when another release, which kept its hands off, has run in between", () => {
  const last = run("files");

  expect(findUpToDate(standing(run("older files"), last), "files")).toBe(last);
});

test("a database whose run was shown elsewhere, or nowhere, is not up to date where a status is asked for", () => {
  const shown = run("files", { statusConfigMap: "shop/status" });

  expect(findUpToDate(standing(shown), "files", "shop/status")).toBe(shown);
  expect(findUpToDate(standing(shown), "files", "shop/other")).toBeUndefined();
  expect(findUpToDate(standing(run("files")), "files", "shop/status")).toBeUndefined();
  expect(findUpToDate(standing(shown), "files")).toBe(shown);
});

const PENDING: ReadonlyArray<readonly [what: string, standing: Standing | undefined]> = [
  ["before the first run", undefined],
  ["before the first complete run", standing()],
  ["when other files are asked for", standing(run("others"))],
  ["when the catalog moved", standing(run("files", { catalog: "c2" }))],
  ["when the roles or extensions moved", standing(run("files", { bootstrap: "b2" }))],
  ["when the ledger was edited", standing(run("files", { ledger: "l2" }))],
  ["when only a run before the newest left it so", standing(run("files", { catalog: "c2" }), run("files"))],
];
test.each(PENDING)("a database is not up to date %s", (_, found) => {
  expect(findUpToDate(found, "files")).toBeUndefined();
});

test("whoever waits takes the word of a complete run that was asked for the same, and shown where it has to be", () => {
  const end: EndedRun = {
    ...run("files"),
    id: "1",
    isDone: true,
    sourceHash: "files",
    statusConfigMap: "shop/status",
  };

  expect(didTheSame(end, "files")).toBe(true);
  expect(didTheSame(end, "files", "shop/status")).toBe(true);
  expect(didTheSame(end, "files", "shop/other")).toBe(false);
  expect(didTheSame(end, "other files")).toBe(false);
  expect(didTheSame({ ...end, isDone: false }, "files")).toBe(false);
});
