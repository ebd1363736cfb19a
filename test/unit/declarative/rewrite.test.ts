import { expect, test } from "vitest";
import type { EngineAction, ManagedView } from "../../../src/declarative/engine/engine.ts";
import { rewrite } from "../../../src/declarative/rewrite.ts";
import { SlipwayError } from "../../../src/errors.ts";
import { actionOf, catalogOf, enginePlanOf, type FakeObject, fakeEngine } from "./support.ts";

interface Sides {
  readonly there?: readonly FakeObject[];
  readonly wanted?: readonly FakeObject[];
}

/** The statements in the order in which they would run. */
function rewritten(
  actions: readonly EngineAction[],
  { there = [], wanted = [] }: Sides = {},
): readonly string[] {
  const view: ManagedView = { current: catalogOf(...there), desired: catalogOf(...there, ...wanted) };
  return rewrite(fakeEngine, view, enginePlanOf(actions)).actions.map(({ sql }) => sql);
}

const ON_ONLY: ReadonlyArray<readonly [from: string, to: string]> = [
  ["CREATE INDEX i ON ONLY app.t USING btree (a)", "CREATE INDEX i ON app.t USING btree (a)"],
  ["CREATE UNIQUE INDEX i ON ONLY app.t USING btree (a)", "CREATE UNIQUE INDEX i ON app.t USING btree (a)"],
  [
    "CREATE INDEX CONCURRENTLY i ON ONLY app.t USING btree (a)",
    "CREATE INDEX CONCURRENTLY i ON app.t USING btree (a)",
  ],
  ['CREATE INDEX "We ird" ON ONLY app.t USING btree (a)', 'CREATE INDEX "We ird" ON app.t USING btree (a)'],
  [
    'CREATE UNIQUE INDEX "a ""b"" ON ONLY c" ON ONLY app."ON ONLY" USING btree (a)',
    'CREATE UNIQUE INDEX "a ""b"" ON ONLY c" ON app."ON ONLY" USING btree (a)',
  ],
  [
    "CREATE INDEX i ON ONLY app.t USING btree (a) WHERE (b = ' ON ONLY '::text)",
    "CREATE INDEX i ON app.t USING btree (a) WHERE (b = ' ON ONLY '::text)",
  ],
];
test.each(ON_ONLY)("%s builds on the partitions too", (from, to) => {
  const create = actionOf(from, { creates: ["index:app.i"], objects: ["table:app.t"] });

  expect(rewritten([create], { there: ["table:app.t"] })).toEqual([to]);
});

const LEFT: readonly EngineAction[] = [
  actionOf("CREATE INDEX i ON app.t USING btree (a) WHERE (b = ' ON ONLY '::text)", {
    creates: ["index:app.i"],
  }),
  actionOf('CREATE INDEX "i ON ONLY app.t" ON app.t USING btree (a)', { creates: ["index:app.i"] }),
  actionOf("CREATE INDEX i ON ONLY app.t USING btree (a)", { objects: ["index:app.i"] }),
  actionOf("COMMENT ON INDEX i IS 'CREATE INDEX i ON ONLY app.t'", { objects: ["index:app.i"] }),
  actionOf("CREATE FUNCTION app.f() … CREATE INDEX i ON ONLY app.t …", { creates: ["function:app.f()"] }),
];
for (const action of LEFT) {
  test(`${action.sql} is left as it is`, () => {
    expect(rewritten([action])).toEqual([action.sql]);
  });
}

const CREDENTIALS = [
  "CREATE SERVER s FOREIGN DATA WRAPPER f OPTIONS (password '__OPTION_PASSWORD__')",
  "CREATE SUBSCRIPTION s CONNECTION '__CONN_INFO__' PUBLICATION p",
];
test.each(CREDENTIALS)("%s would write a placeholder over a credential, and is refused", (sql) => {
  const action = actionOf(sql, { creates: ["server:s"] });

  const attempt = (): unknown => rewritten([actionOf("SELECT 1"), action]);

  expect(attempt).toThrow(SlipwayError);
  expect(attempt).toThrow("the plan would write a redacted credential (server:s)");
  expect(attempt).toThrow(expect.objectContaining({ code: "SOURCE_INVALID" }));
});

test("text that merely looks like a placeholder is no credential", () => {
  const sql = "COMMENT ON TABLE t IS '__option_x__ and OPTION_X and __OPTION__'";

  expect(rewritten([actionOf(sql)])).toEqual([sql]);
});

const addValue = (sql: string, type: string): EngineAction =>
  actionOf(sql, { objects: [`type:app.${type}`], commitAfter: true });

test("new values of enum types that are there come first, in their own order", () => {
  const actions = [
    actionOf("SET DEFAULT 'c'", { objects: ["default:app.t.x"] }),
    addValue("ADD VALUE 'c'", "e"),
    actionOf("CREATE TABLE n ()", { creates: ["table:app.n"] }),
    addValue("ADD VALUE 'd'", "e"),
  ];

  expect(rewritten(actions, { there: ["type:app.e"] })).toEqual([
    "ADD VALUE 'c'",
    "ADD VALUE 'd'",
    "SET DEFAULT 'c'",
    "CREATE TABLE n ()",
  ]);
});

