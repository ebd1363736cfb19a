import { expect, test } from "vitest";
import {
  finishedStatus,
  NOT_REACHED,
  type RunStatus,
  runningStatus,
} from "../../../src/kubernetes/status.ts";
import { rowOf, saysTheSame } from "../../../src/kubernetes/status-data.ts";
import type { PhaseRecord } from "../../../src/records/runs.ts";

const IDENTITY = { runId: "r1", pod: "p1", release: "0.1.0", startedAt: "2026-01-02T03:04:05.000Z" };

const DONE: readonly PhaseRecord[] = NOT_REACHED.map((record) => ({ ...record, outcome: "unchanged" }));

function finished(error?: unknown, phases = DONE): RunStatus {
  const end = { phases, schemaFingerprint: "f", userVersion: 12n, message: "Done", error };
  return finishedStatus(IDENTITY, end, [], 1_024);
}

test("what is written for a database of a list is two keys of its own", () => {
  const row = rowOf("heron");

  const data = row.toData(finished());

  expect(row).toMatchObject({ fieldManager: "slipway-heron", approvedBy: "approve.slipway.dev/heron" });
  expect(Object.keys(data)).toEqual(["heron", "heron.json"]);
  expect(data["heron"]).toBe("Succeeded unchanged version=12: Done");
  expect(row.read(data)).toMatchObject({ phase: "Succeeded", userVersion: "12" });
});

test.each([
  undefined,
  {},
  { "status.json": "{" },
  { "status.json": "[]" },
  { "status.json": '{"apiVersion":"v2"}' },
])("data %j holds no status that can be read", (data) => {
  expect(rowOf(undefined).read(data)).toBeUndefined();
});

test("another run that found the same says the same", () => {
  const other = {
    ...finished(),
    runId: "r2",
    pod: "p2",
    startedAt: "2026-02-03T00:00:00.000Z",
    finishedAt: "2026-02-03T00:00:01.000Z",
    phases: DONE.map((record) => ({ ...record, durationMs: 9 })),
  };

  expect(saysTheSame(finished(), other)).toBe(true);
  expect(saysTheSame(finished(), { ...other, message: "Other" })).toBe(false);
  expect(saysTheSame(finished(), { ...other, phases: NOT_REACHED })).toBe(false);
});

test("a condition keeps the time at which its status became what it is", () => {
  const early = "2025-01-01T00:00:00.000Z";
  const before = finished().conditions.map((condition) => ({ ...condition, lastTransitionTime: early }));

  const now = finishedStatus(
    IDENTITY,
    { phases: NOT_REACHED, schemaFingerprint: "", userVersion: undefined, message: "Done", error: undefined },
    before,
    1_024,
  );

  const kept = now.conditions.filter(({ lastTransitionTime }) => lastTransitionTime === early);
  expect(kept.map(({ type }) => type)).toEqual(["Ready", "Reconciling", "Stalled"]);
});

test("no secret gets into a status, and no text of any length", () => {
  const status = finished(new Error(`password=hunter22 ${"x".repeat(10_000)}`));

  const text = rowOf(undefined).toData(status)["status.json"] ?? "";
  expect(text).not.toContain("hunter22");
  expect(Buffer.byteLength(text)).toBeLessThan(40_000);
});

test("a run that goes on keeps the versions that stood before it", () => {
  const at = { kind: "step", phase: "user", what: "migration 2_b", step: 2, steps: 7 } as const;

  const status = runningStatus(IDENTITY, at, NOT_REACHED, finished());

  expect(status).toMatchObject({
    phase: "Migrating",
    message: "user phase, 2 of 7: migration 2_b",
    schemaFingerprint: "f",
    userVersion: "12",
    finishedAt: "",
  });
});
