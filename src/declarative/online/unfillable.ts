import { SlipwayError } from "../../errors.ts";
import type { Session } from "../../postgres/session.ts";
import type { EngineAction, ManagedView, ObjectId, SchemaEngine } from "../engine/engine.ts";
import type { Population } from "./population.ts";

/**
 * Throws where a new column is NOT NULL, has nothing to put into the rows that are there, and rows are there.
 * PostgreSQL would refuse it too, in the middle of the work.
 */
export async function refuseUnfillable(
  session: Session,
  engine: SchemaEngine,
  view: ManagedView,
  population: Population,
  actions: readonly EngineAction[],
): Promise<void> {
  const suspects = actions.flatMap(({ creates: [id] }) =>
    id !== undefined && isUnfillable(engine, view, population, id) ? [id] : [],
  );
  const offenders: string[] = [];
  for (const id of suspects) {
    const { parent, name } = engine.describe(view.desired, id);
    if (parent === undefined) continue;
    const relation = engine.quotedName(view.desired, parent);
    const [row] = await session.query<{ found: boolean }>(`select exists (select from ${relation}) as found`);
    if (row?.found === true) offenders.push(name);
  }
  if (offenders.length === 0) return;
  const what = offenders.length === 1 ? "a new column is" : "new columns are";
  throw new SlipwayError(
    "SOURCE_INVALID",
    `${what} NOT NULL and without a default, in a table that has rows: ${offenders.join(", ")}`,
    {
      next: "give the column a default, or let it be NULL first, fill it in a migration and make it NOT NULL in a later release",
    },
  );
}

function isUnfillable(
  engine: SchemaEngine,
  view: ManagedView,
  population: Population,
  id: ObjectId,
): boolean {
  const column = engine.column(view.desired, id);
  if (column === undefined || !column.notNull || column.computed || column.default !== undefined)
    return false;
  // A domain may have a default of its own.
  const ofDomain = engine.dependencies(view.desired, id).some((type) => type.startsWith("domain:"));
  return !ofDomain && population.relations.has(column.relation);
}
