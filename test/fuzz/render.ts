import {
  type ColumnPart,
  categoryOf,
  columnsOf,
  type Expression,
  type Fallback,
  type Model,
  needsOf,
  type Part,
  partOf,
  partsOf,
  plainTypeOf,
  type RoutinePart,
  type TablePart,
  type Uid,
  wholeOf,
} from "./model.ts";
import { plain } from "./types.ts";

/** The roles that grants and policies name; 0 is everybody. */
export const ROLES: readonly string[] = ["public", "slipway_fuzz_reader", "slipway Fuzz Writer"];

/** The schema as a file: every part after what it needs. */
export function render(model: Model): string {
  const done = new Set<Uid>();
  const out: string[] = [];
  const visit = (uid: Uid): void => {
    const part = model.get(uid);
    if (part === undefined || done.has(uid)) return;
    const whole = wholeOf(part);
    if (whole !== uid) {
      visit(whole);
      return;
    }
    done.add(uid);
    for (const need of needsWithin(model, part)) visit(need);
    out.push(...statementsOf(model, part));
  };
  for (const part of [...model.values()].sort((a, b) => rankOf(a) - rankOf(b))) visit(part.uid);
  return `${[...out, ...partsOf(model, "sequence").flatMap((part) => ownerStatement(model, part))].join(";\n")};\n`;
}

const LATE: Readonly<Partial<Record<Part["kind"], number>>> = {
  privilege: -1,
  constraint: 1,
  index: 2,
  view: 2,
  trigger: 3,
  policy: 3,
  grant: 4,
  comment: 4,
};

function rankOf(part: Part): number {
  if (part.kind === "schema") return -2;
  if (part.kind === "constraint" && part.type === "foreign") return 2;
  return LATE[part.kind] ?? 0;
}

function needsWithin(model: Model, part: Part): readonly Uid[] {
  if (part.kind === "sequence") return [part.schema];
  const own = [...model.values()].filter((each) => each.uid !== part.uid && wholeOf(each) === part.uid);
  const ofTable = part.kind === "policy" && part.using?.routine !== undefined ? [part.using.routine] : [];
  return [...needsOf(part), ...own.flatMap(needsOf), ...ofTable];
}

export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

export function nameOf(model: Model, uid: Uid): string {
  const part = model.get(uid);
  if (part === undefined || !("name" in part) || part.name === undefined)
    throw new Error(`part ${uid} has no name`);
  const schema = "schema" in part ? `${nameOf(model, part.schema)}.` : "";
  return `${schema}${ident(part.name)}`;
}

const roleOf = (role: number): string => (role === 0 ? "public" : ident(ROLES[role] ?? "public"));

/** The type of a column as it is written, `character varying(20)` or `"s"."mood"[]`. */
export function typeOf(model: Model, column: ColumnPart): string {
  const { type } = column;
  return "plain" in type ? type.plain : `${nameOf(model, type.user)}${type.array ? "[]" : ""}`;
}

/** The nth value of a column's type, as SQL. */
export function sqlValue(model: Model, column: ColumnPart, n: number): string {
  const { type } = column;
  if ("plain" in type) return `${literal(plain(type.plain).value(n))}::${type.plain}`;
  const one = `${literal(textValueOf(model, type.user, n))}::${nameOf(model, type.user)}`;
  return type.array ? `array[${one}]` : one;
}

function textValueOf(model: Model, uid: Uid, n: number): string {
  const part = model.get(uid);
  switch (part?.kind) {
    case "enum":
      return part.labels[n % part.labels.length] ?? "";
    case "domain":
      return plain(part.base).value(n);
    case "composite":
      return `(${part.attributes.map(({ type }) => plain(type).value(n)).join(",")})`;
    case "range":
      return "empty";
    default:
      throw new Error(`part ${uid} is no type`);
  }
}

const columnName = (model: Model, uid: Uid): string => {
  const part = model.get(uid);
  if (part?.kind !== "column" && part?.kind !== "item") throw new Error(`part ${uid} is no column`);
  return ident(part.name);
};

