import { expect, test } from "vitest";
import { classify } from "../../../src/declarative/classify.ts";
import type { Edit, EngineAction, ManagedView } from "../../../src/declarative/engine/engine.ts";
import type { Change, ChangeClass, Hazard } from "../../../src/declarative/plan.ts";
import { actionOf, catalogOf, enginePlanOf, type FakeObject, fakeEngine } from "./support.ts";

const THERE: readonly FakeObject[] = [
  "schema:app",
  "table:app.t",
  ["column:app.t.a", "table:app.t"],
  ["default:app.t.a", "column:app.t.a"],
  ["constraint:app.t.c", "table:app.t"],
  ["policy:app.t.p", "table:app.t"],
  ["trigger:app.t.tr", "table:app.t"],
  ["rule:app.t.r", "table:app.t"],
  ["index:app.i", "table:app.t"],
  ["comment:(table:app.t)", "table:app.t"],
  ["acl:(table:app.t).app", "table:app.t"],
  "view:app.v",
  ["acl:(view:app.v).app", "view:app.v"],
  "materializedView:app.m",
  "sequence:app.s",
  "function:app.f()",
  ["acl:(function:app.f()).PUBLIC", "function:app.f()"],
  "type:app.e",
  ["typeAttribute:app.c.a", "type:app.c"],
  "domain:app.d",
  ["constraint:app.d.c", "domain:app.d"],
  "extension:pgcrypto",
  "publication:pub",
  "defaultPrivilege:postgres.app.r.app",
];

interface Case {
  readonly what: string;
  readonly actions: readonly EngineAction[];
  readonly edits?: readonly Edit[];
  /** In the desired schema besides what is there. */
  readonly wanted?: readonly FakeObject[];
  /** In the database; THERE unless given. */
  readonly there?: readonly FakeObject[];
  readonly expected: readonly (readonly [ChangeClass, ...Hazard[]])[];
}

function classified({ actions, edits = [], wanted = [], there = THERE }: Omit<Case, "expected">): Change[] {
  const dropped = new Set(actions.flatMap((action) => action.drops));
  const kept = there.filter((each) => !dropped.has(typeof each === "string" ? each : each[0]));
  const view: ManagedView = { current: catalogOf(...there), desired: catalogOf(...kept, ...wanted) };
  return classify(fakeEngine, view, enginePlanOf(actions, edits));
}

const EXCLUSIVE = { lock: "accessExclusive" } as const;

