import { type Static, Type } from "typebox";
import { DateTime, Digits, Nullable, words } from "./scalar.ts";

export const Warning = Type.Object({
  message: Type.String(),
  objects: Type.Optional(Type.Array(Type.String())),
});

export const Phase = Type.Object({
  phase: words("bootstrap", "declarative", "user"),
  outcome: words("pending", "skipped", "unchanged", "applied", "kept", "planned", "failed"),
  durationMs: Type.Number(),
  changes: Type.Integer({ description: "changes made, or migrations applied" }),
  message: Type.Optional(Type.String()),
  warnings: Type.Optional(Type.Array(Warning)),
});
export type Phase = Static<typeof Phase>;

/** A row of `migrations.runs`. */
export const Run = Type.Object({
  id: Type.String({ description: "a UUIDv7" }),
  command: Type.String(),
  status: words("running", "done", "failed", "interrupted", "abandoned"),
  startedAt: DateTime,
  finishedAt: Type.Optional(DateTime),
  phases: Type.Array(Phase),
  planId: Type.Optional(Type.String()),
  errorCode: Type.Optional(Type.String()),
  errorMessage: Type.Optional(Type.String()),
  pod: Type.Optional(Type.String()),
  release: Type.String(),
});
export type Run = Static<typeof Run>;

export const RunList = Type.Object({ runs: Type.Array(Run, { description: "the newest first" }) });
export type RunList = Static<typeof RunList>;

export const RunQuery = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 20 })) },
  { additionalProperties: false },
);
export type RunQuery = Static<typeof RunQuery>;

export const RunParams = Type.Object({
  id: Type.String({
    pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    description: "a run's id",
  }),
});
export type RunParams = Static<typeof RunParams>;

/** A migration, from its file and its row of the ledger. */
export const Migration = Type.Object({
  version: Digits,
  name: Type.String(),
  state: words("pending", "applied", "failed"),
  stepsDone: Type.Optional(Type.Integer()),
  stepsTotal: Type.Optional(Type.Integer()),
  stepInFlight: Type.Optional(Type.Integer()),
  takenBackInPart: Type.Boolean(),
  appliedAt: Type.Optional(DateTime),
  durationMs: Type.Optional(Type.Number()),
  checksum: Type.String({ description: "whether the file is as it was applied" }),
  error: Type.Optional(Type.String()),
});
export type Migration = Static<typeof Migration>;

export const Ledger = Type.Object({
  migrations: Type.Array(Migration, { description: "by version" }),
});
export type Ledger = Static<typeof Ledger>;

/** What `slipway status --json` prints. */
export const State = Type.Object({
  database: Type.String(),
  server: Type.String(),
  schema: Type.Optional(
    Type.Object({ fingerprint: Type.String(), appliedAt: DateTime, managed: Type.Array(Type.String()) }),
  ),
  migrations: Type.Object({
    version: Type.Optional(Digits),
    applied: Type.Integer(),
    pending: Type.Integer(),
    failed: Type.Array(
      Type.Object({ version: Digits, name: Type.String(), errorMessage: Type.Optional(Type.String()) }),
    ),
  }),
  runs: Type.Array(Run),
});

const WaitingPlan = Type.Object({
  id: Type.String(),
  summary: Type.String(),
  destructive: Type.Integer(),
  createdAt: DateTime,
  approvedAt: Type.Optional(DateTime),
  approvedBy: Type.Optional(Type.String()),
});

/** What `slipway schema status --json` prints. */
export const SchemaState = Type.Object({
  applied: Nullable(
    Type.Object({
      at: DateTime,
      how: words("install", "apply", "adopt", "verify"),
      planId: Type.Optional(Type.String()),
      runId: Type.Optional(Type.String()),
      by: Type.Optional(Type.String()),
      release: Type.String(),
      filesHash: Type.String(),
      fingerprint: Type.String(),
      engine: Type.String(),
      serverMajor: Type.Integer(),
      managedSchemas: Type.Array(Type.String()),
      superseded: Type.Integer(),
    }),
  ),
  drift: Type.Optional(
    Type.Object({
      state: words("none", "unknown", "found"),
      objects: Type.Optional(Type.Array(Type.String())),
    }),
  ),
  plans: Type.Array(WaitingPlan),
});