/** True or false of a row. */
export function condition(model: Model, { column, variant, routine }: Expression): string {
  const name = columnName(model, column);
  if (routine !== undefined)
    return `${nameOf(model, routine)}(${name}${castFor(model, routine)})${resultTest(model, routine)}`;
  switch (categoryOf(model, column)) {
    case "int":
      return (
        [`${name} > 0`, `${name} between 0 and 1000`, `${name} <> 77`, `${name} in (1, 2, 3)`][variant % 4] ??
        ""
      );
    case "num":
      return [`${name} >= 0`, `abs(${name}) < 5000`][variant % 2] ?? "";
    case "text":
      return (
        [
          `length(${name}) < 100`,
          `${name} <> 'x''y'`,
          `${name} like 'v%'`,
          `${name} <> all (array['p', 'q'])`,
        ][variant % 4] ?? ""
      );
    case "bool":
      return [`${name} or not ${name}`, `${name} is not null`][variant % 2] ?? "";
    case "time":
      return [`${name} > '1999-12-31'`, `${name} is not null`][variant % 2] ?? "";
    default:
      return [`${name} is not null`, `${name} is null or true`][variant % 2] ?? "";
  }
}

const castFor = (model: Model, routine: Uid): string =>
  partOf(model, routine, "routine").use === "text" ? "::text" : "::integer";

function resultTest(model: Model, routine: Uid): string {
  const { use } = partOf(model, routine, "routine");
  if (use === "condition") return "";
  return use === "text" ? " <> 'nothing'" : " > -1000";
}

/** Something made of a column's value; immutable. */
export function expression(model: Model, { column, variant, routine }: Expression): string {
  const name = columnName(model, column);
  if (routine !== undefined) return `${nameOf(model, routine)}(${name}${castFor(model, routine)})`;
  switch (categoryOf(model, column)) {
    case "int":
      return [`${name} + 1`, `abs(${name})`, `${name}::bigint * 2`][variant % 3] ?? name;
    case "num":
      return [`abs(${name})`, `${name} * 2`][variant % 2] ?? name;
    case "text":
      return [`lower(${name}::text)`, `upper(${name}::text)`, `${name}::text || '!'`][variant % 3] ?? name;
    default:
      return name;
  }
}

function fallbackOf(model: Model, column: ColumnPart, fallback: Fallback): string {
  switch (fallback.form) {
    case "value":
      return sqlValue(model, column, fallback.n);
    case "null":
      return "null";
    case "now":
      return "now()";
    case "random":
      return "gen_random_uuid()";
    case "call":
      return partOf(model, fallback.routine, "routine").use === "text"
        ? `${nameOf(model, fallback.routine)}('d'::text)`
        : `${nameOf(model, fallback.routine)}(1)`;
    case "next":
      return `nextval(${literal(nameOf(model, fallback.sequence))})`;
    case "label":
      return `${literal(fallback.label)}::${typeOf(model, column)}`;
  }
}

const SERIALS: Readonly<Record<string, string>> = {
  smallint: "smallserial",
  integer: "serial",
  bigint: "bigserial",
};

function columnText(model: Model, column: ColumnPart): string {
  const type = typeOf(model, column);
  const serial = column.serial ? SERIALS[type] : undefined;
  const words = [ident(column.name), serial ?? type];
  if (column.collate && categoryOf(model, column.uid) === "text") words.push('collate "C"');
  if (column.generated !== undefined) {
    const { generated } = column;
    words.push(
      `generated always as (${expression(model, generated)}) ${generated.virtual ? "virtual" : "stored"}`,
    );
  } else if (column.identity !== undefined) words.push(`generated ${column.identity} as identity`);
  else if (column.fallback !== undefined && serial === undefined)
    words.push(`default ${fallbackOf(model, column, column.fallback)}`);
  if (column.notNull) words.push("not null");
  return words.join(" ");
}