/** The actions and edits are those of pg-delta for the change that the case is named after. */
const CASES: readonly Case[] = [
  {
    what: "dropping a table",
    actions: [
      actionOf('DROP TABLE "app"."t"', {
        ...EXCLUSIVE,
        drops: ["table:app.t", "column:app.t.a"],
        objects: ["schema:app"],
        dataLoss: true,
      }),
    ],
    expected: [["destructive", "data loss"]],
  },
  {
    what: "dropping a column",
    actions: [
      actionOf('ALTER TABLE "app"."t" DROP COLUMN "a"', {
        ...EXCLUSIVE,
        drops: ["column:app.t.a"],
        objects: ["table:app.t"],
      }),
    ],
    expected: [["destructive", "data loss"]],
  },
  {
    what: "dropping a sequence, which the engine calls lossless",
    actions: [
      actionOf('DROP SEQUENCE "app"."s"', {
        ...EXCLUSIVE,
        drops: ["sequence:app.s"],
        objects: ["schema:app"],
      }),
    ],
    expected: [["destructive", "data loss"]],
  },
  {
    what: "dropping an attribute of a composite type",
    actions: [
      actionOf('ALTER TYPE "app"."c" DROP ATTRIBUTE "a" CASCADE', {
        drops: ["typeAttribute:app.c.a"],
        objects: ["type:app.c"],
      }),
    ],
    expected: [["destructive", "data loss"]],
  },
  {
    what: "dropping an extension",
    actions: [actionOf('DROP EXTENSION "pgcrypto"', { drops: ["extension:pgcrypto"] })],
    expected: [["destructive", "data loss"]],
  },
  {
    what: "dropping a policy",
    actions: [
      actionOf('DROP POLICY "p" ON "app"."t"', {
        ...EXCLUSIVE,
        drops: ["policy:app.t.p"],
        objects: ["table:app.t"],
      }),
    ],
    expected: [["destructive", "removes a guard"]],
  },
  {
    what: "dropping a constraint",
    actions: [
      actionOf('ALTER TABLE "app"."t" DROP CONSTRAINT "c"', {
        ...EXCLUSIVE,
        drops: ["constraint:app.t.c"],
        objects: ["table:app.t"],
      }),
    ],
    expected: [["destructive", "removes a guard"]],
  },
  {
    what: "dropping a domain's constraint",
    actions: [
      actionOf('ALTER DOMAIN "app"."d" DROP CONSTRAINT "c"', {
        drops: ["constraint:app.d.c"],
        objects: ["domain:app.d"],
      }),
    ],
    expected: [["destructive", "removes a guard"]],
  },
  {
    what: "dropping a trigger",
    actions: [
      actionOf('DROP TRIGGER "tr" ON "app"."t"', {
        ...EXCLUSIVE,
        drops: ["trigger:app.t.tr"],
        objects: ["table:app.t"],
      }),
    ],
    expected: [["destructive", "removes a guard"]],
  },
  {
    what: "dropping a grant",
    actions: [
      actionOf('REVOKE ALL ON TABLE "app"."t" FROM "app"', {
        drops: ["acl:(table:app.t).app"],
        objects: ["table:app.t", "role:app"],
      }),
    ],
    expected: [["destructive", "privileges revoked"]],
  },
  {
    what: "dropping a view, an index, a rule, a default, default privileges or a publication",
    actions: [
      actionOf('DROP VIEW "app"."v"', { ...EXCLUSIVE, drops: ["view:app.v"], objects: ["schema:app"] }),
      actionOf('DROP INDEX "app"."i"', { ...EXCLUSIVE, drops: ["index:app.i"], objects: ["table:app.t"] }),
      actionOf('DROP RULE "r" ON "app"."t"', {
        ...EXCLUSIVE,
        drops: ["rule:app.t.r"],
        objects: ["table:app.t"],
      }),
      actionOf('ALTER TABLE "app"."t" ALTER COLUMN "a" DROP DEFAULT', {
        ...EXCLUSIVE,
        drops: ["default:app.t.a"],
        objects: ["column:app.t.a"],
      }),
      actionOf('ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" REVOKE ALL ON TABLES FROM "app"', {
        drops: ["defaultPrivilege:postgres.app.r.app"],
        objects: ["role:postgres"],
      }),
      actionOf('DROP PUBLICATION "pub"', { drops: ["publication:pub"] }),
    ],
    expected: [
      ["destructive"],
      ["destructive"],
      ["destructive"],
      ["destructive"],
      ["destructive"],
      ["destructive"],
    ],
  },
  {
    what: "dropping a comment",
    actions: [
      actionOf('COMMENT ON TABLE "app"."t" IS NULL', {
        drops: ["comment:(table:app.t)"],
        objects: ["table:app.t"],
      }),
    ],
    expected: [["safe"]],
  },
  {
    what: "dropping a view and creating it anew",
    actions: [
      actionOf('DROP VIEW "app"."v"', { ...EXCLUSIVE, drops: ["view:app.v"], objects: ["schema:app"] }),
      actionOf('CREATE VIEW "app"."v" AS SELECT 1', { creates: ["view:app.v"], objects: ["schema:app"] }),
    ],
    edits: [{ id: "view:app.v", property: "def", from: "SELECT 1", to: "SELECT 2" }],
    wanted: ["view:app.v"],
    expected: [["safe"], ["safe"]],
  },
  {
    what: "dropping a constraint and adding it with another content",
    actions: [
      actionOf('ALTER TABLE "app"."t" DROP CONSTRAINT "c"', {
        ...EXCLUSIVE,
        drops: ["constraint:app.t.c"],
        objects: ["table:app.t"],
      }),
      actionOf('ALTER TABLE "app"."t" ADD CONSTRAINT "c" CHECK (a > 1)', {
        ...EXCLUSIVE,
        creates: ["constraint:app.t.c"],
        objects: ["table:app.t"],
      }),
    ],
    wanted: [["constraint:app.t.c", "table:app.t"]],
    expected: [["safe"], ["locking", "full scan", "may fail on existing data", "blocks reads"]],
  },
  {
    what: "dropping a materialized view and filling it anew",
    actions: [
      actionOf('DROP MATERIALIZED VIEW "app"."m"', {
        ...EXCLUSIVE,
        drops: ["materializedView:app.m"],
        dataLoss: true,
      }),
      actionOf('CREATE MATERIALIZED VIEW "app"."m" AS SELECT 2', { creates: ["materializedView:app.m"] }),
    ],
    wanted: ["materializedView:app.m"],
    expected: [["destructive", "data loss"], ["safe"]],
  },
  {
    what: "dropping a column and adding it with another collation",
    actions: [
      actionOf('ALTER TABLE "app"."t" DROP COLUMN "a"', {
        ...EXCLUSIVE,
        drops: ["column:app.t.a"],
        objects: ["table:app.t"],
        dataLoss: true,
      }),
      actionOf('ALTER TABLE "app"."t" ADD COLUMN "a" text COLLATE "C"', {
        ...EXCLUSIVE,
        creates: ["column:app.t.a"],
        objects: ["table:app.t"],
      }),
    ],
    wanted: [["column:app.t.a", "table:app.t"]],
    expected: [["destructive", "data loss"], ["safe"]],
  },
  {
    what: "narrowing a column's type",
    actions: [
      actionOf('ALTER TABLE "app"."t" ALTER COLUMN "a" TYPE integer USING "a"::integer', {
        ...EXCLUSIVE,
        objects: ["column:app.t.a"],
        rewrites: true,
      }),
    ],
    edits: [{ id: "column:app.t.a", property: "type", from: "bigint", to: "integer" }],
    expected: [["destructive", "data loss", "table rewrite", "may fail on existing data", "blocks reads"]],
  },
  {
    what: "widening a column's type",
    actions: [
      actionOf('ALTER TABLE "app"."t" ALTER COLUMN "a" TYPE bigint USING "a"::bigint', {
        ...EXCLUSIVE,
        objects: ["column:app.t.a"],
        rewrites: true,
      }),
    ],
    edits: [{ id: "column:app.t.a", property: "type", from: "integer", to: "bigint" }],
    expected: [["locking", "table rewrite", "blocks reads"]],
  },
  {
    what: "a default that gives way to a narrower type, and the type",
    actions: [
      actionOf('ALTER TABLE "app"."t" ALTER COLUMN "a" DROP DEFAULT', {
        ...EXCLUSIVE,
        objects: ["column:app.t.a"],
      }),
      actionOf('ALTER TABLE "app"."t" ALTER COLUMN "a" TYPE integer', {
        ...EXCLUSIVE,
        objects: ["column:app.t.a"],
        rewrites: true,
      }),
      actionOf('ALTER TABLE "app"."t" ALTER COLUMN "a" SET NOT NULL', {
        ...EXCLUSIVE,
        objects: ["column:app.t.a"],
      }),
    ],
    edits: [
      { id: "column:app.t.a", property: "type", from: "bigint", to: "integer" },
      { id: "column:app.t.a", property: "notNull", from: false, to: true },
    ],
    expected: [
      ["safe"],
      ["destructive", "data loss", "table rewrite", "may fail on existing data", "blocks reads"],
      ["locking", "full scan", "may fail on existing data", "blocks reads"],
    ],
  },
  {
    what: "DROP NOT NULL, which loosens a guard but loses nothing",
    actions: [
      actionOf('ALTER TABLE "app"."t" ALTER COLUMN "a" DROP NOT NULL', {
        ...EXCLUSIVE,
        objects: ["column:app.t.a"],
      }),
    ],
    edits: [{ id: "column:app.t.a", property: "notNull", from: true, to: false }],
    expected: [["locking", "removes a guard"]],
  },
  {
    what: "turning row level security off",
    actions: [
      actionOf('ALTER TABLE "app"."t" DISABLE ROW LEVEL SECURITY', {
        ...EXCLUSIVE,
        objects: ["table:app.t"],
      }),
    ],
    edits: [{ id: "table:app.t", property: "rowSecurity", from: true, to: false }],
    expected: [["destructive", "removes a guard"]],
  },
  {
    what: "no longer forcing row level security on the owner",
    actions: [
      actionOf('ALTER TABLE "app"."t" NO FORCE ROW LEVEL SECURITY', {
        ...EXCLUSIVE,
        objects: ["table:app.t"],
      }),
    ],
    edits: [{ id: "table:app.t", property: "forceRowSecurity", from: true, to: false }],
    expected: [["destructive", "removes a guard"]],
  },
  {
    what: "turning row level security on",
    actions: [
      actionOf('ALTER TABLE "app"."t" ENABLE ROW LEVEL SECURITY', { ...EXCLUSIVE, objects: ["table:app.t"] }),
    ],
    edits: [{ id: "table:app.t", property: "rowSecurity", from: false, to: true }],
    expected: [["safe"]],
  },
  {
    what: "granting to everyone on a table that is there",
    actions: [
      actionOf('GRANT SELECT ON TABLE "app"."t" TO PUBLIC', {
        verb: "create",
        objects: ["acl:(table:app.t).PUBLIC", "table:app.t"],
      }),
    ],
    wanted: [["acl:(table:app.t).PUBLIC", "table:app.t"]],
    expected: [["destructive", "privileges widened"]],
  },
  {
    what: "granting to everyone, with the option to pass it on",
    actions: [
      actionOf('GRANT SELECT,\n INSERT ON TABLE "app"."t" TO PUBLIC WITH GRANT OPTION', {
        verb: "create",
        objects: ["acl:(table:app.t).PUBLIC", "table:app.t"],
      }),
    ],
    wanted: [["acl:(table:app.t).PUBLIC", "table:app.t"]],
    expected: [["destructive", "privileges widened"]],
  },
  {
    what: "granting to everyone on a table of the same plan",
    actions: [
      actionOf('CREATE TABLE "app"."n" ()', { creates: ["table:app.n"], objects: ["schema:app"] }),
      actionOf('GRANT SELECT ON TABLE "app"."n" TO PUBLIC', { verb: "create", objects: ["table:app.n"] }),
    ],
    wanted: ["table:app.n"],
    expected: [["safe"], ["safe"]],
  },
  {
    what: "granting to a role, even one whose name looks like everyone",
    actions: [
      actionOf('GRANT SELECT ON TABLE "app"."t" TO "PUBLIC"', {
        creates: ["acl:(table:app.t).PUBLIC"],
        objects: ["table:app.t"],
      }),
    ],
    wanted: [["acl:(table:app.t).PUBLIC", "table:app.t"]],
    expected: [["safe", "privileges widened"]],
  },
  {
    what: "giving a role one privilege more",
    actions: [
      actionOf('GRANT INSERT, SELECT ON TABLE "app"."t" TO "app"', {
        verb: "create",
        objects: ["acl:(table:app.t).app", "table:app.t", "role:app"],
      }),
    ],
    edits: [
      {
        id: "acl:(table:app.t).app",
        property: "privileges",
        from: ["SELECT"],
        to: ["INSERT", "SELECT"],
      },
    ],
    expected: [["safe", "privileges widened"]],
  },
  {
    what: "adding an enum value at the end",
    actions: [
      actionOf(`ALTER TYPE "app"."e" ADD VALUE 'c' AFTER 'b'`, {
        objects: ["type:app.e"],
        commitAfter: true,
      }),
    ],
    edits: [{ id: "type:app.e", property: "values", from: ["a", "b"], to: ["a", "b", "c"] }],
    expected: [["safe"]],
  },
  {
    what: "adding an enum value in the middle",
    actions: [
      actionOf(`ALTER TYPE "app"."e" ADD VALUE 'ab' AFTER 'a'`, {
        objects: ["type:app.e"],
        commitAfter: true,
      }),
    ],
    edits: [{ id: "type:app.e", property: "values", from: ["a", "b"], to: ["a", "ab", "b"] }],
    expected: [["safe"]],
  },
  {
    what: "taking an enum value away",
    actions: [actionOf(`CREATE TYPE "app"."e" AS ENUM ('a')`, { objects: ["type:app.e"] })],
    edits: [{ id: "type:app.e", property: "values", from: ["a", "b"], to: ["a"] }],
    expected: [["destructive", "data loss", "may fail on existing data"]],
  },
  {
    what: "turning enum values round",
    actions: [actionOf(`CREATE TYPE "app"."e" AS ENUM ('b', 'a')`, { objects: ["type:app.e"] })],
    edits: [{ id: "type:app.e", property: "values", from: ["a", "b"], to: ["b", "a"] }],
    expected: [["destructive", "data loss", "may fail on existing data"]],
  },
  {
    what: "making a table unlogged, which a crash empties",
    actions: [
      actionOf('ALTER TABLE "app"."t" SET UNLOGGED', {
        ...EXCLUSIVE,
        objects: ["table:app.t"],
        rewrites: true,
      }),
    ],
    edits: [{ id: "table:app.t", property: "persistence", from: "p", to: "u" }],
    expected: [["destructive", "data loss", "table rewrite", "blocks reads"]],
  },
  {
    what: "making a table logged again",
    actions: [
      actionOf('ALTER TABLE "app"."t" SET LOGGED', {
        ...EXCLUSIVE,
        objects: ["table:app.t"],
        rewrites: true,
      }),
    ],
    edits: [{ id: "table:app.t", property: "persistence", from: "u", to: "p" }],
    expected: [["locking", "table rewrite", "blocks reads"]],
  },
  {
    what: "making a column an identity",
    actions: [
      actionOf('ALTER TABLE "app"."t" ALTER COLUMN "a" ADD GENERATED ALWAYS AS IDENTITY', {
        ...EXCLUSIVE,
        verb: "alter",
        creates: ["sequence:app.t_a_seq"],
        objects: ["column:app.t.a"],
      }),
    ],
    edits: [{ id: "column:app.t.a", property: "identity", from: null, to: { generation: "a" } }],
    wanted: ["sequence:app.t_a_seq"],
    expected: [["locking", "may fail on existing data"]],
  },
  {
    what: "adding a column without a default, or with a constant one",
    actions: [
      actionOf('ALTER TABLE "app"."t" ADD COLUMN "b" integer', {
        ...EXCLUSIVE,
        creates: ["column:app.t.b"],
        objects: ["table:app.t"],
      }),
      actionOf('ALTER TABLE "app"."t" ADD COLUMN "c" integer DEFAULT 5', {
        ...EXCLUSIVE,
        creates: ["column:app.t.c", "default:app.t.c"],
        objects: ["table:app.t"],
        rewrites: true,
      }),
    ],
    wanted: [
      ["column:app.t.b", "table:app.t"],
      ["column:app.t.c", "table:app.t"],
    ],
    expected: [["safe"], ["safe"]],
  },
  {
    what: "adding a column whose value every row gets its own of",
    actions: [
      "DEFAULT clock_timestamp()",
      "DEFAULT nextval('app.s'::regclass)",
      "GENERATED ALWAYS AS (a + 1) STORED",
    ].map((clause) =>
      actionOf(`ALTER TABLE "app"."t" ADD COLUMN "b" integer ${clause}`, {
        ...EXCLUSIVE,
        creates: ["column:app.t.b"],
        objects: ["table:app.t"],
        rewrites: true,
      }),
    ),
    wanted: [["column:app.t.b", "table:app.t"]],
    expected: [
      ["locking", "table rewrite", "blocks reads"],
      ["locking", "table rewrite", "blocks reads"],
      ["locking", "table rewrite", "blocks reads"],
    ],
  },
  {
    what: "adding a constraint to a table that is there",
    actions: [
      actionOf('ALTER TABLE "app"."t" ADD CONSTRAINT "n" CHECK ((a > 0))', {
        ...EXCLUSIVE,
        creates: ["constraint:app.t.n"],
        objects: ["table:app.t"],
      }),
    ],
    wanted: [["constraint:app.t.n", "table:app.t"]],
    expected: [["locking", "full scan", "may fail on existing data", "blocks reads"]],
  },
  {
    what: "building an index on a table that is there, in a transaction and outside of one",
    actions: [
      actionOf("CREATE INDEX n ON app.t USING btree (a)", {
        creates: ["index:app.n"],
        objects: ["table:app.t"],
        lock: "share",
      }),
      actionOf("CREATE INDEX CONCURRENTLY n2 ON app.t USING btree (a)", {
        creates: ["index:app.n2"],
        objects: ["table:app.t"],
        lock: "shareUpdateExclusive",
        transactional: false,
      }),
    ],
    wanted: [
      ["index:app.n", "table:app.t"],
      ["index:app.n2", "table:app.t"],
    ],
    expected: [
      ["locking", "blocks writes"],
      ["locking", "not transactional"],
    ],
  },
  {
    what: "a new table with all that belongs to it",
    actions: [
      actionOf('CREATE TABLE "app"."n" ("a" integer)', {
        creates: ["table:app.n", "column:app.n.a"],
        objects: ["schema:app"],
      }),
      actionOf('ALTER TABLE "app"."n" ADD CONSTRAINT "n_pkey" PRIMARY KEY (a)', {
        ...EXCLUSIVE,
        creates: ["constraint:app.n.n_pkey"],
        objects: ["table:app.n"],
      }),
      actionOf("CREATE INDEX n ON app.n USING btree (a)", {
        creates: ["index:app.n_i"],
        objects: ["table:app.n"],
        lock: "share",
      }),
      actionOf('ALTER TABLE "app"."n" ENABLE ROW LEVEL SECURITY', { ...EXCLUSIVE, objects: ["table:app.n"] }),
      actionOf('GRANT SELECT ON TABLE "app"."n" TO "app"', { verb: "create", objects: ["table:app.n"] }),
    ],
    wanted: ["table:app.n", ["column:app.n.a", "table:app.n"], ["constraint:app.n.n_pkey", "table:app.n"]],
    expected: [["safe"], ["safe"], ["safe"], ["safe"], ["safe"]],
  },
  {
    what: "replacing a function's body",
    actions: [
      actionOf("CREATE OR REPLACE FUNCTION app.f() …", { objects: ["function:app.f()", "schema:app"] }),
    ],
    edits: [{ id: "function:app.f()", property: "def", from: "1", to: "2" }],
    expected: [["safe"]],
  },
  {
    what: "whatever the engine itself calls destructive",
    actions: [actionOf("SOMETHING NEW", { objects: ["domain:app.d"], dataLoss: true })],
    expected: [["destructive", "data loss"]],
  },
];
for (const { expected, ...given } of CASES) {
  test(`${given.what} is ${[...new Set(expected.map(([judgement]) => judgement))].join(", then ")}`, () => {
    const judged = classified(given).map((change) => [change.class, ...change.hazards]);

    expect(judged).toEqual(expected);
  });
}

