import { expect, test } from "vitest";
import type { History } from "../../../src/migrations/reconcile.ts";
import { bootstrapPhase } from "../../../src/phases/bootstrap.ts";
import { type DeclarativePlan, declarativePhase, supersededWords } from "../../../src/phases/declarative.ts";
import { userPhase } from "../../../src/phases/user.ts";
import { readScript } from "../../../src/sql/script.ts";
import { changeOf, planOf } from "../declarative/support.ts";

const { script } = readScript({ path: "bootstrap.sql", text: "create role app" }, {});

const REASONS = ["first run", "file changed", "server changed"] as const;
test.each(REASONS)("bootstrap says that it is to run, and why: %s", (reason) => {
  expect(bootstrapPhase.pendingOf({ script, reason })).toEqual([`bootstrap.sql is to run: ${reason}`]);
});

test("bootstrap has nothing to say without a file, or when nothing changed", () => {
  expect(bootstrapPhase.pendingOf(undefined)).toEqual([]);
  expect(bootstrapPhase.pendingOf({ script, reason: undefined })).toEqual([]);
});

const changeWith = (changes: readonly ReturnType<typeof changeOf>[]): DeclarativePlan => ({
  kind: "change",
  plan: planOf(changes, { id: "0d6c5b1f3a2e4987" }),
  input: {} as Extract<DeclarativePlan, { kind: "change" }>["input"],
  goesBack: false,
  unseen: [],
});

const PLANS: ReadonlyArray<readonly [plan: DeclarativePlan, lines: readonly string[]]> = [
  [{ kind: "off" }, []],
  [{ kind: "unchanged" }, []],
  [{ kind: "kept", warning: { message: "superseded" } }, []],
  [{ kind: "install", files: 12 }, ["the schema is to be installed from 12 files"]],
  [changeWith([]), []],
  [
    changeWith([
      changeOf("CREATE TABLE a ()", { verb: "create" }),
      changeOf("DROP TABLE b", { verb: "drop", class: "destructive" }),
    ]),
    ["plan 0d6c5b1f3a2e4987: 1 to create, 1 to drop (1 destructive)"],
  ],
];
for (const [plan, lines] of PLANS) {
  test(`a declarative plan of kind ${plan.kind} says: ${lines.join() || "nothing"}`, () => {
    expect(declarativePhase.pendingOf(plan)).toEqual(lines);
  });
}

test("files that were superseded are named by when they were applied", () => {
  expect(supersededWords(new Date("2026-01-02T03:04:05.678Z"))).toBe(
    "these schema files were applied at 2026-01-02T03:04:05.678Z and superseded since; the newer schema is left as it is",
  );
});

test("user migrations that are to run are named one by one", () => {
  const pending = ["003_a", "004_b"].map((name) => ({ migration: { name }, row: undefined }));
  const history = { pending, warnings: [], appliedVersion: 2n, applied: 2 } as unknown as History;

  expect(userPhase.pendingOf(history)).toEqual(["migration 003_a is to run", "migration 004_b is to run"]);
  expect(userPhase.pendingOf(undefined)).toEqual([]);
});