const BOUNDS: Readonly<Record<"list" | "range" | "hash", readonly string[]>> = {
  list: ["for values in (1)", "for values in (2, 3)", "for values in (4)", "default"],
  range: [
    "for values from (minvalue) to (1)",
    "for values from (1) to (3)",
    "for values from (3) to (100)",
    "default",
  ],
  hash: [0, 1, 2].map((rest) => `for values with (modulus 3, remainder ${rest})`),
};

/** How many partitions a strategy has room for. */
export const slotsOf = (strategy: "list" | "range" | "hash"): number => BOUNDS[strategy].length;

function tableText(model: Model, table: TablePart): string[] {
  const name = nameOf(model, table.uid);
  const { partitionOf, partitionKey, inherits } = table;
  const head = `create ${table.unlogged && partitionOf === undefined ? "unlogged " : ""}table ${name}`;
  const key =
    partitionKey === undefined
      ? ""
      : ` partition by ${partitionKey.strategy} (${columnName(model, partitionKey.column)})`;
  const options =
    table.fillfactor === undefined || key !== "" ? "" : ` with (fillfactor = ${table.fillfactor})`;
  const out: string[] = [];
  if (partitionOf !== undefined) {
    const parent = partOf(model, partitionOf.table, "table");
    const bound = BOUNDS[parent.partitionKey?.strategy ?? "list"][partitionOf.slot] ?? "default";
    out.push(`${head} partition of ${nameOf(model, parent.uid)} ${bound}${key}${options}`);
  } else {
    const own = partsOf(model, "column").filter((column) => column.table === table.uid);
    const columns = own.map((column) => `  ${columnText(model, column)}`).join(",\n");
    const parent = inherits === undefined ? "" : ` inherits (${nameOf(model, inherits)})`;
    out.push(`${head} (\n${columns}\n)${parent}${key}${options}`);
  }
  if (table.rls) out.push(`alter table ${name} enable row level security`);
  if (table.force) out.push(`alter table ${name} force row level security`);
  if (table.replicaFull) out.push(`alter table ${name} replica identity full`);
  return out;
}

/** A routine as comments and grants name it. */
function signature(model: Model, routine: RoutinePart): string {
  const extra = routine.extraArgument ? ", integer" : "";
  const args = {
    int: `integer${extra}`,
    text: `text${extra}`,
    condition: `integer${extra}`,
    trigger: "",
    count: "",
    rows: "",
    row: routine.table === undefined ? "" : nameOf(model, routine.table),
    procedure: `integer${extra}`,
    aggregate: "integer",
  }[routine.use];
  return `${nameOf(model, routine.uid)}(${args})`;
}

function routineText(model: Model, routine: RoutinePart): string {
  const name = nameOf(model, routine.uid);
  const extra = routine.extraArgument ? ", more integer default 1" : "";
  const { use, language, variant } = routine;
  if (use === "aggregate") {
    const [step, kind] = variant % 2 === 0 ? ["int4pl", "integer"] : ["int4larger", "integer"];
    return `create aggregate ${name}(integer) (sfunc = ${step}, stype = ${kind}, initcond = '${variant % 3}')`;
  }
  const words = [
    routine.strict && use !== "trigger" && use !== "procedure" ? " strict" : "",
    routine.definer ? " security definer set search_path = pg_catalog" : "",
  ].join("");
  if (use === "procedure")
    return `create procedure ${name}(n integer${extra}) language plpgsql${routine.definer ? " security definer" : ""} as $$begin raise notice 'n % ${variant}', n; end$$`;
  if (use === "trigger")
    return `create function ${name}() returns trigger language plpgsql${words} as $$begin /* ${variant} */ return coalesce(new, old); end$$`;
  if (use === "count" || use === "rows" || use === "row") {
    const table = nameOf(model, routine.table ?? 0);
    const result = { count: "bigint", rows: `setof ${table}`, row: "text" }[use];
    const query = {
      count: `select count(*) + ${variant} from ${table}`,
      rows: `select * from ${table} limit ${variant + 1}`,
      row: `select ${variant}::text || coalesce((r).${columnsOf(model, routine.table ?? 0)
        .slice(0, 1)
        .map(({ uid }) => columnName(model, uid))
        .join("")}::text, '')`,
    }[use];
    const args = use === "row" ? `r ${table}` : "";
    const body = routine.atomic && use !== "rows" ? `begin atomic ${query}; end` : `as $$${query}$$`;
    return `create function ${name}(${args}) returns ${result} language sql stable${words} ${body}`;
  }
  const argument = use === "text" ? "text" : "integer";
  const value = {
    int: [`n + ${variant}`, `n * ${variant + 1}`, `abs(n)`][variant % 3],
    text: [`lower(n)`, `n || '${variant}'`, `upper(n)`][variant % 3],
    condition: [`n > ${variant - 100}`, `n <> ${variant + 500}`][variant % 2],
  }[use];
  const volatility = use === "condition" && variant % 2 === 1 ? "stable" : "immutable";
  const body =
    language === "plpgsql"
      ? `language plpgsql ${volatility}${words} as $$begin return ${value}; end$$`
      : routine.atomic
        ? `language sql ${volatility}${words} return ${value}`
        : `language sql ${volatility}${words} as $$select ${value}$$`;
  return `create function ${name}(n ${argument}${extra}) returns ${routine.result} ${body}`;
}

