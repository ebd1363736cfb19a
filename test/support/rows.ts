import type { TestDatabase } from "./database.ts";

/** How many tables there were to fill, and which of them would not take a row. */
export interface Filling {
  readonly tables: number;
  readonly refused: readonly string[];
}

const ROWS = 3;
const ATTEMPTS = 12;

interface Column {
  readonly name: string;
  readonly type: Type;
  readonly references: { readonly table: string; readonly column: string } | undefined;
}

/** A type as far as making values of it needs to know; a domain's is its base type with more literals. */
interface Type {
  readonly sql: string;
  readonly kind: "base" | "enum" | "array" | "range" | "composite";
  readonly base: string;
  readonly category: string;
  readonly length: number | undefined;
  readonly labels: readonly string[];
  readonly element: Type | undefined;
  readonly literals: readonly string[];
}

interface Table {
  readonly oid: string;
  readonly name: string;
  readonly dependsOn: readonly string[];
}

// Partitions get their rows through the table they are of.
const TABLES = `
select c.oid::text as oid, c.oid::regclass::text as name,
       array(select confrelid::text from pg_constraint where conrelid = c.oid and contype = 'f' and confrelid <> c.oid) as "dependsOn"
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and not c.relispartition
   and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrations')
   and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
 order by c.oid`;

// Literals of checks and of partition bounds are values that these let pass, or near such.
const COLUMNS = `
select a.attname as name, a.atttypid::text as type, a.atttypmod as modifier, format_type(a.atttypid, a.atttypmod) as sql,
       (select string_agg(pg_get_constraintdef(con.oid), ' ')
          from pg_constraint con where con.conrelid = a.attrelid and con.contype = 'c' and a.attnum = any (con.conkey)) as checks,
       (select string_agg(pg_get_expr(p.relpartbound, p.oid), ' ')
          from pg_partition_tree(a.attrelid) tree join pg_class p on p.oid = tree.relid
         where exists (select from pg_partitioned_table k where a.attnum = any (k.partattrs::int2[]) and k.partrelid = tree.parentrelid)) as bounds,
       (select jsonb_build_object('table', con.confrelid::regclass::text, 'column', quote_ident(target.attname))
          from pg_constraint con, unnest(con.conkey, con.confkey) as pair (own, other)
          join pg_attribute target on target.attnum = pair.other
         where con.conrelid = a.attrelid and con.contype = 'f' and pair.own = a.attnum and target.attrelid = con.confrelid
           and con.confrelid <> con.conrelid limit 1) as references
  from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attidentity = ''
   and coalesce(pg_get_expr(d.adbin, d.adrelid), '') !~ 'nextval\\('
 order by a.attnum`;

const TYPE = `
select t.typtype as typtype, t.typname as name, t.typcategory as category, t.typbasetype::text as base, t.typtypmod as modifier,
       case when t.typcategory = 'A' then t.typelem::text end as element,
       array(select enumlabel::text from pg_enum where enumtypid = t.oid order by enumsortorder) as labels,
       (select rngsubtype::text from pg_range where rngtypid = t.oid) as subtype,
       (select string_agg(pg_get_constraintdef(oid), ' ') from pg_constraint where contypid = t.oid) as checks
  from pg_type t where t.oid = $1::oid`;

/**
 * Puts rows in every table, whatever its columns are. Checks are met by trying: values that their own
 * literals suggest first. Triggers stay quiet, and foreign keys point to rows that are there.
 */
export async function fillTables(database: TestDatabase): Promise<Filling> {
  const tables = byDependency(await database.query<Table>(TABLES));
  const refused: string[] = [];
  await database.query("set session_replication_role = replica");
  for (const table of tables) {
    const columns = await readColumns(database, table.oid);
    for (let row = 1; row <= ROWS; row += 1) {
      if (!(await insertRow(database, table, columns, row)) && row === 1) refused.push(table.name);
    }
  }
  await database.query("reset session_replication_role");
  return { tables: tables.length, refused };
}

