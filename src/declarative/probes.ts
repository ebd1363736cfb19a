import type { RunContext } from "../context.ts";
import type { Problem } from "../errors.ts";
import { quoteIdent, quoteLiteral } from "../sql/quote.ts";
import type { Demand, ManagedView, ObjectId, SchemaEngine } from "./engine/engine.ts";
import type { Plan } from "./plan.ts";
import { constraintQuestion, indexKeys, uniqueQuestion } from "./question.ts";
import { columnsOf, keyOf } from "./row-key.ts";
import { ask, type Probe, toProblem } from "./row-probe.ts";
import { isWidening } from "./widening.ts";

const ALL_PROBES_MS = 60_000;

/**
 * What rows forbid of the plan, all of it at once and before anything runs: values that are missing, doubled,
 * without their counterpart, against a check or not to be read as the new type. Only reads; a big table
 * that isn't through in time is left to the statement that needs it.
 */
export async function findForbidding(
  context: RunContext,
  plan: Plan,
  engine: SchemaEngine,
  view: ManagedView,
): Promise<Problem[]> {
  const { session, log } = context;
  const recreated = new Set(
    plan.changes.flatMap(({ verb, objectId }) => (verb === "drop" ? [objectId] : [])),
  );
  const demands = engine
    .demands(view)
    .filter((demand) => !isMoot(engine, view, demand, recreated))
    .filter((demand) => demand.kind !== "not null" || !isFilled(plan, demand.id));
  if (demands.length === 0) return [];
  const problems: Problem[] = [];
  const unproven: string[] = [];
  const deadline = performance.now() + ALL_PROBES_MS;
  await session.transaction(
    async () => {
      for (const demand of demands) {
        for (const probe of await probesOf(context, engine, view, demand)) {
          const found = performance.now() > deadline ? "unproven" : await ask(context, probe);
          if (found === "unproven") unproven.push(probe.message);
          else if (found !== undefined) problems.push(toProblem(probe, found));
        }
      }
    },
    { begin: "begin read only" },
  );
  if (unproven.length > 0)
    log.info({ unproven }, "Not every row could be checked in time, the statements will tell");
  return problems;
}

/** Of a column that a run which died left half filled, the plan fills the rest. */
function isFilled({ changes }: Plan, column: ObjectId): boolean {
  return changes.some(({ online, objectId }) => online?.fills !== undefined && objectId === column);
}

/** What is dropped, and perhaps made anew, holds none of the rows of today. */
function isMoot(
  engine: SchemaEngine,
  view: ManagedView,
  demand: Demand,
  dropped: ReadonlySet<ObjectId>,
): boolean {
  if (demand.kind === "values") return false;
  if (dropped.has(demand.owner) || (demand.kind !== "constraint" && demand.kind !== "unique index"))
    return dropped.has(demand.owner) || dropped.has(demand.id);
  return [...dropped].some(
    (id) => engine.describe(view.current, id).parent === demand.owner && id.startsWith("column:"),
  );
}

async function probesOf(
  context: RunContext,
  engine: SchemaEngine,
  view: ManagedView,
  demand: Demand,
): Promise<Probe[]> {
  const { kind, name, ownName } = engine.describe(view.current, demand.id);
  const what = `${kind} ${engine.describe(view.desired, demand.id).name || name}`;
  if (demand.kind === "values") {
    const removed = `array[${demand.removed.map(quoteLiteral).join(", ")}]`;
    const type = engine.quotedName(view.current, demand.id);
    return (await columnsOf(context, type)).map((column) => ({
      at: `table ${column.table}`,
      sqlstate: "22P02",
      message: `${what} loses a value that column ${column.name} holds`,
      rows: `select ${column.key} from ${column.sql} t where ${column.column}::text = any (${removed})`,
    }));
  }
  const owner = engine.describe(view.current, demand.owner);
  const table = engine.quotedName(view.current, demand.owner);
  if (owner.kind === "domain") return domainProbes(context, demand, table, what);
  const at = `table ${owner.name}`;
  const key = await keyOf(context, table);
  if (demand.kind === "not null") {
    const rows = `select ${key} from ${table} t where t.${quoteIdent(ownName)} is null`;
    return [{ at, sqlstate: "23502", message: `${what} is to be NOT NULL and holds NULL`, rows }];
  }
  if (demand.kind === "type") {
    if (isWidening(demand.from, demand.type)) return [];
    const column = `t.${quoteIdent(ownName)}`;
    const refuses = refusesCast(column, demand, context.session.serverMajor);
    const rows = `select ${key} from ${table} t where ${column} is not null and ${refuses}`;
    return [{ at, sqlstate: "22P02", message: `${what} cannot become ${demand.type}`, rows }];
  }
  const probe =
    demand.kind === "unique index"
      ? uniqueQuestion(table, indexKeys(demand.definition))
      : constraintQuestion(table, key, demand.definition);
  return probe === undefined ? [] : [{ at, ...probe, message: `${what} ${probe.message}` }];
}

/** SQL for the rows that the new type refuses; where PostgreSQL can't be asked that, it fails at the first. */
function refusesCast(column: string, demand: Extract<Demand, { kind: "type" }>, serverMajor: number): string {
  const { from, type, values } = demand;
  if (values !== undefined) return `${column}::text <> all (array[${values.map(quoteLiteral).join(", ")}])`;
  // A cast to these cuts what is too long, where reading a literal would refuse it.
  const isCutting = /^(?:character|bit)\b/.test(type);
  return serverMajor >= 16 && /^(?:text|character)\b/.test(from) && !isCutting
    ? `not pg_catalog.pg_input_is_valid(${column}::text, ${quoteLiteral(type)})`
    : `(${column}::${type}) is null`;
}

async function domainProbes(
  context: RunContext,
  demand: Demand,
  domain: string,
  what: string,
): Promise<Probe[]> {
  if (demand.kind !== "constraint" && demand.kind !== "not null") return [];
  return (await columnsOf(context, domain)).flatMap(({ table, sql, column, key, name }) => {
    const at = `table ${table}`;
    if (demand.kind === "not null") {
      const rows = `select ${key} from ${sql} t where ${column} is null`;
      return [
        { at, sqlstate: "23502", message: `${what} is to be NOT NULL and column ${name} holds NULL`, rows },
      ];
    }
    const values = `(select ${column} as value, ${key} as key from ${sql} t) v`;
    const probe = constraintQuestion(values, "v.key", demand.definition);
    return probe === undefined
      ? []
      : [
          {
            ...probe,
            at,
            rows: probe.rows.replace(/ t where/, " where"),
            message: `${what} ${probe.message}, by column ${name}`,
          },
        ];
  });
}
