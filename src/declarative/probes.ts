import type { RunContext } from "../context.ts";
import type { Problem } from "../errors.ts";
import { adviceFor } from "../postgres/advice.ts";
import { hasSqlState, isServerError } from "../postgres/sqlstate.ts";
import { TokenCursor } from "../sql/cursor.ts";
import { quoteIdent, quoteLiteral } from "../sql/quote.ts";
import { isWidening } from "./classify.ts";
import type { Demand, ManagedView, ObjectId, SchemaEngine } from "./engine/engine.ts";
import type { Plan } from "./plan.ts";

/** A question to the rows: those that it finds, forbid the change. */
interface Probe {
  /** Where it would fail: `table app.orders`. */
  readonly at: string;
  /** What it would fail with. */
  readonly sqlstate: string;
  /** `constraint positive: rows break CHECK ((total > 0))`. */
  readonly message: string;
  /** Of the offending rows, one column `key` that names a row to a person. */
  readonly rows: string;
  /** Instead, where a table that the plan makes first is still missing. */
  readonly rowsWithout?: string;
}

/** Rows are not counted further. */
const COUNTED = 1_000;
const SAMPLES = 3;
/** A scan that takes longer is left to the statement itself. */
const PROBE_TIMEOUT_MS = 10_000;
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

interface Found {
  readonly rows: number;
  readonly samples: readonly string[];
  readonly sqlstate?: string;
}

async function ask(context: RunContext, probe: Probe): Promise<Found | "unproven" | undefined> {
  const { session } = context;
  const count = async (rows: string): Promise<Found | undefined> => {
    await session.execute(`savepoint slipway_probe; set local statement_timeout = ${PROBE_TIMEOUT_MS}`);
    await session.execute(`set local lock_timeout = ${context.config.lockTimeoutMs}`);
    const [row] = await session.query<{ rows: number; samples: string[] }>(
      `select count(*)::int as rows, coalesce((pg_catalog.array_agg(key))[1:${SAMPLES}], '{}') as samples
         from (${rows} limit ${COUNTED}) as found (key)`,
    );
    return row === undefined || row.rows === 0 ? undefined : row;
  };
  const undo = (): Promise<unknown> => session.execute("rollback to savepoint slipway_probe");
  try {
    const found = await count(probe.rows);
    await undo();
    return found;
  } catch (error) {
    if (!isServerError(error)) throw error;
    await undo();
    context.signal.throwIfAborted();
    const { rowsWithout, ...rest } = probe;
    if (hasSqlState(error, NO_TABLE) && rowsWithout !== undefined)
      return ask(context, { ...rest, rows: rowsWithout });
    if (VALUES_REFUSED.test(error.code)) {
      // Refused without a row as well, the definition itself speaks of a value that the plan adds to its enum.
      const isOfRows = await isReadable(context, probe.rows);
      return isOfRows ? { rows: 1, samples: [error.message], sqlstate: error.code } : undefined;
    }
    if (hasSqlState(error, OUT_OF_TIME)) return "unproven";
    // It speaks of what the plan makes first, or of what only the statement itself can know.
    return undefined;
  }
}

/** True where the question can be put at all: it fails, if it does, at a row. */
async function isReadable({ session }: RunContext, rows: string): Promise<boolean> {
  await session.execute("savepoint slipway_probe");
  try {
    await session.execute(`select from (${rows}) as found (key) limit 0`);
    return true;
  } catch (error) {
    if (!isServerError(error)) throw error;
    return false;
  } finally {
    await session.execute("rollback to savepoint slipway_probe");
  }
}

/** Class 22, "data exception", but for what arithmetic in a check may say of rows that are in order. */
const VALUES_REFUSED = /^22(?!012)/;
const NO_TABLE: ReadonlySet<string> = new Set(["42P01", "3F000"]);
const OUT_OF_TIME: ReadonlySet<string> = new Set(["57014", "55P03"]);