test("a view that is dropped and created anew with its grants loses none of them", () => {
  const changes = classified({
    what: "",
    actions: [
      actionOf('DROP VIEW "app"."v"', {
        ...EXCLUSIVE,
        drops: ["view:app.v", "acl:(view:app.v).app"],
        objects: ["schema:app"],
      }),
      actionOf('CREATE VIEW "app"."v" AS SELECT 1', { creates: ["view:app.v"], objects: ["schema:app"] }),
      actionOf('GRANT SELECT ON TABLE "app"."v" TO "app"', {
        verb: "create",
        objects: ["view:app.v", "role:app"],
      }),
    ],
    wanted: ["view:app.v", ["acl:(view:app.v).app", "view:app.v"]],
  });

  expect(changes.map((change) => [change.class, ...change.hazards])).toEqual([["safe"], ["safe"], ["safe"]]);
});

test("taking the right to pass a privilege on is taking a privilege", () => {
  const [revoke] = classified({
    what: "",
    actions: [
      actionOf('REVOKE ALL ON TABLE "app"."t" FROM "app"', {
        verb: "create",
        creates: ["acl:(table:app.t).app"],
        objects: ["table:app.t", "role:app"],
      }),
    ],
    edits: [{ id: "acl:(table:app.t).app", property: "grantable", from: ["SELECT"], to: [] }],
  });

  expect(revoke?.class).toBe("destructive");
});

