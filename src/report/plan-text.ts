import { type Change, formatTotals, type Plan, totalsOf } from "../declarative/plan.ts";

const SIGNS: Readonly<Record<Change["verb"], string>> = { create: "+", alter: "~", drop: "-" };

interface Style {
  readonly colour: boolean;
}

function paint(style: Style, code: number, text: string): string {
  return style.colour ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/**
 * A plan as a person reads it, grouped by object:
 *
 *     table app.orders (about 120,000 rows, 45 MB)
 *       ~ column app.orders.total  [destructive: data loss, table rewrite]
 *           ALTER TABLE "app"."orders" ALTER COLUMN "total" TYPE numeric(10,1) …
 *
 *     1 to alter (1 destructive)
 *     plan 0d6c5b1f3a2e4987
 */
export function formatPlan(plan: Plan, style: Style): string {
  const groups = Map.groupBy(plan.changes, (change) => change.group);
  const lines = [...groups].flatMap(([group, changes]) => [
    `${paint(style, 1, group)}${formatSize(plan, group)}`,
    ...changes.flatMap((change) => formatChange(change, style)),
    "",
  ]);
  const extras = plan.extras.length === 0 ? [] : [`kept, in no desired schema: ${plan.extras.join(", ")}`];
  const renames = plan.renames.flatMap(({ from, to, sql }) => [
    `looks like a rename of ${from} to ${to}; to keep the data run this on the database first, then plan again:`,
    `    ${sql};`,
  ]);
  return [...lines, formatTotals(totalsOf(plan)), ...renames, ...extras, `plan ${plan.id}`, ""].join("\n");
}

function formatChange(change: Change, style: Style): string[] {
  const colour = change.class === "destructive" ? 31 : change.verb === "create" ? 32 : 33;
  const judged = judgementOf(change) === "safe" ? "" : `  [${judgementOf(change)}]`;
  const sql = change.sql.split("\n").map((line) => `      ${line}`);
  return [paint(style, colour, `  ${SIGNS[change.verb]} ${change.object}${judged}`), ...sql];
}

/** For example `destructive: data loss, table rewrite` or `safe, online: not transactional`. */
function judgementOf(change: Change): string {
  const online = change.online === undefined ? "" : ", online";
  const hazards = change.hazards.length === 0 ? "" : `: ${change.hazards.join(", ")}`;
  return `${change.class}${online}${hazards}`;
}

function formatSize(plan: Plan, group: string): string {
  const size = plan.tables.find(({ table }) => `table ${table}` === group);
  if (size === undefined || size.estimatedRows === 0) return "";
  const rows = Math.round(size.estimatedRows).toLocaleString("en");
  return ` (about ${rows} rows, ${formatBytes(size.bytes)})`;
}

function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ""}`;
}

/** A plan as a script, for reading or for another tool; a comment tells what a statement may do. */
export function formatPlanSql(plan: Plan): string {
  const statements = plan.changes.map((change) => {
    return `-- ${judgementOf(change)}\n${change.sql.replace(/;?\s*$/, "")};\n`;
  });
  return `-- plan ${plan.id}\n${statements.join("\n")}`;
}
