import type { RunContext } from "../context.ts";
import {
  type DeclarativeState,
  findDeclarativeState,
  findSuperseded,
  isUnsettled,
} from "../records/declarative-state.ts";
import { missingIn, readBlindSpots } from "./blind-spots.ts";
import { desiredOf, findDesired, openSnapshot } from "./desired.ts";
import { type DiffInput, extrasOf, ownershipOf, viewOf } from "./diff.ts";
import { type DefinedDifference, defineDifferences, differencesBetween } from "./differences.ts";
import { driftOf, findDriftedView, isComparable } from "./drift.ts";
import { ENGINE_VERSION } from "./engine/engine.ts";
import { managedSchemas } from "./managed.ts";
import { describeObject } from "./object-name.ts";

/** How a database stands to its files, and to what was applied last. */
export interface Validation {
  readonly appliedAt: Date | undefined;
  /** When these files were applied, where others were since. */
  readonly supersededAt: Date | undefined;
  /** What changed outside slipway since the last apply, from what was applied to what is there. */
  readonly outside: readonly DefinedDifference[];
  /** Why that can't be known; undefined when it is. */
  readonly outsideUnknown: string | undefined;
  /** From the database to the files; those that only put back what changed outside are not repeated. */
  readonly files: readonly DefinedDifference[];
  /** What the files declare, no comparison sees and the database lacks. */
  readonly unseen: readonly string[];
  /** What no desired schema ever had: kept, and no difference. */
  readonly extras: readonly string[];
}

export function isClean({ outside, files, unseen }: Validation): boolean {
  return outside.length === 0 && files.length === 0 && unseen.length === 0;
}

/** Only reads. The desired schema is built in a shadow database, unless the files are those applied last. */
export async function validate(context: RunContext): Promise<Validation> {
  const { session, records, sources } = context;
  const engine = await context.loadEngine();
  const state = await findDeclarativeState(records);
  const current = await engine.read(session, context.records.schemaName);
  const comparable = state !== undefined && isComparable(state, session.serverMajor) ? state : undefined;
  const last = state?.engine === ENGINE_VERSION ? engine.load(state.desired) : undefined;
  const filesHash = sources.schema?.hash ?? "";

  const view =
    comparable !== undefined && last !== undefined
      ? findDriftedView(engine, current, last, comparable)
      : undefined;
  const outside =
    view === undefined || last === undefined
      ? []
      : defineDifferences(engine, view.desired, view.current, driftOf(engine, last, view));

  const applied = comparable?.filesHash === filesHash ? last : undefined;
  const desired =
    applied !== undefined
      ? desiredOf(applied)
      : await findDesired(context, engine, openSnapshot(context, engine));
  const input: DiffInput = { engine, current, desired, last, dropExtras: context.config.extras === "drop" };
  const ownership = ownershipOf(input);
  const wanted = viewOf(input);
  const differences = differencesBetween(engine, wanted.current, wanted.desired);
  const schemas = managedSchemas(engine, desired.catalog, desired.declared);
  const extras = extrasOf(input, ownership);
  const unseen =
    desired.blindSpots === undefined
      ? []
      : missingIn(await readBlindSpots(session, schemas), desired.blindSpots);
  return {
    appliedAt: state?.appliedAt,
    supersededAt: await findSuperseded(records, filesHash),
    outside,
    outsideUnknown: whyUnknown(state, comparable !== undefined),
    files: withoutRepeats(defineDifferences(engine, wanted.current, wanted.desired, differences), outside),
    unseen,
    extras: extras.map((id) => describeObject(engine, current, id)).sort(),
  };
}

function whyUnknown(
  state: Pick<DeclarativeState, "fingerprint"> | undefined,
  isKnown: boolean,
): string | undefined {
  if (state === undefined) return "nothing was applied yet";
  if (!isKnown) return "the last apply was by another engine or on another major of PostgreSQL";
  if (isUnsettled(state)) return "the last run ended in the middle of its changes";
  return undefined;
}

/** A difference that is the way back from what changed outside has been told with both its sides. */
function withoutRepeats(
  files: readonly DefinedDifference[],
  outside: readonly DefinedDifference[],
): DefinedDifference[] {
  const known = new Map(outside.map((each) => [each.id, each]));
  return files.filter(({ id, before, after }) => {
    const change = known.get(id);
    return change === undefined || change.before !== after || change.after !== before;
  });
}
