import type { AlterTableCmd, ColumnDef, Constraint } from "libpg-query";
import { type Name, nameOfRange } from "../tree/name.ts";
import { bodyOf } from "../tree/node.ts";
import { existingTable } from "./known.ts";
import type { Judged } from "./rule.ts";

/** One part of an ALTER TABLE on a table that was there before. */
export interface Alteration {
  readonly table: Name;
  /** As rules speak of it. */
  readonly shown: string;
  readonly cmd: AlterTableCmd;
  readonly column: ColumnDef | undefined;
  readonly constraint: Constraint | undefined;
}

/** The parts of an ALTER TABLE; none for other statements, and none for new tables. */
export function alterationsOf({ node, known }: Judged): Alteration[] {
  const { relation, cmds = [], objtype } = bodyOf(node, "AlterTableStmt") ?? {};
  const shown = existingTable(known, relation);
  if (relation === undefined || shown === undefined || objtype !== "OBJECT_TABLE") return [];
  return cmds.flatMap((each) => {
    const cmd = bodyOf(each, "AlterTableCmd");
    if (cmd === undefined) return [];
    const column = bodyOf(cmd.def, "ColumnDef");
    const constraint = bodyOf(cmd.def, "Constraint");
    return [{ table: nameOfRange(relation), shown, cmd, column, constraint }];
  });
}

/** The constraints that stand at a new column. */
export function constraintsOf(column: ColumnDef | undefined): Constraint[] {
  return (column?.constraints ?? []).flatMap((each) => bodyOf(each, "Constraint") ?? []);
}