test("taking a privilege is no widening, though the statement writes the whole grant anew", () => {
  const [revoke, grant] = classified({
    what: "",
    actions: [
      actionOf('REVOKE ALL ON TABLE "app"."t" FROM "app"', {
        creates: ["acl:(table:app.t).app"],
        objects: ["table:app.t", "role:app"],
      }),
      actionOf('GRANT SELECT ON TABLE "app"."t" TO "app"', {
        verb: "create",
        objects: ["acl:(table:app.t).app", "table:app.t", "role:app"],
      }),
    ],
    edits: [
      { id: "acl:(table:app.t).app", property: "privileges", from: ["INSERT", "SELECT"], to: ["SELECT"] },
    ],
  });

  expect(revoke).toMatchObject({ class: "destructive", hazards: ["privileges revoked"] });
  expect(grant).toMatchObject({ class: "safe", hazards: [] });
});

test("a default that every row computes anew rewrites the table, also when it takes arguments", () => {
  const [change] = classified({
    what: "",
    actions: [
      actionOf('ALTER TABLE "app"."t" ADD COLUMN "b" integer DEFAULT random(1, 10)', {
        ...EXCLUSIVE,
        creates: ["column:app.t.b", "default:app.t.b"],
        objects: ["table:app.t"],
        rewrites: true,
      }),
    ],
    wanted: [["column:app.t.b", "table:app.t"]],
  });

  expect(change?.hazards).toContain("table rewrite");
});

