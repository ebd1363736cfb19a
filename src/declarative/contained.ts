import type { RunContext } from "../context.ts";
import type { Problem } from "../errors.ts";
import type { ManagedView, SchemaEngine } from "./engine/engine.ts";
import type { Plan } from "./plan.ts";

// What is made of the type, at any depth. A domain over it holds the same values; an array, a range or a composite,
// also the row of a table, contains them.
const COLUMNS = `
with recursive made (oid, contains) as (
  select pg_catalog.to_regtype($1)::oid, false
  union
  select u.oid, u.contains
    from made m
    cross join lateral (
      select t.oid, m.contains from pg_catalog.pg_type t where t.typtype = 'd' and t.typbasetype = m.oid
      union all
      select t.typarray, true from pg_catalog.pg_type t where t.oid = m.oid and t.typarray <> 0
      union all
      select r.oid, true
        from pg_catalog.pg_range g, unnest(array[g.rngtypid, g.rngmultitypid]) r (oid) where g.rngsubtype = m.oid
      union all
      select c.reltype, true
        from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
       where a.atttypid = m.oid and not a.attisdropped and c.reltype <> 0) u (oid, contains))
select distinct n.nspname || '.' || c.relname as table, a.attname::text as name,
       pg_catalog.format_type(a.atttypid, a.atttypmod) as type
  from made m
  join pg_catalog.pg_attribute a on a.atttypid = m.oid and not a.attisdropped
  join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'm') and not c.relispartition
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where m.contains
 order by 1, 2`;

/**
 * Columns that hold a domain's values within those of another type, where the domain gets a check or becomes NOT
 * NULL: PostgreSQL can't look into them, and refuses that even without a row (manual, ALTER DOMAIN, "Notes").
 */
export async function findContained(
  context: RunContext,
  plan: Plan,
  engine: SchemaEngine,
  view: ManagedView,
): Promise<Problem[]> {
  const leaving = new Set(
    plan.changes
      .filter(({ verb, sql }) => verb === "drop" || / ALTER COLUMN .* TYPE /.test(sql))
      .map(({ objectId }) => engine.describe(view.current, objectId).name),
  );
  const domains = engine.demands(view).flatMap((demand) => {
    const isNew = demand.kind === "constraint" || demand.kind === "not null";
    return isNew && engine.describe(view.current, demand.owner).kind === "domain" ? [demand.owner] : [];
  });
  const problems: Problem[] = [];
  for (const id of new Set(domains)) {
    const { name } = engine.describe(view.current, id);
    if (leaving.has(name)) continue;
    const columns = await context.session.query<{ table: string; name: string; type: string }>(COLUMNS, [
      engine.quotedName(view.current, id),
    ]);
    for (const column of columns) {
      if (leaving.has(column.table) || leaving.has(`${column.table}.${column.name}`)) continue;
      problems.push({
        at: `table ${column.table}`,
        message: `domain ${name} gets a condition, and column ${column.name} holds it within ${column.type}: 0A000`,
        hint: "PostgreSQL adds a condition to no domain that a column holds within another type: give the column another one in the same files, such as an array of the domain's base type",
      });
    }
  }
  return problems;
}
