import type { RunContext } from "../context.ts";
import { SlipwayError, StatementError } from "../errors.ts";
import type { Session } from "../postgres/session.ts";
import { installRecords } from "../records/install.ts";
import { applyPlan, requireConverged } from "./apply.ts";
import { buildDesired } from "./desired.ts";
import { changesLeft, type DiffInput, diff } from "./diff.ts";
import type { Catalog, SchemaEngine } from "./engine/engine.ts";
import { describeObject } from "./object-name.ts";
import type { Plan } from "./plan.ts";
import { openScratch } from "./shadow.ts";

/** A plan that was run on a copy of the schema, and led to the desired schema there. */
export interface Trial {
  readonly changes: number;
  readonly durationMs: number;
  /** Objects that the copy has not, or has otherwise: about them the trial says nothing. */
  readonly unlike: readonly string[];
}

const NEXT = "nothing ran on the database; change the files, then try again: slipway schema plan --try";

/**
 * Runs a plan on a copy of the database's schema, without rows, and reads the copy again. `whole` is the
 * engine that sees what is ignored, too: it stands in the way like everything else. Throws what the apply
 * would throw.
 */
export async function tryPlan(
  context: RunContext,
  whole: SchemaEngine,
  plan: Plan,
  input: DiffInput,
): Promise<Trial> {
  const start = performance.now();
  const { config, session, signal, applicationName, records } = context;
  const found = await whole.read(session, records.schemaName);
  await using scratch = await openScratch(session, { given: config.shadow, applicationName, signal });
  const copy = onCopy(context, scratch.session);
  await installRecords(copy.records);
  // On another server, another role owns what there is.
  const [row] = await copy.session.query<{ role: string }>("select current_user::text as role");
  const current = whole.actAs({ catalog: found, declared: found.ids }, row?.role ?? "").catalog;
  const unlike = await copySchema(copy, whole, current);
  try {
    await applyPlan(copy, plan, async () => {
      const result = await input.engine.read(copy.session, records.schemaName);
      requireConverged(await changesLeft(copy, { ...input, current: result }));
    });
  } catch (error) {
    throw onTrial(error);
  }
  return { changes: plan.changes.length, durationMs: Math.round(performance.now() - start), unlike };
}

/** Builds the desired schema where nothing is, which is all that an install does. */
export async function tryInstall(context: RunContext, engine: SchemaEngine): Promise<Trial> {
  const start = performance.now();
  const { config, session, sources, records, applicationName, signal, log } = context;
  const built = await buildDesired(
    {
      session,
      shadow: config.shadow,
      stateSchema: records.schemaName,
      keepsRoles: false,
      applicationName,
      signal,
      log,
    },
    engine,
    sources.bootstrap?.script,
    sources.schema?.scripts ?? [],
  );
  return { changes: built.declared.size, durationMs: Math.round(performance.now() - start), unlike: [] };
}

function onCopy(context: RunContext, session: Session): RunContext {
  const { lock: _, ...rest } = context;
  return {
    ...rest,
    session,
    records: { ...context.records, session, exist: true },
    signal: AbortSignal.any([context.signal, session.closed]),
  };
}

/** Makes everything of `current` in the empty database of `copy`. Gives what did not come out the same. */
async function copySchema(
  copy: RunContext,
  engine: SchemaEngine,
  current: Catalog,
): Promise<readonly string[]> {
  const read = (): Promise<Catalog> => engine.read(copy.session, copy.records.schemaName);
  const desired = { catalog: current, declared: current.ids, given: new Set<string>() };
  try {
    const input = { engine, current: await read(), desired, last: undefined, dropExtras: false };
    const making = await diff(copy, input);
    if (making.changes.length > 0) await applyPlan(copy, making, async () => undefined);
  } catch (error) {
    throw isOurs(error) ? cannotCopy(error) : error;
  }
  const unlike = engine.changedIds(await read(), current);
  return [...unlike].map((id) => describeObject(engine, current, id)).sort();
}

function isOurs(error: unknown): error is SlipwayError {
  return (
    error instanceof StatementError || (error instanceof SlipwayError && error.code === "SOURCE_INVALID")
  );
}

function cannotCopy(error: SlipwayError): SlipwayError {
  const why = error instanceof StatementError ? `: ${error.failure.reason}` : "";
  return new SlipwayError(
    "UNSAFE_DATABASE",
    `the plan was not tried: no copy of the schema could be made (${error.message}${why})`,
    {
      cause: error,
      next: "try it as a role that may make all that is there (a superuser), or on another server: SLIPWAY_SHADOW_URL",
    },
  );
}

function onTrial(error: unknown): unknown {
  if (error instanceof StatementError) {
    const what = `tried on a copy of the schema, ${error.message}`;
    return new StatementError(what, error.failure, { cause: error, next: NEXT });
  }
  if (!(error instanceof SlipwayError) || error.code !== "NOT_CONVERGED") return error;
  const what = error.message.replace(
    "after the apply the database",
    "tried on a copy of the schema, the result",
  );
  return new SlipwayError("NOT_CONVERGED", what, { cause: error, next: NEXT });
}
