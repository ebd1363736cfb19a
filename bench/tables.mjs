import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILES = 10;

/**
 * A desired schema of `count` tables in ten files below `folder`/schemas. `extra` columns are added to the
 * table in the middle: the one change that a comparison has to find.
 */
export function writeTables(folder, count, extra = 0) {
  const schemas = join(folder, "schemas");
  mkdirSync(schemas, { recursive: true });
  const size = Math.ceil(count / FILES);
  const files = [];
  for (let first = 0; first < count; first += size) {
    const numbers = Array.from({ length: Math.min(size, count - first) }, (_, index) => first + index);
    const head = first === 0 ? "create schema bench;\n\n" : "";
    const text =
      head + numbers.map((number) => tableSql(number, number === changedTable(count) ? extra : 0)).join("\n");
    const file = join(schemas, `${String(files.length + 1).padStart(2, "0")}_tables.sql`);
    writeFileSync(file, text);
    files.push(file);
  }
  return files;
}

/** The one statement that brings a database from `extra - 1` to `extra` columns. */
export function changeSql(count, extra) {
  return `alter table bench.${nameOf(changedTable(count))} add column extra_${extra} integer;\n`;
}

const changedTable = (count) => count >> 1;
const nameOf = (number) => `t${String(number).padStart(4, "0")}`;

function tableSql(number, extra) {
  const name = nameOf(number);
  const parent = number === 0 ? name : nameOf(number >> 1);
  const more = Array.from({ length: extra }, (_, index) => `,\n  extra_${index + 1} integer`).join("");
  return `create table bench.${name} (
  id bigint generated always as identity primary key,
  parent_id bigint references bench.${parent} (id),
  code text not null,
  title text not null default '',
  amount numeric(12, 2) not null default 0,
  details jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz,
  constraint ${name}_amount_not_negative check (amount >= 0)${more}
);
create index ${name}_parent_id_idx on bench.${name} (parent_id);
create unique index ${name}_code_key on bench.${name} (code, created_at);
create index ${name}_title_idx on bench.${name} (title, amount);
comment on table bench.${name} is 'Table ${number} of the benchmark';
`;
}
