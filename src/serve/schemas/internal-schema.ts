import { type Static, Type } from "typebox";
import { Problem } from "./problem.ts";
import { Phase, SchemaState, State } from "./records.ts";
import { DateTime, Digits, Nullable, words } from "./scalar.ts";

/** How the database stands. What has underscores is the admin API that the chart's guide describes. */
export const Status = Type.Object({
  bootstrapped: Type.Boolean({ description: "bootstrap.sql ran on this server" }),
  has_imperative_migrations: Type.Boolean({ description: "the ledger has rows" }),
  last_migration_version: Nullable(Digits),
  has_declarative_state: Type.Boolean({ description: "a desired schema was applied" }),
  schema_fingerprint: Nullable(Type.String({ description: "of what was applied last" })),
  pending_changes: Nullable(
    Type.Integer({ description: "changes of the declarative plan; an install counts as one" }),
  ),
  pending_migrations: Nullable(Type.Integer()),
  has_destructive_changes: Nullable(Type.Boolean()),
  schema_dir: Nullable(Type.String({ description: "SLIPWAY_SCHEMA_PATH" })),
  up_to_date: Type.Boolean({ description: "a run would do nothing" }),
  problem: Nullable(Problem),
  release: Type.String({ description: "slipway's own version" }),
  caller: Type.Object({ name: Type.String(), role: words("read", "admin") }, { description: "who asks" }),
  state: State,
  declarative: SchemaState,
});
export type Status = Static<typeof Status>;

/** For bodies that may be left out. */
export const Scope = Type.Object(
  {
    schema: Type.Optional(
      Type.String({ minLength: 1, maxLength: 63, description: "only what is in this schema" }),
    ),
  },
  { additionalProperties: false },
);
export type Scope = Static<typeof Scope>;

const GuideChange = {
  type: words("CREATE", "ALTER", "DROP"),
  object_type: Type.String(),
  schema: Nullable(Type.String()),
  name: Type.String(),
  sql: Type.String(),
  destructive: Type.Boolean(),
};

export const Change = Type.Object({
  ...GuideChange,
  object: Type.String({ description: "for example `column app.orders.total`" }),
  group: Type.String({ description: "the table of a column, else the object" }),
  class: words("safe", "locking", "destructive"),
  hazards: Type.Array(Type.String()),
  transactional: Type.Boolean(),
  online: Type.Boolean({ description: "others read and write on while it works" }),
});
export type Change = Static<typeof Change>;

export const Plan = Type.Object({
  id: Type.String({ description: "what a person approves" }),
  changes: Type.Array(Change),
  ddl: Type.String({ description: "the statements as a script" }),
  transaction: Type.Boolean({ description: "all of it is one transaction" }),
  duration: Type.String({ description: "how long planning took" }),
  summary: Type.Object({
    total_changes: Type.Integer(),
    create_count: Type.Integer(),
    alter_count: Type.Integer(),
    drop_count: Type.Integer(),
    destructive_count: Type.Integer(),
  }),
  renames: Type.Array(Type.Object({ from: Type.String(), to: Type.String(), sql: Type.String() })),
  extras: Type.Array(Type.String()),
  tables: Type.Array(
    Type.Object({ table: Type.String(), estimatedRows: Type.Number(), bytes: Type.Number() }),
  ),
});
export type Plan = Static<typeof Plan>;

export const Planned = Type.Object({
  id: Type.String({ description: "names what all three phases would do; `apply` needs it" }),
  pending: Type.Boolean(),
  needs_approval: Type.Boolean({ description: "`apply` needs `approve` too: the id of `plan`" }),
  bootstrap: Type.Array(Type.String()),
  declarative: Type.Object({
    kind: words("off", "unchanged", "kept", "install", "change"),
    pending: Type.Array(Type.String()),
  }),
  plan: Nullable(Plan),
  migrations: Type.Array(Type.Object({ version: Digits, name: Type.String() })),
  warnings: Type.Array(Type.String()),
});
export type Planned = Static<typeof Planned>;

const PlanId = Type.String({ pattern: "^[0-9a-f]{16}$" });

export const Apply = Type.Object(
  {
    id: Type.Intersect([PlanId], { description: "the `id` that `plan` answered with" }),
    approve: Type.Optional(PlanId),
  },
  { additionalProperties: false },
);
export type Apply = Static<typeof Apply>;

export const ApplyQuery = Type.Object(
  { wait: Type.Optional(Type.Boolean({ default: false, description: "answer when the run is over" })) },
  { additionalProperties: false },
);
export type ApplyQuery = Static<typeof ApplyQuery>;

export const Accepted = Type.Object({
  runId: Type.String(),
  status: Type.Literal("running"),
  message: Type.String(),
});
export type Accepted = Static<typeof Accepted>;

/** A run that is over. */
export const Applied = Type.Object({
  runId: Type.Optional(Type.String({ description: "absent when there was nothing to do" })),
  result: words("unchanged", "applied"),
  phases: Type.Array(Phase),
  planId: Type.Optional(Type.String()),
  userVersion: Type.Optional(Digits),
  message: Type.String(),
  duration: Type.String(),
});
export type Applied = Static<typeof Applied>;

const Difference = Type.Object({
  object: Type.String(),
  kind: words("added", "changed", "removed"),
  edits: Type.Array(Type.String()),
  before: Type.Optional(Type.String()),
  after: Type.Optional(Type.String()),
});

export const Validated = Type.Object({
  valid: Type.Boolean(),
  drifts: Nullable(Type.Array(Type.Object(GuideChange))),
  error: Nullable(Type.String({ description: "why drift can't be known" })),
  appliedAt: Type.Optional(DateTime),
  supersededAt: Type.Optional(DateTime),
  outside: Type.Array(Difference, { description: "changed outside slipway since the last apply" }),
  files: Type.Array(Difference, { description: "from the database to the files" }),
  unseen: Type.Array(Type.String()),
  extras: Type.Array(Type.String()),
});
export type Validated = Static<typeof Validated>;

export const Dumped = Type.Object({
  message: Type.String(),
  schemas: Type.Array(Type.String()),
  files: Type.Array(Type.Object({ path: Type.String(), text: Type.String() })),
  statements: Type.Integer(),
  roles: Type.Array(Type.String()),
  leftOut: Type.Array(Type.String()),
  runTimePartitions: Type.Array(Type.String()),
});
export type Dumped = Static<typeof Dumped>;
