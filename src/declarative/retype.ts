import { SlipwayError } from "../errors.ts";
import type { Session } from "../postgres/session.ts";
import { hasSqlState } from "../postgres/sqlstate.ts";
import type { EnginePlan, ManagedView, SchemaEngine } from "./engine/engine.ts";
import { describeObject } from "./object-name.ts";

const CANNOT_COERCE: ReadonlySet<string> = new Set(["42846"]);
/** The new type is one that the plan itself makes: only the change will tell. */
const NO_SUCH_TYPE: ReadonlySet<string> = new Set(["42704", "3F000"]);

const IS_PARTITION_KEY = `
select from pg_catalog.pg_partitioned_table p
  join pg_catalog.pg_attribute a on a.attrelid = p.partrelid
 where p.partrelid = pg_catalog.to_regclass($1) and a.attname = $2
   and (a.attnum = any (p.partattrs::int2[])
        or exists (select from pg_catalog.pg_depend d
                    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = p.partrelid and d.objsubid = 0
                      and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = p.partrelid
                      and d.refobjsubid = a.attnum))`;

/**
 * Refuses, before anything runs, a change of a column's type that PostgreSQL can't make: a partition key's
 * (manual, ALTER TABLE), or one that there is no cast for. No row is looked at: whether a cast exists is a
 * matter of the two types.
 */
export async function requireRetypable(
  session: Session,
  engine: SchemaEngine,
  view: ManagedView,
  plan: EnginePlan,
): Promise<void> {
  const steps = plan.actions.flatMap(({ step }) => (step?.kind === "set type" ? [step] : []));
  const retyped = new Set(steps.map(({ column }) => column));
  const throughText = new Set(steps.flatMap((step) => (step.throughText === true ? [step.column] : [])));
  for (const { id, property, from, to } of plan.edits) {
    if (property !== "type" || !retyped.has(id)) continue;
    const column = describeObject(engine, view.desired, id);
    const { parent, ownName } = engine.describe(view.desired, id);
    const table = parent === undefined ? "" : engine.quotedName(view.desired, parent);
    if ((await session.query(IS_PARTITION_KEY, [table, ownName])).length > 0) {
      throw new SlipwayError(
        "SOURCE_INVALID",
        `no way is known to bring this change about: ${column} is part of a partition key, and PostgreSQL changes the type of none`,
        { next: "make a new partitioned table and move the rows in a user migration" },
      );
    }
    if (throughText.has(id) || (await hasCast(session, String(from), String(to)))) continue;
    throw new SlipwayError(
      "SOURCE_INVALID",
      `no way is known to bring this change about: ${column} cannot be cast from ${from} to ${to}`,
      {
        next: "make the change in a user migration (ALTER TABLE … ALTER COLUMN … TYPE … USING …), then let the schema files say the same",
      },
    );
  }
}

async function hasCast(session: Session, from: string, to: string): Promise<boolean> {
  const nested = session.status !== "I";
  if (nested) await session.execute("savepoint slipway_cast");
  try {
    await session.execute(`select x::${to} from (select null::${from} where false) t (x)`);
    return true;
  } catch (error) {
    if (nested) await session.execute("rollback to savepoint slipway_cast");
    if (hasSqlState(error, CANNOT_COERCE)) return false;
    if (hasSqlState(error, NO_SUCH_TYPE)) return true;
    throw error;
  } finally {
    if (nested) await session.execute("release savepoint slipway_cast");
  }
}
