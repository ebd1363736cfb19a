import type { Node } from "libpg-query";
import { formatName, nameOfWords } from "../tree/name.ts";
import { bodyOf, nodesIn, wordsOf } from "../tree/node.ts";
import { type Alteration, alterationsOf, constraintsOf } from "./alteration.ts";
import { type ColumnType, columnTypeOf, formatType, isFreeChange } from "./column-type.ts";
import type { Known } from "./known.ts";
import type { Hit, Rule } from "./rule.ts";

const ADD_NOT_NULL: Rule = {
  name: "add-not-null",
  severity: "error",
  files: ["up"],
  why: "a NOT NULL column without a default can't be added to a table that holds rows",
  instead: "give it a default, or add it nullable, fill it, and set NOT NULL by way of a check",
  *ofStatement(judged) {
    for (const { cmd, column, shown } of alterationsOf(judged)) {
      if (cmd.subtype !== "AT_AddColumn" || column === undefined) continue;
      const kinds = new Set(constraintsOf(column).map(({ contype }) => contype));
      const isFilled =
        kinds.has("CONSTR_DEFAULT") ||
        kinds.has("CONSTR_IDENTITY") ||
        kinds.has("CONSTR_GENERATED") ||
        isSerial(column.typeName === undefined ? undefined : columnTypeOf(column.typeName));
      if (isFilled || !(kinds.has("CONSTR_NOTNULL") || kinds.has("CONSTR_PRIMARY"))) continue;
      yield {
        message: `adding ${column.colname} as NOT NULL without a default fails as soon as ${shown} holds a row`,
        at: column.location,
      };
    }
  },
};

const SET_NOT_NULL: Rule = {
  name: "set-not-null",
  severity: "warning",
  files: ["up"],
  why: "SET NOT NULL reads the whole table while nobody else can use it, unless a valid check proves it",
  instead: "add a check (column is not null) not valid, validate it in a later file, then set not null",
  *ofStatement(judged) {
    for (const { cmd, constraint, table, shown } of alterationsOf(judged)) {
      const isSet = cmd.subtype === "AT_SetNotNull";
      const isNotNull = constraint?.contype === "CONSTR_NOTNULL" && constraint.skip_validation !== true;
      if (!isSet && !isNotNull) continue;
      const column = isSet ? (cmd.name ?? "") : (wordsOf(constraint?.keys)[0] ?? "");
      if (judged.known.hasNotNullCheck(table, column)) continue;
      yield {
        message: `setting ${column} NOT NULL reads all of ${shown} under a lock against reads and writes`,
        at: constraint?.location,
      };
    }
  },
};

const VOLATILE: Rule = {
  name: "volatile-default",
  severity: "warning",
  files: ["up"],
  why: "a value that differs from row to row makes PostgreSQL rewrite the table under an exclusive lock",
  instead: "add the column without it, set the default for new rows, fill the old ones in batches",
  *ofStatement(judged) {
    for (const alteration of alterationsOf(judged)) {
      const reason = reasonToRewrite(alteration, judged.known);
      if (reason === undefined) continue;
      const { column, shown } = alteration;
      yield {
        message: `adding ${column?.colname} rewrites ${shown}: ${reason}`,
        at: column?.location,
      };
    }
  },
};

function reasonToRewrite({ cmd, column }: Alteration, known: Known): string | undefined {
  if (cmd.subtype !== "AT_AddColumn" || column?.typeName === undefined) return undefined;
  if (isSerial(columnTypeOf(column.typeName))) return "serial numbers every row";
  for (const { contype, raw_expr, generated_kind } of constraintsOf(column)) {
    if (contype === "CONSTR_IDENTITY") return "an identity column numbers every row";
    if (contype === "CONSTR_GENERATED" && generated_kind !== "v")
      return "a stored column is computed for every row";
    const called = contype === "CONSTR_DEFAULT" ? volatileCall(raw_expr, known) : undefined;
    if (called !== undefined) return `${called}() is volatile`;
  }
  return undefined;
}

function isSerial(type: ColumnType | undefined): boolean {
  return /^(?:small|big)?serial[248]?$/.test(type?.name ?? "");
}

/** PostgreSQL's functions, and those of its usual extensions, that give another value at every call. */
const VOLATILE_FUNCTIONS: ReadonlySet<string> = new Set([
  "clock_timestamp",
  "gen_random_bytes",
  "gen_random_uuid",
  "gen_salt",
  "nextval",
  "random",
  "random_normal",
  "timeofday",
  "uuid_generate_v1",
  "uuid_generate_v1mc",
  "uuid_generate_v4",
  "uuidv4",
  "uuidv7",
]);

function volatileCall(expression: Node | undefined, known: Known): string | undefined {
  for (const { funcname } of nodesIn(expression, "FuncCall")) {
    const name = nameOfWords(wordsOf(funcname));
    if (VOLATILE_FUNCTIONS.has(name.name) || known.isVolatile(name)) return formatName(name);
  }
  return undefined;
}

const CHANGE_TYPE: Rule = {
  name: "change-type",
  severity: "warning",
  files: ["up"],
  why: "most changes of a column's type rewrite the table and its indexes under an exclusive lock",
  instead: "add a column of the new type, write to both, fill it in batches, then change over",
  *ofStatement(judged) {
    for (const { cmd, column, table, shown } of alterationsOf(judged)) {
      if (cmd.subtype !== "AT_AlterColumnType" || column?.typeName === undefined) continue;
      const to = columnTypeOf(column.typeName);
      const from = judged.known.typeOf(table, cmd.name ?? "");
      if (from !== undefined && isFreeChange(from, to) && isPlain(column.raw_default)) continue;
      yield changeHit(cmd.name ?? "", shown, from, to, column.location);
    }
  },
};

function changeHit(
  column: string,
  table: string,
  from: ColumnType | undefined,
  to: ColumnType,
  at: number | undefined,
): Hit {
  const how =
    from === undefined
      ? `to ${formatType(to)} may rewrite`
      : `from ${formatType(from)} to ${formatType(to)} rewrites`;
  return { message: `changing ${column} ${how} all of ${table} under a lock against reads and writes`, at };
}

/** Whether USING is left out or only names the column, with or without a cast. */
function isPlain(using: Node | undefined): boolean {
  return using === undefined || isPlainColumn(bodyOf(using, "TypeCast")?.arg ?? using);
}

function isPlainColumn(expression: Node): boolean {
  return bodyOf(expression, "ColumnRef") !== undefined;
}

const DROP_NOT_NULL: Rule = {
  name: "drop-not-null",
  severity: "off",
  files: ["up"],
  why: "programs that never met a null there may not expect one",
  instead: "release the programs that can read nulls first",
  *ofStatement(judged) {
    for (const { cmd, shown } of alterationsOf(judged)) {
      if (cmd.subtype === "AT_DropNotNull")
        yield { message: `${cmd.name} of ${shown} may be null from here on` };
    }
  },
};

export const COLUMN_RULES: readonly Rule[] = [
  ADD_NOT_NULL,
  SET_NOT_NULL,
  VOLATILE,
  CHANGE_TYPE,
  DROP_NOT_NULL,
];
