import { expect, test } from "vitest";
import { findNearest } from "../../../src/config/nearest.ts";

const KNOWN = ["lockWait", "lockTimeout", "log.level", "drift"];

const CASES: ReadonlyArray<readonly [name: string, nearest: string | undefined]> = [
  ["lockWiat", "lockWait"],
  ["lock_wait", "lockWait"],
  ["LOCK-WAIT", "lockWait"],
  ["lockTimeouts", "lockTimeout"],
  ["loglevel", "log.level"],
  ["drfit", "drift"],
  ["colour", undefined],
  ["", undefined],
];
test.each(CASES)("%j is nearest to %j", (name, nearest) => {
  expect(findNearest(name, KNOWN)).toBe(nearest);
});