test("a unique index may meet rows that are equal", () => {
  const [change] = classified({
    what: "",
    actions: [
      actionOf("CREATE UNIQUE INDEX n ON app.t USING btree (a)", {
        creates: ["index:app.n"],
        objects: ["table:app.t"],
        lock: "share",
      }),
    ],
    wanted: [
      [
        "index:app.n",
        {
          parent: "table:app.t",
          index: { relation: "table:app.t", unique: true, relationName: "app.t", method: "USING btree (a)" },
        },
      ],
    ],
  });

  expect(change?.hazards).toContain("may fail on existing data");
});

test("what changes the catalog alone is safe, for all its strong lock", () => {
  const [change] = classified({
    what: "",
    actions: [
      actionOf('ALTER TABLE "app"."t" ALTER COLUMN "a" SET DEFAULT 2', {
        ...EXCLUSIVE,
        objects: ["default:app.t.a"],
      }),
    ],
  });

  expect(change).toMatchObject({ class: "safe", hazards: [] });
});

test("a policy for other roles may widen what they see", () => {
  const [change] = classified({
    what: "",
    actions: [
      actionOf('ALTER POLICY "p" ON "app"."t" TO "app"', {
        ...EXCLUSIVE,
        objects: ["policy:app.t.p", "role:app"],
      }),
    ],
  });

  expect(change?.hazards).toEqual(["privileges widened"]);
});

