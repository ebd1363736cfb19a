import { expect, test } from "vitest";
import { describeHolder, lockKey } from "../../../src/postgres/lock.ts";

test("the key of the run lock is the same in every release: old and new pods meet at it", () => {
  expect(lockKey("migrations")).toBe(744_188_088_661_285_639n);
});

const SCHEMAS = ["migrations", "slipway", "Migrations", "migrations ", "größe", ""];

test("runs that keep their records in different schemas have different keys", () => {
  const keys = SCHEMAS.map(lockKey);

  expect(new Set(keys).size).toBe(SCHEMAS.length);
  expect(SCHEMAS.map(lockKey)).toEqual(keys);
});

test("every key fits PostgreSQL's bigint", () => {
  const keys = Array.from({ length: 500 }, (_, index) => lockKey(`schema_${index}`));

  expect(keys.every((key) => BigInt.asIntN(64, key) === key)).toBe(true);
  expect(keys.some((key) => key < 0n)).toBe(true);
});

test("whoever holds the lock is named so that a person finds it in pg_stat_activity", () => {
  const holder = {
    pid: 4711,
    application: "slipway/0.1.0 shop-7d9f 0192f3c1",
    user: "app",
    client: "10.1.2.3",
    state: "active",
    heldSeconds: 12,
  };

  expect(describeHolder(holder)).toBe(
    "pid 4711 (slipway/0.1.0 shop-7d9f 0192f3c1, user app, from 10.1.2.3, active)",
  );
  expect(describeHolder({ ...holder, application: "" })).toContain("(no application_name, user app");
});