const KIND_WORDS: Readonly<Partial<Record<Part["kind"], string>>> = {
  schema: "schema",
  enum: "type",
  domain: "domain",
  composite: "type",
  range: "type",
  sequence: "sequence",
  table: "table",
  column: "column",
  index: "index",
};

/** How COMMENT ON names a part. */
function target(model: Model, part: Part): string {
  switch (part.kind) {
    case "column":
      return `column ${nameOf(model, part.table)}.${ident(part.name)}`;
    case "item":
      return `column ${nameOf(model, part.view)}.${ident(part.name)}`;
    case "constraint":
      return `constraint ${ident(part.name ?? "")} on ${nameOf(model, part.table)}`;
    case "trigger":
    case "policy":
      return `${part.kind} ${ident(part.name)} on ${nameOf(model, part.table)}`;
    case "view":
      return `${part.materialized ? "materialized view" : "view"} ${nameOf(model, part.uid)}`;
    case "index":
      return `index ${indexName(model, part)}`;
    case "routine": {
      const word = part.use === "procedure" || part.use === "aggregate" ? part.use : "function";
      return `${word} ${signature(model, part)}`;
    }
    default:
      return `${KIND_WORDS[part.kind] ?? part.kind} ${nameOf(model, part.uid)}`;
  }
}

function indexName(model: Model, part: Extract<Part, { kind: "index" }>): string {
  const on = model.get(part.on);
  const schema = on !== undefined && "schema" in on ? `${nameOf(model, on.schema)}.` : "";
  return `${schema}${ident(part.name)}`;
}

function ownerStatement(model: Model, part: Extract<Part, { kind: "sequence" }>): string[] {
  if (part.ownedBy === undefined) return [];
  const column = partOf(model, part.ownedBy, "column");
  return [
    `alter sequence ${nameOf(model, part.uid)} owned by ${nameOf(model, column.table)}.${ident(column.name)}`,
  ];
}

function constraintText(model: Model, part: Extract<Part, { kind: "constraint" }>): string {
  const name = part.name === undefined ? "" : `constraint ${ident(part.name)} `;
  const columns = part.columns.map((uid) => columnName(model, uid)).join(", ");
  const nulls = part.nullsNotDistinct && part.type === "unique" ? " nulls not distinct" : "";
  const defer = part.deferrable && part.type !== "check" ? " deferrable initially deferred" : "";
  const body = ((): string => {
    switch (part.type) {
      case "primary":
        return `primary key (${columns})`;
      case "unique":
        return `unique${nulls} (${columns})`;
      case "check":
        return part.check === undefined ? "check (true)" : `check (${condition(model, part.check)})`;
      case "exclude":
        return `exclude using gist (${columns} with &&)`;
      case "foreign": {
        const key = partOf(model, part.key ?? 0, "constraint");
        const keys = key.columns.map((uid) => columnName(model, uid)).join(", ");
        return `foreign key (${columns}) references ${nameOf(model, key.table)} (${keys}) on delete ${part.onDelete}`;
      }
    }
  })();
  return `alter table ${nameOf(model, part.table)} add ${name}${body}${defer}`;
}

