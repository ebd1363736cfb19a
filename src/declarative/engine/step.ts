import { encodeId, type StableId } from "@supabase/pg-delta/core";
import type { Action } from "@supabase/pg-delta/plan";
import { quoteIdent } from "../../sql/quote.ts";
import type { ColumnStep, Edit, EngineAction } from "./engine.ts";
import type { Facts } from "./facts.ts";

/**
 * What an ALTER does to which column. The engine says only which objects a statement touches, but writes
 * its statements in one fixed form, every name quoted; held against that form, with the names put in, a
 * statement is recognised as a whole and never by a piece of it.
 */
export function columnStepOf(action: Action): ColumnStep | undefined {
  const match = ALTER_COLUMN.exec(action.sql);
  if (match === null) return undefined;
  const [, schema = "", table = "", name = "", clause = ""] = match;
  const id: StableId = {
    kind: "column",
    schema: unquote(schema),
    table: unquote(table),
    name: unquote(name),
  };
  const kind = CLAUSES.find(([, pattern]) => pattern.test(clause))?.[0];
  return kind === undefined ? undefined : { kind, column: encodeId(id) };
}

const NAME = '"((?:[^"]|"")*)"';
const ALTER_COLUMN = new RegExp(`^ALTER TABLE ${NAME}\\.${NAME} ALTER COLUMN ${NAME} (.*)$`, "s");

const CLAUSES: readonly (readonly [kind: ColumnStep["kind"], pattern: RegExp])[] = [
  ["drop default", /^DROP DEFAULT$/],
  ["set default", /^SET DEFAULT /],
  ["set type", /^TYPE /],
  ["set not null", /^SET NOT NULL$/],
  ["add identity", /^ADD GENERATED (?:ALWAYS|BY DEFAULT) AS IDENTITY/],
];

function unquote(name: string): string {
  return name.replaceAll('""', '"');
}

/**
 * PostgreSQL has no cast from one enum, composite or range to another; by way of text every value is kept that
 * the new type has too, and any other is an error. An enum under a new name is the usual case.
 */
export function throughText(current: Facts, desired: Facts, action: EngineAction): EngineAction {
  const { step } = action;
  if (step?.kind !== "set type") return action;
  const id = desired.byId.get(step.column)?.id;
  const from = String(current.byId.get(step.column)?.payload["type"]);
  const to = String(desired.byId.get(step.column)?.payload["type"]);
  const array = to.endsWith("[]") ? "[]" : "";
  const isBetweenOwn = isOwnType(current, from) && isOwnType(desired, to);
  if (id?.kind !== "column" || from === to || !isBetweenOwn || from.endsWith("[]") !== to.endsWith("[]"))
    return action;
  const table = `${quoted(id.schema)}.${quoted(id.table)}`;
  const column = quoted(id.name);
  const sql = `ALTER TABLE ${table} ALTER COLUMN ${column} TYPE ${to} USING ${column}::text${array}::${to}`;
  return { ...action, sql, step: { ...step, throughText: true } };
}

/** Of a type as `format_type` writes it. */
function isOwnType(facts: Facts, type: string): boolean {
  const name = type.replace(/\[\]$/, "");
  for (const { id } of facts.byId.values()) {
    if (id.kind === "type" && `${quoteIdent(id.schema)}.${quoteIdent(id.name)}` === name) return true;
  }
  return false;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A new type brings its own collation along unless another is named (manual, ALTER TABLE, "SET DATA TYPE"). */
export function keepCollation(desired: Facts, action: EngineAction): EngineAction {
  const fact = action.step?.kind === "set type" ? desired.byId.get(action.step.column) : undefined;
  const collation = fact?.payload["collation"];
  if (fact?.id.kind !== "column" || typeof collation !== "string") return action;
  const { schema, table, name } = fact.id;
  const head = `ALTER TABLE ${quoted(schema)}.${quoted(table)} ALTER COLUMN ${quoted(name)} TYPE ${String(fact.payload["type"])}`;
  if (!action.sql.startsWith(head))
    throw new Error(`the engine changes a type in another form: ${action.sql}`);
  return { ...action, sql: `${head} COLLATE ${collation}${action.sql.slice(head.length)}` };
}

const COLLATED = "in another collation: ";

/**
 * ALTER … TYPE gives a column another collation, with the type that it has (manual, ALTER TABLE). The engine makes the
 * column anew, without what it held; seen as one of another type, it is altered.
 */
export function asRetyped(current: Facts, desired: Facts): Facts {
  const byId = new Map(current.byId);
  for (const [id, fact] of current.byId) {
    const wanted = fact.id.kind === "column" ? desired.byId.get(id)?.payload : undefined;
    if (wanted === undefined || wanted["collation"] === fact.payload["collation"]) continue;
    if (fact.payload["generatedExpr"] !== null || wanted["generatedExpr"] !== null) continue;
    const type = String(fact.payload["type"]);
    const seen = type === wanted["type"] ? `${COLLATED}${type}` : type;
    byId.set(id, {
      ...fact,
      payload: { ...fact.payload, collation: wanted["collation"] ?? null, type: seen },
    });
  }
  return { ...current, byId };
}

/** A type without the note that its collation changes. */
export function plainType(type: unknown): unknown {
  return typeof type === "string" && type.startsWith(COLLATED) ? type.slice(COLLATED.length) : type;
}

/** Of columns that keep their place and get another collation. */
export function collationEdits(current: Facts, desired: Facts, actions: readonly EngineAction[]): Edit[] {
  return actions.flatMap(({ step }) => {
    if (step?.kind !== "set type") return [];
    const [from, to] = [current, desired].map(({ byId }) => byId.get(step.column)?.payload["collation"]);
    return from === to ? [] : [{ id: step.column, property: "collation", from, to }];
  });
}
