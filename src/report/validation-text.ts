import { type DefinedDifference, formatEdit } from "../declarative/differences.ts";
import { isClean, type Validation } from "../declarative/validate.ts";

const SIGNS = { added: "+", changed: "~", removed: "-" } as const;

/**
 * What validation found, as a person reads it:
 *
 *     Changed outside slipway since the last apply (2026-05-04T10:00:00.000Z)
 *       ~ column app.orders.total
 *           type: integer → bigint
 *           applied:   alter table app.orders add column total integer;
 *           database:  alter table app.orders add column total bigint;
 */
export function formatValidation(validation: Validation): string {
  const { outside, files, unseen, extras, outsideUnknown, appliedAt, supersededAt } = validation;
  const lines = [
    ...(supersededAt === undefined
      ? []
      : [
          `These files were applied at ${supersededAt.toISOString()} and superseded since: \`run\` leaves the newer schema as it is`,
          "",
        ]),
    ...section(`Changed outside slipway since the last apply (${appliedAt?.toISOString() ?? ""})`, outside, [
      "applied",
      "database",
    ]),
    ...section("The database differs from the files", files, ["database", "files"]),
    ...list("The files declare what is not compared and the database lacks", unseen),
    ...list("Kept, in no desired schema", extras),
    ...(outsideUnknown === undefined
      ? []
      : [`Whether it was changed outside slipway is not known: ${outsideUnknown}`]),
    isClean(validation)
      ? "The database is as the files say"
      : `${count(outside.length, "change")} outside slipway, ${count(files.length, outside.length > 0 ? "other difference" : "difference")} from the files`,
    "",
  ];
  return lines.join("\n");
}

function section(
  title: string,
  differences: readonly DefinedDifference[],
  sides: readonly [before: string, after: string],
): string[] {
  if (differences.length === 0) return [];
  const width = Math.max(...sides.map((side) => side.length)) + 3;
  return [
    title,
    ...differences.flatMap((each) => [
      `  ${SIGNS[each.kind]} ${each.object}`,
      ...each.edits.flatMap((edit) => formatEdit(edit) ?? []).map((edit) => `      ${edit}`),
      ...definition(sides[0], each.before, width),
      ...definition(sides[1], each.after, width),
    ]),
    "",
  ];
}

function definition(side: string, sql: string | undefined, width: number): string[] {
  if (sql === undefined) return [`      ${`${side}:`.padEnd(width)}none`];
  const [first = "", ...rest] = sql.split("\n");
  return [
    `      ${`${side}:`.padEnd(width)}${first}`,
    ...rest.map((line) => (line === "" ? "" : `      ${" ".repeat(width)}${line}`)),
  ];
}

function list(title: string, objects: readonly string[]): string[] {
  return objects.length === 0 ? [] : [`${title}: ${objects.join(", ")}`, ""];
}

function count(number: number, what: string): string {
  return `${number === 0 ? "no" : number} ${what}${number < 2 ? "" : "s"}`;
}