function indexText(model: Model, part: Extract<Part, { kind: "index" }>): string {
  const keys = part.keys.map((key) => {
    const text = key.plain ? columnName(model, key.column) : `(${expression(model, key)})`;
    return `${text}${key.desc && part.method === "btree" ? " desc nulls last" : ""}`;
  });
  const include =
    part.include.length > 0
      ? ` include (${part.include.map((uid) => columnName(model, uid)).join(", ")})`
      : "";
  const where = part.where === undefined ? "" : ` where ${condition(model, part.where)}`;
  return `create ${part.unique ? "unique " : ""}index ${ident(part.name)} on ${nameOf(model, part.on)} using ${part.method} (${keys.join(", ")})${include}${where}`;
}

function viewText(model: Model, part: Extract<Part, { kind: "view" }>): string {
  const items = partsOf(model, "item").filter(({ view }) => view === part.uid);
  const list = items.map((item) => {
    const { source, wrap, name } = item;
    const text =
      wrap === "plain"
        ? columnName(model, source)
        : wrap === "text"
          ? `${columnName(model, source)}::text`
          : expression(model, { column: source, variant: item.variant, routine: item.routine });
    const type = wrap === "expression" && item.routine === undefined && categoryOf(model, source) === "int";
    return `${type ? `(${text})::bigint` : text} as ${ident(name)}`;
  });
  const simple = part.materialized || part.distinct;
  const options = simple
    ? ""
    : { none: "", check: "", barrier: " with (security_barrier)", invoker: " with (security_invoker)" }[
        part.option
      ];
  const check = !simple && part.option === "check" ? " with local check option" : "";
  const where = part.where === undefined ? "" : ` where ${condition(model, part.where)}`;
  const kind = part.materialized ? "materialized view" : "view";
  const what = list.length === 0 ? "1 as one" : list.join(", ");
  return `create ${kind} ${nameOf(model, part.uid)}${options} as select ${part.distinct ? "distinct " : ""}${what} from ${nameOf(model, part.from)}${where}${check}`;
}

function triggerText(model: Model, part: Extract<Part, { kind: "trigger" }>): string[] {
  const events = part.events.map((event) =>
    event === "update" && part.of !== undefined ? `update of ${columnName(model, part.of)}` : event,
  );
  const rows = part.level === "row" && !part.events.includes("delete") && part.when !== undefined;
  const when =
    rows && part.when !== undefined ? ` when (new.${columnName(model, part.when)} is not null)` : "";
  const table = nameOf(model, part.table);
  const name = ident(part.name);
  const out = [
    `create trigger ${name} ${part.timing} ${events.join(" or ")} on ${table} for each ${part.level}${when} execute function ${nameOf(model, part.routine)}()`,
  ];
  if (part.enabled === "no") out.push(`alter table ${table} disable trigger ${name}`);
  if (part.enabled === "always") out.push(`alter table ${table} enable always trigger ${name}`);
  return out;
}

function policyText(model: Model, part: Extract<Part, { kind: "policy" }>): string {
  const test =
    part.exists !== undefined
      ? `exists (select from ${nameOf(model, part.exists)})`
      : part.using === undefined
        ? "true"
        : condition(model, part.using);
  const using = part.command === "insert" ? "" : ` using (${test})`;
  const check = part.command === "insert" ? ` with check (${test})` : "";
  return `create policy ${ident(part.name)} on ${nameOf(model, part.table)} as ${part.restrictive ? "restrictive" : "permissive"} for ${part.command} to ${roleOf(part.role)}${using}${check}`;
}

