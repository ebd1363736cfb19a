import type { RunContext } from "../context.ts";
import { applyPlan, requireConverged } from "../declarative/apply.ts";
import { repeatRefusal, requireApproval } from "../declarative/approval.ts";
import { missingIn, neededIn, readBlindSpots } from "../declarative/blind-spots.ts";
import { type Desired, desiredOf, findDesired, openSnapshot } from "../declarative/desired.ts";
import { changesLeft, type DiffInput, diff } from "../declarative/diff.ts";
import { findDrift, isComparable, reportDrift } from "../declarative/drift.ts";
import {
  type Catalog,
  ENGINE_VERSION,
  type SavedDesired,
  type SchemaEngine,
} from "../declarative/engine/engine.ts";
import { sayEventTriggers } from "../declarative/event-triggers.ts";
import { type InstallUndone, install, isFresh } from "../declarative/install.ts";
import { managedSchemas } from "../declarative/managed.ts";
import { requireNoObstacles } from "../declarative/obstacles.ts";
import { formatTotals, type Plan, totalsOf } from "../declarative/plan.ts";
import { readCurrent } from "../declarative/read.ts";
import { closePlans } from "../declarative/waiting.ts";
import { SlipwayError } from "../errors.ts";
import { readCatalogSignature } from "../postgres/signature.ts";
import {
  APPLYING_FINGERPRINT,
  type DeclarativeState,
  findDeclarativeState,
  findSuperseded,
  recordDeclarativeState,
  type StateSource,
  setFingerprint,
  UNKNOWN_FINGERPRINT,
} from "../records/declarative-state.ts";
import { findLastSignature, type Warning } from "../records/runs.ts";
import type { Phase } from "./phase.ts";

/** What the phase found, and would do. */
export type DeclarativePlan =
  | { readonly kind: "off" }
  | { readonly kind: "unchanged" }
  | { readonly kind: "kept"; readonly warning: Warning }
  | { readonly kind: "install"; readonly files: number }
  | {
      readonly kind: "change";
      readonly plan: Plan;
      readonly input: DiffInput;
      readonly goesBack: boolean;
      readonly unseen: readonly string[];
    };

export const declarativePhase: Phase<DeclarativePlan> = {
  name: "declarative",
  plan: planSchema,
  pendingOf(plan) {
    if (plan.kind === "install") return [`the schema is to be installed from ${plan.files} files`];
    if (plan.kind !== "change" || plan.plan.changes.length === 0) return [];
    return [`plan ${plan.plan.id}: ${formatTotals(totalsOf(plan.plan))}`];
  },
  async apply(context, plan) {
    switch (plan.kind) {
      case "off":
        return { outcome: "skipped", changes: 0 };
      case "unchanged":
        return { outcome: "unchanged", changes: 0 };
      case "kept":
        return { outcome: "kept", changes: 0, warnings: [plan.warning] };
      case "install":
        return installSchema(context, plan.files);
      case "change":
        return applyChanges(context, plan);
    }
  },
};

async function planSchema(context: RunContext): Promise<DeclarativePlan> {
  const { records, sources, config } = context;
  const { schema } = sources;
  if (schema === undefined) return { kind: "off" };
  const state = await findDeclarativeState(records);
  const superseded = await findSuperseded(records, schema.hash);
  if (superseded !== undefined && config.onOlder === "keep")
    return { kind: "kept", warning: { message: supersededWords(superseded) } };
  if (superseded !== undefined && config.onOlder === "refuse") throw refuseOlder(superseded);
  if (state?.filesHash === schema.hash && (await isUntouched(context, state))) return { kind: "unchanged" };
  if (state === undefined && isFresh(context.occupiedSchemas, schema.scripts)) {
    return { kind: "install", files: schema.scripts.length };
  }
  return planChanges(context, state, superseded !== undefined);
}

/** True when the catalog looks as the last complete run left it, so that nothing needs to be read. */
async function isUntouched(context: RunContext, state: DeclarativeState): Promise<boolean> {
  if (!isComparable(state, context.session.serverMajor) || context.config.extras === "drop") return false;
  const last = await findLastSignature(context.records);
  return last !== undefined && last === (await readCatalogSignature(context.session, state));
}

