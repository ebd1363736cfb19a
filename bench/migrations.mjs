import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * `count` small migrations, in turns a new table, a new column and a row. Returns the files in the order in
 * which they run. `wrap` puts BEGIN and COMMIT around each.
 */
export function writeMigrations(folder, count, wrap = (sql) => sql) {
  mkdirSync(folder, { recursive: true });
  return Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    const file = join(folder, `${String(number).padStart(5, "0")}_${titleOf(number)}.up.sql`);
    writeFileSync(file, wrap(sqlOf(number)));
    return file;
  });
}

export const inTransaction = (sql) => `begin;\n${sql}commit;\n`;

const KINDS = ["create", "alter", "insert"];
const kindOf = (number) => KINDS[(number - 1) % KINDS.length];
const tableOf = (number) => `m${String(Math.ceil(number / KINDS.length)).padStart(5, "0")}`;
const titleOf = (number) => `${kindOf(number)}_${tableOf(number)}`;

function sqlOf(number) {
  const table = tableOf(number);
  switch (kindOf(number)) {
    case "create":
      return `create table ${table} (id integer primary key, name text not null);\n`;
    case "alter":
      return `alter table ${table} add column note text not null default '';\n`;
    default:
      return `insert into ${table} (id, name) values (1, 'one'), (2, 'two'), (3, 'three');\n`;
  }
}