test("a disabled trigger locks the table it belongs to", () => {
  const [change] = classified({
    what: "",
    actions: [
      actionOf('ALTER TABLE "app"."t" DISABLE TRIGGER "tr"', {
        lock: "shareRowExclusive",
        objects: ["trigger:app.t.tr"],
      }),
    ],
  });

  expect(change?.class).not.toBe("safe");
});

const NAMES: ReadonlyArray<readonly [action: EngineAction, object: string, group: string]> = [
  [actionOf("ALTER", { objects: ["table:app.t"] }), "table app.t", "table app.t"],
  [actionOf("ALTER", { objects: ["column:app.t.a"] }), "column app.t.a", "table app.t"],
  [actionOf("ALTER", { objects: ["default:app.t.a"] }), "default app.t.a", "table app.t"],
  [actionOf("DROP", { drops: ["index:app.i"], objects: ["table:app.t"] }), "index app.i", "table app.t"],
  [actionOf("DROP", { drops: ["policy:app.t.p"] }), "policy app.t.p", "table app.t"],
  [actionOf("DROP", { drops: ["constraint:app.d.c"] }), "constraint app.d.c", "domain app.d"],
  [actionOf("COMMENT", { drops: ["comment:(table:app.t)"] }), "comment on app.t", "table app.t"],
  [actionOf("REVOKE", { drops: ["acl:(table:app.t).app"] }), "grant on app.t to app", "table app.t"],
  [
    actionOf("DROP", { drops: ["materializedView:app.m"] }),
    "materialized view app.m",
    "materialized view app.m",
  ],
  [actionOf("CREATE", { creates: ["view:app.n"], objects: ["schema:app"] }), "view app.n", "view app.n"],
  [
    actionOf("ALTER DEFAULT PRIVILEGES", { drops: ["defaultPrivilege:postgres.app.r.app"] }),
    "default privileges for postgres.app.r.app",
    "default privileges for postgres.app.r.app",
  ],
];
for (const [action, object, group] of NAMES) {
  test(`a change of a ${object} is listed as that, under ${group}`, () => {
    const [change] = classified({ what: "", actions: [action], wanted: ["view:app.n"] });

    expect(change).toMatchObject({ object, group });
  });
}

test("an ALTER is about the object that changes, not about the first one it touches", () => {
  const [change] = classified({
    what: "",
    actions: [actionOf("ALTER TABLE …", { objects: ["table:app.t", "column:app.t.a"] })],
    edits: [{ id: "column:app.t.a", property: "notNull", from: false, to: true }],
  });

  expect(change).toMatchObject({
    object: "column app.t.a",
    objectId: "column:app.t.a",
    group: "table app.t",
  });
});

test("statement, order and manner of running are the engine's, untouched", () => {
  const actions = [
    actionOf("ONE", { objects: ["table:app.t"], commitAfter: true }),
    actionOf("TWO", { creates: ["index:app.n"], transactional: false, lock: "shareUpdateExclusive" }),
    actionOf("THREE", { drops: ["view:app.v"] }),
  ];

  const changes = classified({ what: "", actions });

  expect(
    changes.map(({ sql, verb, lock, transactional, commitAfter }) => [
      sql,
      verb,
      lock,
      transactional,
      commitAfter,
    ]),
  ).toEqual([
    ["ONE", "alter", "none", true, true],
    ["TWO", "create", "shareUpdateExclusive", false, false],
    ["THREE", "drop", "none", true, false],
  ]);
});