test("a value of a type that the plan itself makes stays behind its type", () => {
  const actions = [
    actionOf("CREATE TYPE e", { creates: ["type:app.e"] }),
    addValue("ADD VALUE 'c'", "e"),
    actionOf("CREATE TABLE n ()", { creates: ["table:app.n"] }),
  ];

  expect(rewritten(actions, { wanted: ["type:app.e"] })).toEqual([
    "CREATE TYPE e",
    "ADD VALUE 'c'",
    "CREATE TABLE n ()",
  ]);
});

test("only what must be committed first is moved", () => {
  const actions = [
    actionOf("CREATE TABLE n ()", { creates: ["table:app.n"] }),
    actionOf("ALTER TYPE e OWNER TO x", { objects: ["type:app.e"] }),
    actionOf("ALTER TABLE t …", { objects: ["table:app.t"], commitAfter: true }),
  ];

  expect(rewritten(actions, { there: ["type:app.e", "table:app.t"] })).toEqual(actions.map(({ sql }) => sql));
});

type StepKind = NonNullable<EngineAction["step"]>["kind"];

const stepOf = (sql: string, kind: StepKind, column = "column:app.t.a"): EngineAction =>
  actionOf(sql, { objects: [column], step: { kind, column } });

test("of one column the default goes before the type changes, and comes back after it", () => {
  const actions = [
    stepOf("SET DEFAULT", "set default"),
    actionOf("CREATE TYPE e", { creates: ["type:app.e"] }),
    stepOf("SET NOT NULL", "set not null"),
    stepOf("TYPE", "set type"),
    stepOf("DROP DEFAULT", "drop default"),
    actionOf("CREATE VIEW v", { creates: ["view:app.v"] }),
  ];

  expect(rewritten(actions, { there: ["column:app.t.a", "default:app.t.a"] })).toEqual([
    "CREATE TYPE e",
    "DROP DEFAULT",
    "TYPE",
    "SET NOT NULL",
    "SET DEFAULT",
    "CREATE VIEW v",
  ]);
});

test("a default that is not there is not dropped", () => {
  const actions = [stepOf("DROP DEFAULT", "drop default"), stepOf("TYPE", "set type")];

  expect(rewritten(actions, { there: ["column:app.t.a"] })).toEqual(["TYPE"]);
});

test("a default that two changes of a column ask to be dropped is dropped once", () => {
  const actions = [
    stepOf("DROP DEFAULT", "drop default"),
    stepOf("DROP DEFAULT", "drop default"),
    stepOf("TYPE", "set type"),
  ];

  expect(rewritten(actions, { there: ["column:app.t.a", "default:app.t.a"] })).toEqual([
    "DROP DEFAULT",
    "TYPE",
  ]);
});

test("a column is NOT NULL before it becomes an identity", () => {
  const actions = [
    stepOf("ADD GENERATED", "add identity"),
    actionOf("CREATE VIEW v", { creates: ["view:app.v"] }),
    stepOf("SET NOT NULL", "set not null"),
  ];

  expect(rewritten(actions, { there: ["column:app.t.a"] })).toEqual([
    "SET NOT NULL",
    "ADD GENERATED",
    "CREATE VIEW v",
  ]);
});

test("a serial's default stays where it is when the column becomes an identity: its sequence goes after it", () => {
  const actions = [
    stepOf("DROP DEFAULT", "drop default"),
    actionOf("DROP SEQUENCE s", { drops: ["sequence:app.s"] }),
    stepOf("ADD GENERATED", "add identity"),
    stepOf("SET NOT NULL", "set not null"),
  ];

  expect(rewritten(actions, { there: ["column:app.t.a", "default:app.t.a", "sequence:app.s"] })).toEqual([
    "DROP DEFAULT",
    "DROP SEQUENCE s",
    "SET NOT NULL",
    "ADD GENERATED",
  ]);
});

test("an identity that a column with rows becomes goes on behind the highest of them", () => {
  const column = 'column:app."We ird".it\'s';
  const add = stepOf("ADD GENERATED", "add identity", column);

  const statements = rewritten([add], { there: ['table:app."We ird"', [column, 'table:app."We ird"']] });

  expect(statements).toHaveLength(2);
  expect(statements[1]).toContain(`pg_get_serial_sequence('"app"."We ird"', 'it''s')`);
  expect(statements[1]).toMatch(/max\(t\."it's"\).* FROM "app"\."We ird" t,/);
});

test("an identity of a column that is only now added has nothing to go on from", () => {
  const add = stepOf("ADD GENERATED", "add identity");

  expect(rewritten([add], { there: ["table:app.t"], wanted: [["column:app.t.a", "table:app.t"]] })).toEqual([
    "ADD GENERATED",
  ]);
});

