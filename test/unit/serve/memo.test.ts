import { expect, test } from "vitest";
import { Memo } from "../../../src/serve/operations/memo.ts";

test("what was found out is found out again when its key is another, and not before", async () => {
  const memo = new Memo<number>();
  let times = 0;
  const findOut = async (): Promise<number> => ++times;

  const found = [await memo.find("a", findOut), await memo.find("a", findOut), await memo.find("b", findOut)];

  expect(found).toEqual([1, 1, 2]);
});

test("a failure is told again without another attempt", async () => {
  const memo = new Memo<number>();
  let times = 0;
  const fail = async (): Promise<number> => {
    times += 1;
    throw new Error("no");
  };

  await expect(memo.find("a", fail)).rejects.toThrow("no");
  await expect(memo.find("a", fail)).rejects.toThrow("no");

  expect(times).toBe(1);
});
