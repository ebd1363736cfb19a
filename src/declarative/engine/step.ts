import { encodeId, type StableId } from "@supabase/pg-delta/core";
import type { Action } from "@supabase/pg-delta/plan";
import type { ColumnStep } from "./engine.ts";

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