function grantText(model: Model, part: Extract<Part, { kind: "grant" }>): string {
  const on = model.get(part.on);
  if (on === undefined) throw new Error(`part ${part.on} is gone`);
  const columns = part.columns.map((uid) => columnName(model, uid)).join(", ");
  const privileges = part.privileges
    .map((each) => (columns === "" ? each : `${each} (${columns})`))
    .join(", ");
  const word = on.kind === "view" || on.kind === "table" ? "" : `${on.kind === "domain" ? "domain" : ""}`;
  const what =
    on.kind === "view" || on.kind === "table"
      ? nameOf(model, on.uid)
      : word === ""
        ? target(model, on).replace(/^aggregate /, "function ")
        : `domain ${nameOf(model, on.uid)}`;
  const option = part.option && part.role !== 0 ? " with grant option" : "";
  return `grant ${privileges} on ${what} to ${roleOf(part.role)}${option}`;
}

function statementsOf(model: Model, part: Part): string[] {
  switch (part.kind) {
    case "schema":
      return [`create schema ${ident(part.name)}`];
    case "enum":
      return [`create type ${nameOf(model, part.uid)} as enum (${part.labels.map(literal).join(", ")})`];
    case "domain": {
      const name = nameOf(model, part.uid);
      const fallback =
        part.fallback === undefined ? "" : ` default ${literal(plain(part.base).value(part.fallback))}`;
      const checks = part.checks.map(
        (check) => ` constraint ${ident(check.name)} check (${domainCheck(part.base, check.variant)})`,
      );
      return [
        `create domain ${name} as ${part.base}${fallback}${part.notNull ? " not null" : ""}${checks.join("")}`,
      ];
    }
    case "composite":
      return [
        `create type ${nameOf(model, part.uid)} as (${part.attributes.map(({ name, type }) => `${ident(name)} ${type}`).join(", ")})`,
      ];
    case "range":
      return [`create type ${nameOf(model, part.uid)} as range (subtype = ${part.subtype})`];
    case "sequence":
      return [
        `create sequence ${nameOf(model, part.uid)} as ${part.type} increment by ${part.increment} cache ${part.cache}${part.cycle ? " cycle" : ""}`,
      ];
    case "routine":
      return [routineText(model, part)];
    case "table":
      return tableText(model, part);
    case "column":
    case "item":
      return [];
    case "constraint":
      return [constraintText(model, part)];
    case "index":
      return [indexText(model, part)];
    case "view":
      return [viewText(model, part)];
    case "trigger":
      return triggerText(model, part);
    case "policy":
      return [policyText(model, part)];
    case "grant":
      return [grantText(model, part)];
    case "comment": {
      const on = model.get(part.on);
      return on === undefined ? [] : [`comment on ${target(model, on)} is ${literal(part.text)}`];
    }
    case "privilege": {
      const what = { tables: "select", functions: "execute", sequences: "usage", types: "usage" }[
        part.objects
      ];
      return [
        `alter default privileges in schema ${nameOf(model, part.schema)} grant ${what} on ${part.objects} to ${roleOf(part.role)}`,
      ];
    }
  }
}

function domainCheck(base: string, variant: number): string {
  switch (plain(base).category) {
    case "int":
    case "num":
      return [`value > 0`, `value < 5000`, `value <> 77`][variant % 3] ?? "";
    case "text":
      return [`length(value) < 100`, `value <> ''`, `value like 'v%'`][variant % 3] ?? "";
    default:
      return [`value is not null`, `value::text <> 'nothing'`][variant % 2] ?? "";
  }
}

/** Rows for every table that can take some, parents and children in no particular order. */
export function rowsFor(model: Model): string[] {
  const tables = partsOf(model, "table").filter(({ partitionOf }) => partitionOf === undefined);
  return [1, 2, 3].flatMap((n) =>
    tables.map((table) => {
      const columns = columnsOf(model, table.uid).filter(
        ({ generated, identity }) => generated === undefined && identity !== "always",
      );
      const name = nameOf(model, table.uid);
      if (columns.length === 0) return `insert into ${name} default values`;
      const values = columns.map((column) => sqlValue(model, column, n));
      return `insert into ${name} (${columns.map(({ name: each }) => ident(each)).join(", ")}) values (${values.join(", ")})`;
    }),
  );
}

export { plainTypeOf };
