import { expect, test } from "vitest";
import {
  type Change,
  destructiveChanges,
  formatTotals,
  planId,
  segmentsOf,
  totalsOf,
} from "../../../src/declarative/plan.ts";
import { changeOf, planOf } from "./support.ts";

const A = changeOf("CREATE TABLE a ()", { verb: "create" });
const B = changeOf("ALTER TABLE b ADD c int");
const C = changeOf("DROP TABLE c", { verb: "drop", class: "destructive" });
const ENUM = changeOf("ALTER TYPE t ADD VALUE 'x'", { commitAfter: true });
const ALONE = changeOf("CREATE INDEX CONCURRENTLY i ON a (b)", { verb: "create", transactional: false });

test("a plan's id is sixteen hexadecimal digits, the same each time it is computed", () => {
  const id = planId("source", [A, B]);

  expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(planId("source", [{ ...A }, { ...B }])).toBe(id);
});

test("a plan's id is the same in every release: people have approved it", () => {
  expect(planId("source", [A, B])).toBe("f40be0fdccdc3260");
});

const OTHERS: ReadonlyArray<readonly [what: string, source: string, changes: readonly Change[]]> = [
  ["another state of the database", "other", [A, B]],
  ["another order", "source", [B, A]],
  ["a statement more", "source", [A, B, C]],
  ["a statement less", "source", [A]],
  ["nothing", "source", []],
  ["another statement", "source", [A, { ...B, sql: "ALTER TABLE b ADD c bigint" }]],
  ["a blank more", "source", [A, { ...B, sql: `${B.sql} ` }]],
  ["a statement outside of the transaction", "source", [A, { ...B, transactional: false }]],
  ["a commit in between", "source", [{ ...A, commitAfter: true }, B]],
  ["two statements run together", "source", [{ ...A, sql: `${A.sql};${B.sql}` }]],
];
test.each(OTHERS)("%s is another plan", (_, source, changes) => {
  expect(planId(source, changes)).not.toBe(planId("source", [A, B]));
});

test("how a change is judged or shown is no part of the plan's id", () => {
  const judged: Change = {
    ...B,
    class: "destructive",
    hazards: ["data loss"],
    object: "column b.c",
    group: "table b",
    lock: "share",
  };

  expect(planId("source", [A, judged])).toBe(planId("source", [A, B]));
});

/** A segment's statements by their first letters: `[…]` for a transaction, bare outside of one. */
function shapeOf(changes: readonly Change[]): string {
  const letters = new Map([
    [A, "a"],
    [B, "b"],
    [C, "c"],
    [ENUM, "e"],
    [ALONE, "i"],
  ]);
  return segmentsOf(changes)
    .map((segment) => {
      const inside = segment.changes.map((change) => letters.get(change)).join("");
      return segment.transactional ? `[${inside}]` : inside;
    })
    .join(" ");
}

const SEGMENTS: ReadonlyArray<readonly [changes: readonly Change[], shape: string]> = [
  [[], ""],
  [[A], "[a]"],
  [[A, B, C], "[abc]"],
  [[ALONE], "i"],
  [[A, ALONE, B], "[a] i [b]"],
  [[ALONE, ALONE, A], "i i [a]"],
  [[A, ENUM, B], "[ae] [b]"],
  [[ENUM, ENUM, A], "[e] [e] [a]"],
  [[A, ENUM], "[ae]"],
  [[ENUM, ALONE, A], "[e] i [a]"],
];
for (const [changes, shape] of SEGMENTS) {
  test(`${changes.length} changes are put into what succeeds or fails together: ${shape || "nothing"}`, () => {
    expect(shapeOf(changes)).toBe(shape);
  });
}

test("no change is lost or moved by being put into segments", () => {
  const changes = [A, ENUM, B, ALONE, C, A, B, ENUM, ALONE, ALONE, C];

  expect(segmentsOf(changes).flatMap((segment) => segment.changes)).toEqual(changes);
});

test("changes are counted by what they do, and the destructive ones apart", () => {
  const plan = planOf([A, A, B, C, { ...B, class: "destructive" }]);

  expect(totalsOf(plan)).toEqual({ create: 2, alter: 2, drop: 1, destructive: 2 });
  expect(destructiveChanges(plan).map(({ verb }) => verb)).toEqual(["drop", "alter"]);
});

const TOTALS: ReadonlyArray<readonly [changes: readonly Change[], words: string]> = [
  [[], "no changes"],
  [[A], "1 to create"],
  [[B, B], "2 to alter"],
  [[C], "1 to drop (1 destructive)"],
  [[A, A, A, B, C], "3 to create, 1 to alter, 1 to drop (1 destructive)"],
];
for (const [changes, words] of TOTALS) {
  test(`a plan of ${changes.length} changes is summed up: ${words}`, () => {
    expect(formatTotals(totalsOf(planOf(changes)))).toBe(words);
  });
}
