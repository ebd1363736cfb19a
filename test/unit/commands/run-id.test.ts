import { expect, test } from "vitest";
import { createRunId } from "../../../src/commands/run-id.ts";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("a run id is a UUID of version 7 and of the RFC's variant, each time another", () => {
  const ids = Array.from({ length: 200 }, () => createRunId(1_700_000_000_000));

  for (const id of ids) expect(id).toMatch(UUID_V7);
  expect(new Set(ids).size).toBe(200);
});

test("a run id begins with the milliseconds since 1970", () => {
  expect(createRunId(0)).toMatch(/^00000000-0000-7/);
  expect(createRunId(0x0123_4567_89ab)).toMatch(/^01234567-89ab-7/);
  expect(createRunId(2 ** 48 - 1)).toMatch(/^ffffffff-ffff-7/);
});

test("run ids sort as their runs started", () => {
  const times = [0, 1, 255, 65_536, 1_700_000_000_000, 1_700_000_000_001, 1_800_000_000_000, 2 ** 48 - 1];

  const ids = times.map((time) => createRunId(time));

  expect(ids.toSorted()).toEqual(ids);
});
