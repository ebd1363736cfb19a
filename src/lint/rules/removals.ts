import type { DropStmt, Node, RenameStmt } from "libpg-query";
import { formatName, type Name, nameOfObject, nameOfRange } from "../tree/name.ts";
import { bodyOf, wordsOf } from "../tree/node.ts";
import { alterationsOf } from "./alteration.ts";
import { existingTable } from "./known.ts";
import type { FileHit, Judged, JudgedFile, Rule } from "./rule.ts";

const DROP_COLUMN: Rule = {
  name: "drop-column",
  severity: "warning",
  files: ["up"],
  why: "pods of the release before go on running, and their statements name the column; its data is gone",
  instead: "release without any use of the column first, drop it in the release after",
  *ofStatement(judged) {
    for (const { cmd, shown } of alterationsOf(judged)) {
      if (cmd.subtype === "AT_DropColumn")
        yield { message: `pods that still use ${cmd.name} of ${shown} fail from here on` };
    }
  },
};

/** What programs read and write by name, with the word for it. */
const RELATIONS: ReadonlyMap<string, string> = new Map([
  ["OBJECT_TABLE", "table"],
  ["OBJECT_VIEW", "view"],
  ["OBJECT_MATVIEW", "materialized view"],
  ["OBJECT_FOREIGN_TABLE", "foreign table"],
]);

const DROP_TABLE: Rule = {
  name: "drop-table",
  severity: "warning",
  files: ["up"],
  why: "pods of the release before go on running, and their statements name the table; its data is gone",
  instead: "release without any use of the table first, drop it in the release after",
  *ofStatement(judged) {
    const drop = bodyOf(judged.node, "DropStmt");
    const kind = RELATIONS.get(drop?.removeType ?? "");
    if (drop === undefined || kind === undefined) return;
    for (const name of (drop.objects ?? []).map(nameOfObject)) {
      if (judged.known.isNewTable(name) || isMadeAgain(judged, name)) continue;
      yield { message: `pods that still use ${kind} ${formatName(name)} fail from here on` };
    }
  },
};

/** Dropped to be made anew in the same transaction: nobody sees it gone. */
function isMadeAgain({ file, group, statement }: Judged, dropped: Name): boolean {
  return file.statements.some((later) => {
    if (later.statement.start < statement.start || later.group !== group) return false;
    const made =
      bodyOf(later.node, "ViewStmt")?.view ??
      bodyOf(later.node, "CreateTableAsStmt")?.into?.rel ??
      bodyOf(later.node, "CreateStmt")?.relation;
    if (made === undefined) return renamesTo(later.node, dropped);
    return formatName(nameOfRange(made)) === formatName(dropped);
  });
}

function renamesTo(node: Node, { name }: Name): boolean {
  const rename = bodyOf(node, "RenameStmt");
  return RELATIONS.has(rename?.renameType ?? "") && rename?.newname === name;
}

const RENAME: Rule = {
  name: "rename",
  severity: "warning",
  files: ["up"],
  why: "pods of the release before go on running, and their statements use the old name",
  instead: "add the new name beside the old one (a column, a view), move the programs, then drop the old one",
  *ofStatement({ node, known }) {
    const rename = bodyOf(node, "RenameStmt");
    const renamed =
      rename === undefined ? undefined : renamedBy(rename, (range) => existingTable(known, range));
    if (renamed !== undefined)
      yield { message: `pods that still say ${renamed} fail from here on`, at: rename?.relation?.location };
    const label = bodyOf(node, "AlterEnumStmt");
    if (label?.oldVal !== undefined)
      yield {
        message: `pods that still say '${label.oldVal}' for a ${wordsOf(label.typeName).join(".")} fail from here on`,
      };
    const move = bodyOf(node, "AlterObjectSchemaStmt");
    const moved = RELATIONS.has(move?.objectType ?? "") ? existingTable(known, move?.relation) : undefined;
    if (moved !== undefined)
      yield { message: `pods that still say ${moved} fail from here on`, at: move?.relation?.location };
  },
};

function renamedBy(
  { renameType = "OBJECT_TABLE", relation, subname = "", object }: RenameStmt,
  existing: (range: RenameStmt["relation"]) => string | undefined,
): string | undefined {
  if (renameType === "OBJECT_SCHEMA") return `schema ${subname}`;
  if (renameType === "OBJECT_COLUMN") {
    const table = existing(relation);
    return table === undefined ? undefined : `${subname} of ${table}`;
  }
  if (RELATIONS.has(renameType)) return existing(relation);
  if (renameType === "OBJECT_FUNCTION" || renameType === "OBJECT_PROCEDURE" || renameType === "OBJECT_TYPE")
    return object === undefined ? undefined : formatName(nameOfObject(object));
  return undefined;
}