function byDependency(tables: readonly Table[]): Table[] {
  const sorted: Table[] = [];
  const visiting = new Set<string>();
  const visit = (table: Table): void => {
    if (visiting.has(table.oid)) return;
    visiting.add(table.oid);
    for (const oid of table.dependsOn) {
      const other = tables.find((each) => each.oid === oid);
      if (other !== undefined) visit(other);
    }
    sorted.push(table);
  };
  for (const table of tables) visit(table);
  return sorted;
}

async function insertRow(
  database: TestDatabase,
  table: Table,
  columns: readonly Column[],
  row: number,
): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const values = columns.map((column) => columnValue(column, row, attempt));
    const names = columns.map(({ name }) => `"${name.replaceAll('"', '""')}"`);
    const sql =
      columns.length === 0
        ? `insert into ${table.name} default values`
        : `insert into ${table.name} (${names.join(", ")}) values (${values.join(", ")})`;
    try {
      await database.query(sql);
      return true;
    } catch {
      // Another attempt has other values.
    }
  }
  return false;
}

function columnValue(column: Column, row: number, attempt: number): string {
  const { references } = column;
  if (references !== undefined && attempt < ATTEMPTS - 1) {
    const { table, column: target } = references;
    return `(select ${target} from ${table} order by ctid offset ${row - 1} limit 1)`;
  }
  const candidates = valuesOf(column.type, row);
  return candidates[attempt % candidates.length] ?? "null";
}

/** Values of the type that differ from row to row, the likelier ones first; always a NULL at the end. */
function valuesOf(type: Type, row: number): string[] {
  const cast = (text: string): string => `${quote(text)}::${type.sql}`;
  const own = plainValues(type, row).map((text) => (text.startsWith("\u0000") ? text.slice(1) : cast(text)));
  // The first row takes the first of a check's literals, and so on.
  const turned = type.literals.map(
    (_, index) => type.literals[(index + row - 1) % type.literals.length] ?? "",
  );
  return [...turned.map(cast), ...own, "null"];
}

function plainValues(type: Type, row: number): string[] {
  const { element, labels, length = 1_000 } = type;
  if (type.kind === "enum") return [labels[(row - 1) % labels.length] ?? ""];
  if (type.kind === "array" && element !== undefined) {
    return valuesOf(element, row)
      .filter((value) => value !== "null")
      .map((value) => `\u0000array[${value}]::${type.sql}`);
  }
  if (type.kind === "range" && element !== undefined) {
    const [low, high] = [plainValues(element, row)[0], plainValues(element, row + 1)[0]];
    return [`[${low},${high})`];
  }
  if (type.kind === "composite") return [];
  const day = `2024-01-0${row}`;
  switch (type.category) {
    case "N":
      return type.base === "money"
        ? [`${row}.50`]
        : [`${row}`, `${row * 10}`, `${row + 100}`, `-${row}`, "0"];
    case "B":
      return [row % 2 === 0 ? "false" : "true", "true", "false"];
    case "S":
      // Digits first: a text that is to become a number can.
      return [`${row}`, `v${row}@example.org`, `A${row}BCDEFGHIJ`, `+1555000${row}`].map((text) =>
        text.slice(0, length),
      );
    case "D":
      if (type.base === "time" || type.base === "timetz") return [`0${row}:00`];
      return [type.base === "date" ? day : `${day} 12:00+00`, `2025-0${row}-01`, `2030-0${row}-01`];
    case "T":
      return [`${row} days`];
    case "I":
      return [type.base === "cidr" ? `10.0.${row}.0/24` : `10.0.0.${row}`];
    case "V":
      return [`${row}`.repeat(1).padStart(length, "0").replaceAll(/[^01]/g, "1")];
    case "G":
      return [`(${row},${row})`, `((0,0),(${row},${row}))`];
    default:
      return OTHERS[type.base]?.(row) ?? [`${row}`, `v${row}`];
  }
}

const OTHERS: Readonly<Record<string, (row: number) => string[]>> = {
  uuid: (row) => [`00000000-0000-4000-8000-00000000000${row}`],
  bytea: (row) => [`\\x0${row}`],
  json: (row) => [`{"k": ${row}}`, `[${row}]`],
  jsonb: (row) => [`{"k": ${row}}`, `[${row}]`],
  xml: (row) => [`<v>${row}</v>`],
  macaddr: (row) => [`08:00:2b:01:02:0${row}`],
  macaddr8: (row) => [`08:00:2b:01:02:03:04:0${row}`],
  pg_lsn: (row) => [`0/${row}`],
  tsvector: (row) => [`v${row}`],
  tsquery: (row) => [`v${row}`],
  hstore: (row) => [`k => ${row}`],
  ltree: (row) => [`a.v${row}`],
};

