import type { RunContext } from "../context.ts";
import type { Problem } from "../errors.ts";
import type { ManagedView, ObjectId, SchemaEngine } from "./engine/engine.ts";

/**
 * New columns that are NOT NULL and have nothing to put into the rows that are there: PostgreSQL would refuse
 * them too, in the midst of the plan.
 */
export async function findUnfillable(
  context: RunContext,
  engine: SchemaEngine,
  view: ManagedView,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const id of view.desired.ids) {
    if (view.current.ids.has(id) || !isUnfillable(engine, view, id)) continue;
    const { parent, name } = engine.describe(view.desired, id);
    if (parent === undefined || !view.current.ids.has(parent)) continue;
    const relation = engine.quotedName(view.desired, parent);
    const [row] = await context.session.query<{ found: boolean }>(
      `select exists (select from ${relation}) as found`,
    );
    if (row?.found !== true) continue;
    problems.push({
      at: `table ${engine.describe(view.desired, parent).name}`,
      message: `column ${name} is new, NOT NULL and without a default, and there are rows`,
      hint: "give it a default; or let it be NULL, fill it in a migration, and make it NOT NULL in a later release",
    });
  }
  return problems;
}

function isUnfillable(engine: SchemaEngine, view: ManagedView, id: ObjectId): boolean {
  const column = engine.column(view.desired, id);
  if (column === undefined || !column.notNull || column.computed || column.default !== undefined)
    return false;
  // A domain may have a default of its own.
  return !engine.dependencies(view.desired, id).some((type) => type.startsWith("domain:"));
}