test("columns are put in order each for itself, also where names need quotes", () => {
  const other = 'column:app."We ird"."A.b"';
  const actions = [
    stepOf("a SET DEFAULT", "set default"),
    stepOf("b SET DEFAULT", "set default", other),
    stepOf("a TYPE", "set type"),
    stepOf("b TYPE", "set type", other),
    stepOf("b DROP DEFAULT", "drop default", other),
  ];

  expect(rewritten(actions, { there: [other, 'default:app."We ird"."A.b"'] })).toEqual([
    "a TYPE",
    "a SET DEFAULT",
    "b DROP DEFAULT",
    "b TYPE",
    "b SET DEFAULT",
  ]);
});

test("steps of a column that keeps its type stay where they are", () => {
  const actions = [
    stepOf("SET DEFAULT", "set default"),
    actionOf("CREATE VIEW v", { creates: ["view:app.v"] }),
    stepOf("SET NOT NULL", "set not null"),
    stepOf("DROP DEFAULT", "drop default"),
  ];

  expect(rewritten(actions)).toEqual(actions.map(({ sql }) => sql));
});

test("grants on columns come after what is revoked from their table", () => {
  const acl = ["acl:(table:app.t).app"];
  const actions = [
    actionOf('GRANT SELECT ("a") ON TABLE "app"."t" TO "app"', { objects: acl }),
    actionOf('REVOKE ALL ("b") ON TABLE "app"."t" FROM "app"', { objects: acl }),
    actionOf('REVOKE ALL ON TABLE "app"."t" FROM "app"', { objects: acl }),
    actionOf('GRANT EXECUTE ON FUNCTION "app"."f"("x") TO "app"', {
      objects: ["acl:(function:app.f(x)).app"],
    }),
    actionOf("CREATE VIEW v", { creates: ["view:app.v"] }),
  ];

  expect(rewritten(actions)).toEqual([
    'REVOKE ALL ON TABLE "app"."t" FROM "app"',
    'GRANT EXECUTE ON FUNCTION "app"."f"("x") TO "app"',
    "CREATE VIEW v",
    'GRANT SELECT ("a") ON TABLE "app"."t" TO "app"',
    'REVOKE ALL ("b") ON TABLE "app"."t" FROM "app"',
  ]);
});

const VIRTUAL = { parent: "table:app.n", generated: { expression: "(a * 2)", virtual: true } };
const STORED = { parent: "table:app.n", generated: { expression: "(a * 2)", virtual: false } };

test("a generated column that is declared VIRTUAL is written so, and its neighbours are not", () => {
  const create = actionOf(
    'CREATE TABLE "app"."n" ("a" integer, "s" integer GENERATED ALWAYS AS ((a * 2)) STORED, "v" integer GENERATED ALWAYS AS ((a * 2)) STORED)',
    { creates: ["table:app.n", "column:app.n.a", "column:app.n.s", "column:app.n.v"] },
  );

  const statements = rewritten([create], {
    wanted: ["table:app.n", ["column:app.n.s", STORED], ["column:app.n.v", VIRTUAL]],
  });

  expect(statements).toEqual([
    'CREATE TABLE "app"."n" ("a" integer, "s" integer GENERATED ALWAYS AS ((a * 2)) STORED, "v" integer GENERATED ALWAYS AS ((a * 2)) VIRTUAL)',
  ]);
});

test("a VIRTUAL column that is added is written so", () => {
  const add = actionOf('ALTER TABLE "app"."n" ADD COLUMN "v" integer GENERATED ALWAYS AS ((a * 2)) STORED', {
    creates: ["column:app.n.v"],
  });

  expect(rewritten([add], { wanted: [["column:app.n.v", VIRTUAL]] })).toEqual([
    'ALTER TABLE "app"."n" ADD COLUMN "v" integer GENERATED ALWAYS AS ((a * 2)) VIRTUAL',
  ]);
});

test("a column that is to change between STORED and VIRTUAL is refused, there is no ALTER for it", () => {
  const view: ManagedView = {
    current: catalogOf(["column:app.n.v", STORED]),
    desired: catalogOf(["column:app.n.v", VIRTUAL]),
  };

  const attempt = (): unknown => rewrite(fakeEngine, view, enginePlanOf([]));

  expect(attempt).toThrow("column app.n.v cannot change between STORED and VIRTUAL in place");
  expect(attempt).toThrow(expect.objectContaining({ code: "SOURCE_INVALID" }));
});

test("edits and settings of the plan are passed on", () => {
  const edits = [{ id: "table:app.t", property: "rowSecurity", from: true, to: false }];
  const settings = [{ name: "check_function_bodies", value: "off" }];
  const view: ManagedView = { current: catalogOf(), desired: catalogOf() };

  const plan = rewrite(fakeEngine, view, { actions: [], edits, settings });

  expect(plan).toEqual({ actions: [], edits, settings });
});