function toProblem(probe: Probe, { rows, samples, sqlstate }: Found): Problem {
  const state = sqlstate ?? probe.sqlstate;
  const many = rows >= COUNTED ? `${COUNTED} or more` : `${rows}`;
  const hint = adviceFor(state);
  return {
    at: probe.at,
    message:
      sqlstate === undefined
        ? `${probe.message}: ${state}, ${many} ${rows === 1 ? "row" : "rows"}: ${samples.join(", ")}`
        : `${probe.message}: ${state} ${samples.join(", ")}`,
    ...(hint === undefined ? {} : { hint }),
  };
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
      ? uniqueProbe(table, indexKeys(demand.definition))
      : constraintProbe(table, key, demand.definition);
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

type Question = Omit<Probe, "at">;

function constraintProbe(table: string, key: string, definition: string): Question | undefined {
  const cursor = new TokenCursor(definition);
  if (cursor.skip("check")) {
    const condition = takeGroup(cursor);
    if (condition === undefined || /NOT (?:VALID|ENFORCED)/.test(cursor.rest())) return undefined;
    return {
      sqlstate: "23514",
      message: `is broken, CHECK (${condition})`,
      rows: `select ${key} from ${table} t where not (${condition})`,
    };
  }
  if (cursor.skip("foreign", "key")) return foreignKeyProbe(table, key, cursor);
  if (cursor.skip("primary", "key") || cursor.skip("unique")) {
    const nullsToo = cursor.skip("nulls", "not", "distinct");
    const columns = takeGroup(cursor);
    if (columns === undefined || /WITHOUT OVERLAPS/.test(columns)) return undefined;
    return uniqueProbe(table, { keys: splitList(columns), nullsToo, condition: undefined });
  }
  return undefined;
}

function foreignKeyProbe(table: string, key: string, cursor: TokenCursor): Question | undefined {
  const own = takeGroup(cursor);
  if (own === undefined || !cursor.skip("references")) return undefined;
  const target = cursor.name();
  const other = takeGroup(cursor);
  if (target === undefined || other === undefined || /NOT (?:VALID|ENFORCED)/.test(cursor.rest()))
    return undefined;
  if (/^PERIOD /.test(own) || /, PERIOD /.test(own)) return undefined;
  const columns = splitList(own);
  const present = columns.map((column) => `t.${column} is not null`).join(" and ");
  const same = splitList(other).map((column, index) => `o.${column} = t.${columns[index] ?? ""}`);
  const schema = target.schema === undefined ? "" : `${quoteIdent(target.schema)}.`;
  const targetName = `${schema}${quoteIdent(target.name)}`;
  const all = `select ${key} from ${table} t where ${present}`;
  return {
    sqlstate: "23503",
    message: `refers to rows that ${targetName} lacks`,
    rows: `${all} and not exists (select from ${targetName} o where ${same.join(" and ")})`,
    rowsWithout: all,
  };
}

interface UniqueKeys {
  readonly keys: readonly string[];
  readonly nullsToo: boolean;
  readonly condition: string | undefined;
}

function uniqueProbe(table: string, unique: UniqueKeys | undefined): Question | undefined {
  if (unique === undefined || unique.keys.length === 0) return undefined;
  const { keys, nullsToo, condition } = unique;
  const list = keys.join(", ");
  const conditions = [
    ...(condition === undefined ? [] : [`(${condition})`]),
    ...(nullsToo ? [] : keys.map((key) => `(${key}) is not null`)),
  ];
  const where = conditions.length === 0 ? "" : ` where ${conditions.join(" and ")}`;
  const shown = keys.map((key) => `coalesce((${key})::text, 'NULL')`).join(` || ', ' || `);
  return {
    sqlstate: "23505",
    message: "has keys that are duplicated",
    rows: `select ${quoteLiteral(`(${list})=(`)} || ${shown} || ')' from ${table} t${where} group by ${list} having count(*) > 1`,
  };
}

/** `CREATE UNIQUE INDEX i ON app.t USING btree (lower(a) COLLATE "C" DESC, b) INCLUDE (c) WHERE (d > 0)` */
function indexKeys(definition: string): UniqueKeys | undefined {
  const cursor = new TokenCursor(definition);
  if (!cursor.skipTo("using")) return undefined;
  cursor.name();
  const keys = takeGroup(cursor);
  if (keys === undefined) return undefined;
  const nullsToo = /\bNULLS NOT DISTINCT\b/.test(cursor.rest());
  const condition = cursor.skipTo("where") ? cursor.rest() : undefined;
  return { keys: splitList(keys).map(withoutOrder), nullsToo, condition };
}

/** An index's key without collation, operator class and order, which say nothing about what is equal to what. */
function withoutOrder(key: string): string {
  const cursor = new TokenCursor(key);
  const start = cursor.peek()?.start ?? 0;
  let end = start;
  if (cursor.word() === "(") cursor.skipParentheses();
  else {
    cursor.name();
    cursor.skipParentheses();
  }
  end = cursor.peek()?.start ?? key.length;
  return key.slice(start, end).trim();
}

/** The text of a group in parentheses, and passes it. */
function takeGroup(cursor: TokenCursor): string | undefined {
  const before = cursor.rest();
  if (!cursor.skipParentheses()) return undefined;
  const after = cursor.rest();
  return before
    .slice(0, before.length - after.length)
    .trim()
    .slice(1, -1);
}

function splitList(list: string): string[] {
  const cursor = new TokenCursor(list);
  const items: string[] = [];
  let start = 0;
  while (!cursor.atEnd) {
    if (cursor.word() === ",") {
      const at = cursor.take()?.start ?? start;
      items.push(list.slice(start, at).trim());
      start = at + 1;
    } else if (!cursor.skipParentheses()) cursor.take();
  }
  return [...items, list.slice(start).trim()];
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
    const probe = constraintProbe(values, "v.key", demand.definition);
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

interface TypedColumn {
  readonly table: string;
  readonly name: string;
  readonly sql: string;
  readonly column: string;
  readonly key: string;
}

const COLUMNS_OF_TYPE = `
select n.nspname || '.' || c.relname as table, a.attname::text as name, c.oid::regclass::text as sql
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where a.atttypid = $1::regtype and c.relkind in ('r', 'p') and not c.relispartition and not a.attisdropped
 order by 1, 2`;

async function columnsOf(context: RunContext, type: string): Promise<TypedColumn[]> {
  const rows = await context.session.query<{ table: string; name: string; sql: string }>(COLUMNS_OF_TYPE, [
    type,
  ]);
  const columns: TypedColumn[] = [];
  for (const row of rows) {
    columns.push({ ...row, column: `t.${quoteIdent(row.name)}`, key: await keyOf(context, row.sql) });
  }
  return columns;
}

const PRIMARY_KEY = `
select pg_catalog.array_agg(a.attname::text order by k.position) as columns
  from pg_catalog.pg_index i, unnest(i.indkey::int2[]) with ordinality as k (number, position), pg_catalog.pg_attribute a
 where i.indrelid = $1::regclass and i.indisprimary and a.attrelid = i.indrelid and a.attnum = k.number`;

/** SQL that names a row of the table `t`: `(id)=(4711)`, or where there is no key its place. */
async function keyOf(context: RunContext, table: string): Promise<string> {
  const [row] = await context.session.query<{ columns: string[] | null }>(PRIMARY_KEY, [table]);
  const columns = row?.columns?.map(quoteIdent) ?? [];
  if (columns.length === 0) return `'ctid ' || t.ctid::text`;
  const values = columns.map((column) => `t.${column}::text`).join(` || ', ' || `);
  return `${quoteLiteral(`(${columns.join(", ")})=(`)} || ${values} || ')'`;
}