interface RawType {
  readonly typtype: string;
  readonly name: string;
  readonly category: string;
  readonly base: string;
  readonly modifier: number;
  readonly element: string | null;
  readonly labels: readonly string[];
  readonly subtype: string | null;
  readonly checks: string | null;
}

async function readColumns(database: TestDatabase, table: string): Promise<Column[]> {
  const rows = await database.query<{
    name: string;
    type: string;
    modifier: number;
    sql: string;
    checks: string | null;
    bounds: string | null;
    references: { table: string; column: string } | null;
  }>(COLUMNS, [table]);
  const columns: Column[] = [];
  for (const { name, type, modifier, sql, checks, bounds, references } of rows) {
    const literals = [...literalsIn(bounds), ...literalsIn(checks)];
    const read = await readType(database, type, modifier, sql);
    columns.push({
      name,
      type: { ...read, literals: [...literals, ...read.literals] },
      references: references ?? undefined,
    });
  }
  return columns;
}

async function readType(database: TestDatabase, oid: string, modifier: number, sql: string): Promise<Type> {
  const [raw] = await database.query<RawType>(TYPE, [oid]);
  if (raw === undefined) throw new Error(`there is no type ${oid}`);
  if (raw.typtype === "d") {
    const base = await readType(database, raw.base, raw.modifier, sql);
    return { ...base, literals: [...literalsIn(raw.checks), ...base.literals] };
  }
  const inner = raw.element ?? raw.subtype;
  const element =
    inner === null ? undefined : await readType(database, inner, modifier, await nameOf(database, inner));
  const kind = KINDS[raw.typtype] ?? (raw.element === null ? "base" : "array");
  return {
    sql,
    kind,
    base: raw.name,
    category: raw.category,
    // Of character types the modifier is the length and four; of bit strings the length itself.
    length: modifier < 0 ? undefined : raw.category === "V" ? modifier : modifier - 4,
    labels: raw.labels,
    element,
    literals: [],
  };
}

const KINDS: Readonly<Record<string, Type["kind"]>> = { e: "enum", r: "range", c: "composite" };

async function nameOf(database: TestDatabase, type: string): Promise<string> {
  const [row] = await database.query<{ name: string }>("select format_type($1::oid, null) as name", [type]);
  return row?.name ?? "text";
}

function literalsIn(text: string | null): string[] {
  if (text === null) return [];
  const quoted = [...text.matchAll(/'((?:[^']|'')*)'/g)].map(([, literal = ""]) =>
    literal.replaceAll("''", "'"),
  );
  const numbers = [...text.matchAll(/(?<![\w.'])\d+(?![\w'])/g)].map(([literal]) => literal);
  return [...quoted, ...numbers, ...numbers.map((literal) => `${Number(literal) + 1}`)];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The rows of every table that holds some itself, as text, and the type of each of their columns. */
export type Contents = ReadonlyMap<string, TableContents>;

export interface TableContents {
  readonly types: Readonly<Record<string, string>>;
  readonly rows: readonly Readonly<Record<string, string | null>>[];
}

const LEAVES = `
select format('%I.%I', n.nspname, c.relname) as name,
       (select jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) || a.attgenerated::text)
          from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as types
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrations')
 order by 1`;

export async function readContents(database: TestDatabase): Promise<Contents> {
  const tables = await database.query<{ name: string; types: Record<string, string> | null }>(LEAVES);
  const contents = new Map<string, TableContents>();
  for (const { name, types } of tables) {
    const columns = Object.keys(types ?? {}).map((column) => `"${column.replaceAll('"', '""')}"::text`);
    const rows = await database.query<Record<string, string | null>>(
      `select ${columns.join(", ")} from only ${name}`,
    );
    contents.set(name, { types: types ?? {}, rows });
  }
  return contents;
}
