import type { RunContext } from "../context.ts";
import { quoteIdent, quoteLiteral } from "../sql/quote.ts";

/** A column that holds values of a type, and SQL that names its rows. */
export interface TypedColumn {
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

/** Columns of tables that are of this very type, given as SQL. */
export async function columnsOf(context: RunContext, type: string): Promise<TypedColumn[]> {
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
export async function keyOf(context: RunContext, table: string): Promise<string> {
  const [row] = await context.session.query<{ columns: string[] | null }>(PRIMARY_KEY, [table]);
  const columns = row?.columns?.map(quoteIdent) ?? [];
  if (columns.length === 0) return `'ctid ' || t.ctid::text`;
  const values = columns.map((column) => `t.${column}::text`).join(` || ', ' || `);
  return `${quoteLiteral(`(${columns.join(", ")})=(`)} || ${values} || ')'`;
}
