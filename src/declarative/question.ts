import { TokenCursor } from "../sql/cursor.ts";
import { quoteIdent, quoteLiteral } from "../sql/quote.ts";
import type { Probe } from "./row-probe.ts";

/** What a definition asks of rows, wherever they are. */
export type Question = Omit<Probe, "at">;

/** `definition` as `pg_get_constraintdef` has it, `table` and `key` as SQL. Undefined where rows forbid nothing. */
export function constraintQuestion(table: string, key: string, definition: string): Question | undefined {
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
  if (cursor.skip("foreign", "key")) return foreignKeyQuestion(table, key, cursor);
  if (cursor.skip("primary", "key") || cursor.skip("unique")) {
    const nullsToo = cursor.skip("nulls", "not", "distinct");
    const columns = takeGroup(cursor);
    if (columns === undefined || /WITHOUT OVERLAPS/.test(columns)) return undefined;
    return uniqueQuestion(table, { keys: splitList(columns), nullsToo, condition: undefined });
  }
  return undefined;
}

function foreignKeyQuestion(table: string, key: string, cursor: TokenCursor): Question | undefined {
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

export function uniqueQuestion(table: string, unique: UniqueKeys | undefined): Question | undefined {
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
export function indexKeys(definition: string): UniqueKeys | undefined {
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