async function planChanges(
  context: RunContext,
  state: DeclarativeState | undefined,
  goesBack: boolean,
): Promise<DeclarativePlan> {
  const { session, sources, config } = context;
  await repeatRefusal(context, state);
  const engine = await context.loadEngine();
  const isSameFiles = state?.filesHash === sources.schema?.hash;
  const loadSaved = once(() =>
    state === undefined || state.engine !== ENGINE_VERSION ? undefined : engine.load(state.desired),
  );
  const loadSnapshot = once(() => openSnapshot(context, engine));
  const current = await readCurrent(context, engine, () => {
    loadSaved();
    if (!isSameFiles) loadSnapshot();
  });
  const saved = loadSaved();

  if (saved !== undefined && state !== undefined && isComparable(state, session.serverMajor)) {
    const drift = findDrift(engine, current, saved, state);
    const isHalfApplied = state.fingerprint === APPLYING_FINGERPRINT;
    if (drift === undefined && isSameFiles && config.extras === "keep" && !isHalfApplied)
      return unchanged(context, engine, current, saved, state);
    if (drift !== undefined) {
      const warning = reportDrift(context, drift);
      if (isSameFiles && config.drift === "warn") return { kind: "kept", warning };
      const { message, ...fields } = warning;
      context.log.warn(fields, message);
    }
  }

  // What was applied last is the desired schema still, when the files are the same.
  const isKnown = isSameFiles && saved?.catalog.serverMajor === session.serverMajor;
  const found =
    isKnown && saved !== undefined ? desiredOf(saved) : await findDesired(context, engine, loadSnapshot());
  const desired = { ...found, catalog: engine.shareWith(found.catalog, current) };
  const unseen = await findUnseen(context, engine, desired);
  const input: DiffInput = { engine, current, desired, last: saved, dropExtras: config.extras === "drop" };
  return { kind: "change", plan: await diff(context, input), input, goesBack, unseen };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Settles a fingerprint that a run which died left unknown. */
async function unchanged(
  context: RunContext,
  engine: SchemaEngine,
  current: Catalog,
  saved: SavedDesired,
  state: DeclarativeState,
): Promise<DeclarativePlan> {
  if (context.lock !== undefined && state.fingerprint === UNKNOWN_FINGERPRINT) {
    await setFingerprint(context.records, engine.fingerprint(current, saved.declared));
  }
  return { kind: "unchanged" };
}

/** What the files declare, the engine cannot see and the database has not. */
async function findUnseen(
  context: RunContext,
  engine: SchemaEngine,
  desired: Desired,
): Promise<readonly string[]> {
  if (desired.blindSpots === undefined) return [];
  const schemas = managedSchemas(engine, desired.catalog, desired.declared);
  const current = await readBlindSpots(context.session, schemas);
  const needed = neededIn(current, desired.blindSpots);
  if (needed.length > 0) {
    throw new SlipwayError(
      "SOURCE_INVALID",
      `the database lacks what a plan cannot make: ${needed.join(", ")}`,
      {
        next: "create it in bootstrap.sql, then run again",
      },
    );
  }
  return missingIn(current, desired.blindSpots);
}

function unseenWarnings(unseen: readonly string[]): Warning[] {
  if (unseen.length === 0) return [];
  const message =
    "The files declare what is not compared and the database lacks; bring it about in a migration";
  return [{ message, objects: unseen }];
}

const UNDONE: Readonly<Record<InstallUndone, string>> = {
  "too large":
    "The schema outgrows one transaction of this server (max_locks_per_transaction), applying it in parts...",
  "declares what is ignored":
    "The files declare objects that .slipwayignore leaves alone, applying the others...",
};

async function installSchema(
  context: RunContext,
  files: number,
): ReturnType<Phase<DeclarativePlan>["apply"]> {
  const { sources, log } = context;
  const scripts = sources.schema?.scripts ?? [];
  const engine = await context.loadEngine();
  log.info("Applying declarative schema...");
  const what = `install from ${files} files`;
  context.observe({ kind: "step", phase: "declarative", what, step: 1, steps: 1 });
  const installed = await install(context, engine, scripts, (desired) =>
    record(context, engine, desired, "install"),
  );
  if (typeof installed === "string") {
    log.info(UNDONE[installed]);
    const change = await planChanges(context, undefined, false);
    return declarativePhase.apply(context, change);
  }
  log.info("Schema applied successfully");
  return { outcome: "applied", changes: installed.declared.size, message: `installed from ${files} files` };
}

async function applyChanges(
  context: RunContext,
  { plan, input, goesBack, unseen }: Extract<DeclarativePlan, { kind: "change" }>,
): ReturnType<Phase<DeclarativePlan>["apply"]> {
  const { log, session } = context;
  const { engine, desired } = input;
  const warnings = unseenWarnings(unseen);
  if (plan.extras.length > 0) {
    log.info(
      { count: plan.extras.length, extras: plan.extras.slice(0, 10) },
      "Objects no desired schema ever had are kept",
    );
  }
  if (plan.changes.length === 0) {
    await session.transaction(() =>
      record(context, engine, desired, input.last === undefined ? "adopt" : "verify"),
    );
    return { outcome: "unchanged", changes: 0, warnings };
  }
  await requireApproval(context, plan, goesBack);
  await requireNoObstacles(context, plan, input);
  await sayEventTriggers(context);
  log.info({ plan: plan.id, changes: plan.changes.length }, "Applying declarative schema...");
  await applyPlan(context, plan, async () => {
    const result = await engine.read(session, context.records.schemaName);
    requireConverged(await changesLeft(context, { ...input, current: result }));
    await record(context, engine, desired, "apply", plan.id);
    await closePlans(context.records, plan.id, context.sources.schema?.hash ?? "");
  });
  log.info("Schema applied successfully");
  return { outcome: "applied", changes: plan.changes.length, planId: plan.id, warnings };
}

async function record(
  context: RunContext,
  engine: SchemaEngine,
  desired: Desired,
  source: StateSource,
  planId?: string,
): Promise<void> {
  const { session, sources, records } = context;
  const { catalog, declared } = desired;
  const state: DeclarativeState = {
    filesHash: sources.schema?.hash ?? "",
    fingerprint: engine.fingerprint(catalog, declared),
    engine: ENGINE_VERSION,
    serverMajor: session.serverMajor,
    managedSchemas: [...managedSchemas(engine, catalog, declared)].sort(),
    declaredPartitions: [...engine.partitions(catalog, declared)].sort(),
    desired: engine.save(catalog, declared),
  };
  await recordDeclarativeState(records, state, source, planId);
}

export function supersededWords(appliedAt: Date): string {
  return `these schema files were applied at ${appliedAt.toISOString()} and superseded since; the newer schema is left as it is`;
}

export function refuseOlder(appliedAt: Date): SlipwayError {
  return new SlipwayError(
    "HISTORY_MISMATCH",
    `these schema files were applied at ${appliedAt.toISOString()} and superseded since`,
    { next: "deploy the newer release, or go back on purpose with `onOlder: apply` and an approved plan" },
  );
}