const CASCADE: Rule = {
  name: "drop-cascade",
  severity: "warning",
  files: ["up"],
  why: "CASCADE also drops whatever depends on it, in this database and unseen",
  instead: "drop what depends on it by name, then drop it without CASCADE",
  *ofStatement(judged) {
    const drop = bodyOf(judged.node, "DropStmt") ?? bodyOf(judged.node, "DropOwnedStmt");
    if (drop?.behavior === "DROP_CASCADE" && !isAllNew(judged, bodyOf(judged.node, "DropStmt")))
      yield { message: "drops everything that depends on it too, whatever that is" };
    for (const { cmd, shown } of alterationsOf(judged)) {
      const isDrop = cmd.subtype === "AT_DropColumn" || cmd.subtype === "AT_DropConstraint";
      if (isDrop && cmd.behavior === "DROP_CASCADE")
        yield { message: `drops everything that depends on ${cmd.name} of ${shown} too, whatever that is` };
    }
  },
};

function isAllNew({ known }: Judged, drop: DropStmt | undefined): boolean {
  if (drop?.removeType !== "OBJECT_TABLE") return false;
  return (drop.objects ?? []).every((object) => known.isNewTable(nameOfObject(object)));
}

const DROP_DATABASE: Rule = {
  name: "drop-database",
  severity: "error",
  files: ["up", "down", "bootstrap"],
  why: "no migration should drop a database",
  instead: "drop it by hand",
  *ofStatement({ node }) {
    const drop = bodyOf(node, "DropdbStmt");
    if (drop !== undefined) yield { message: `drops the database ${drop.dbname}` };
  },
};

const TRUNCATE_CASCADE: Rule = {
  name: "truncate-cascade",
  severity: "warning",
  files: ["up", "down", "bootstrap"],
  why: "CASCADE also empties every table with a foreign key to it, and the tables behind those",
  instead: "name all tables: truncate a, b",
  *ofStatement({ node, known }) {
    const truncate = bodyOf(node, "TruncateStmt");
    if (truncate?.behavior !== "DROP_CASCADE") return;
    for (const relation of truncate.relations ?? []) {
      const range = bodyOf(relation, "RangeVar");
      const table = existingTable(known, range);
      if (table !== undefined)
        yield { message: `empties every table that refers to ${table} too`, at: range?.location };
    }
  },
};

const WITHOUT_DOWN: Rule = {
  name: "destructive-without-down",
  severity: "warning",
  files: ["up"],
  why: "what it removes can't be brought back by a file when the release is taken back",
  instead: "write the .down.sql beside it, even if it can only make the structure again",
  *ofFile({ hasDown, statements }) {
    if (hasDown) return;
    const judged = statements.find(isDestructive);
    if (judged !== undefined) yield { judged, message: "is destructive, and the migration has no down file" };
  },
};

function isDestructive(judged: Judged): boolean {
  const { node, known } = judged;
  const drop = bodyOf(node, "DropStmt");
  if (drop !== undefined) return DESTROYS.has(drop.removeType ?? "") && !isAllNew(judged, drop);
  const { relations } = bodyOf(node, "TruncateStmt") ?? {};
  if (relations !== undefined)
    return relations.some((each) => existingTable(known, bodyOf(each, "RangeVar")) !== undefined);
  return alterationsOf(judged).some(({ cmd }) => cmd.subtype === "AT_DropColumn");
}

const DESTROYS: ReadonlySet<string> = new Set([
  "OBJECT_TABLE",
  "OBJECT_MATVIEW",
  "OBJECT_SCHEMA",
  "OBJECT_SEQUENCE",
  "OBJECT_TYPE",
]);

const DOWN_MISSING: Rule = {
  name: "down-missing",
  severity: "off",
  files: ["up"],
  why: "without a down file the migration can't be taken back",
  instead: "write the .down.sql beside it",
  *ofFile({ hasDown, statements }: JudgedFile): Generator<FileHit> {
    if (!hasDown) yield { judged: statements[0], message: "the migration has no down file" };
  },
};

export const REMOVAL_RULES: readonly Rule[] = [
  DROP_COLUMN,
  DROP_TABLE,
  RENAME,
  CASCADE,
  DROP_DATABASE,
  TRUNCATE_CASCADE,
  WITHOUT_DOWN,
  DOWN_MISSING,
];
