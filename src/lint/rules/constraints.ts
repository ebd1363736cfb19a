import type { Constraint } from "libpg-query";
import { formatName, nameOfRange } from "../tree/name.ts";
import { type Alteration, alterationsOf, constraintsOf } from "./alteration.ts";
import type { FileHit, Hit, Judged, Rule } from "./rule.ts";

/** A constraint that an ALTER TABLE adds, by itself or at a new column. */
interface Added {
  readonly alteration: Alteration;
  readonly constraint: Constraint;
  /** That it stands at. */
  readonly column: string | undefined;
  /** A column whose rows are all null so far. */
  readonly isEmptyColumn: boolean;
}

function* addedConstraints(judged: Judged): Generator<Added> {
  for (const alteration of alterationsOf(judged)) {
    const { cmd, column, constraint } = alteration;
    if (cmd.subtype === "AT_AddConstraint" && constraint !== undefined)
      yield { alteration, constraint, column: undefined, isEmptyColumn: false };
    if (cmd.subtype !== "AT_AddColumn") continue;
    const all = constraintsOf(column);
    const isEmptyColumn = !all.some(({ contype }) => contype !== undefined && FILLS.has(contype));
    for (const each of all) yield { alteration, constraint: each, column: column?.colname, isEmptyColumn };
  }
}

const FILLS: ReadonlySet<string> = new Set(["CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"]);

const FOREIGN_KEY: Rule = {
  name: "foreign-key-not-valid",
  severity: "warning",
  files: ["up"],
  why: "a foreign key locks both tables against writes until every row is checked",
  instead: "add constraint … not valid; validate constraint … in a later file",
  *ofStatement(judged) {
    for (const { alteration, constraint, isEmptyColumn } of addedConstraints(judged)) {
      // PostgreSQL checks nothing when the new column holds only nulls.
      if (constraint.contype !== "CONSTR_FOREIGN" || isEmptyColumn) continue;
      if (constraint.skip_validation === true || constraint.is_enforced !== true) continue;
      const { pktable } = constraint;
      const other = pktable === undefined ? "the other table" : formatName(nameOfRange(pktable));
      yield {
        message: `${nameFor(constraint, "a foreign key")} keeps everybody from writing to ${alteration.shown} and ${other} while all rows are checked`,
        at: constraint.location,
      };
    }
  },
};

const CHECK: Rule = {
  name: "check-not-valid",
  severity: "warning",
  files: ["up"],
  why: "a check constraint reads the whole table while nobody else can use it",
  instead: "add constraint … check (…) not valid; validate constraint … in a later file",
  *ofStatement(judged) {
    for (const { alteration, constraint } of addedConstraints(judged)) {
      if (constraint.contype !== "CONSTR_CHECK") continue;
      if (constraint.skip_validation === true || constraint.is_enforced !== true) continue;
      yield {
        message: `${nameFor(constraint, "a check")} reads all of ${alteration.shown} under a lock against reads and writes`,
        at: constraint.location,
      };
    }
  },
};

function nameFor({ conname }: Constraint, otherwise: string): string {
  return conname ?? otherwise;
}

const VALIDATE: Rule = {
  name: "validate-in-same-transaction",
  severity: "warning",
  files: ["up"],
  why: "the lock of ADD CONSTRAINT … NOT VALID is held to the end of the transaction, all through the validation",
  instead: "validate constraint … in a later file",
  *ofFile({ statements }) {
    const added = new Map<string, unknown>();
    for (const judged of statements) {
      for (const { cmd, constraint, shown } of alterationsOf(judged)) {
        const name = `${shown} ${constraint?.conname ?? cmd.name}`;
        if (cmd.subtype === "AT_AddConstraint" && constraint?.skip_validation === true)
          added.set(name, judged.group);
        const isBoth = judged.group?.transactional === true && added.get(name) === judged.group;
        if (cmd.subtype === "AT_ValidateConstraint" && isBoth) yield validateHit(judged, cmd.name, shown);
      }
    }
  },
};

function validateHit(judged: Judged, constraint = "", table = ""): FileHit {
  const message = `${constraint} is added and validated in one transaction, which locks ${table} for all of it`;
  return { judged, message };
}

const BUILDS_INDEX: Rule = {
  name: "constraint-builds-index",
  severity: "warning",
  files: ["up"],
  why: "a unique, primary key or exclusion constraint builds its index while nobody else can use the table",
  instead: "create unique index concurrently NAME …; then add constraint … unique using index NAME",
  *ofStatement(judged) {
    for (const { alteration, constraint, column } of addedConstraints(judged)) {
      const kind = BUILDERS.get(constraint.contype ?? "");
      if (kind === undefined || constraint.indexname !== undefined) continue;
      yield buildHit(alteration, constraint, kind, column);
    }
  },
};

const BUILDERS: ReadonlyMap<string, string> = new Map([
  ["CONSTR_UNIQUE", "a unique constraint"],
  ["CONSTR_PRIMARY", "a primary key"],
  ["CONSTR_EXCLUSION", "an exclusion constraint"],
]);

function buildHit({ shown }: Alteration, constraint: Constraint, kind: string, column?: string): Hit {
  const what = constraint.conname ?? (column === undefined ? kind : `${kind} of ${column}`);
  return {
    message: `${what} builds its index under a lock that keeps everybody from reading and writing ${shown}`,
    at: constraint.location,
  };
}

export const CONSTRAINT_RULES: readonly Rule[] = [FOREIGN_KEY, CHECK, VALIDATE, BUILDS_INDEX];
