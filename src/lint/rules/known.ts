import type { AlterTableCmd, ColumnDef, Constraint, CreateStmt, Node, RangeVar } from "libpg-query";
import { formatName, type Name, NameMap, nameOfObject, nameOfRange, nameOfWords } from "../tree/name.ts";
import { bodyOf, wordsOf } from "../tree/node.ts";
import { type ColumnType, columnTypeOf } from "./column-type.ts";

interface NotNullCheck {
  readonly columns: readonly string[];
  readonly valid: boolean;
}

/**
 * What the statements up to here have made, as far as rules ask for it. What is *new* was made in the same
 * batch: by files that meet the database together, so that nobody has used it and it holds no rows.
 */
export class Known {
  readonly #newTables = new NameMap<true>();
  readonly #newIndexes = new NameMap<true>();
  readonly #columns = new NameMap<Map<string, ColumnType>>();
  readonly #notNullChecks = new NameMap<Map<string, NotNullCheck>>();
  readonly #volatileFunctions = new NameMap<true>();
  readonly #policies = new NameMap<true>();
  readonly #secured = new NameMap<true>();

  /** From here on, what was made before is old. */
  startBatch(): void {
    this.#newTables.clear();
    this.#newIndexes.clear();
  }

  isNewTable(table: Name): boolean {
    return this.#newTables.has(table);
  }

  isNewIndex(index: Name): boolean {
    return this.#newIndexes.has(index);
  }

  typeOf(table: Name, column: string): ColumnType | undefined {
    return this.#columns.get(table)?.get(column);
  }

  /** Whether a valid check keeps nulls out, so that SET NOT NULL need not read the table. */
  hasNotNullCheck(table: Name, column: string): boolean {
    const checks = this.#notNullChecks.get(table)?.values() ?? [];
    return [...checks].some(({ columns, valid }) => valid && columns.includes(column));
  }

  /** Whether the files declare the function, and neither as stable nor as immutable. */
  isVolatile(name: Name): boolean {
    return this.#volatileFunctions.has(name);
  }

  /** In any of the files, also in those to come. */
  hasPolicy(table: Name): boolean {
    return this.#policies.has(table);
  }

  /** Whether any of the files enables row-level security. */
  isSecured(table: Name): boolean {
    return this.#secured.has(table);
  }

  /** Before anything is judged, of every statement of all files. */
  survey(node: Node): void {
    const policy = bodyOf(node, "CreatePolicyStmt");
    if (policy?.table !== undefined) this.#policies.set(nameOfRange(policy.table), true);
    const { relation, cmds = [] } = bodyOf(node, "AlterTableStmt") ?? {};
    if (relation === undefined) return;
    const enables = cmds.some((cmd) => bodyOf(cmd, "AlterTableCmd")?.subtype === "AT_EnableRowSecurity");
    if (enables) this.#secured.set(nameOfRange(relation), true);
  }

  learn(node: Node): void {
    const create = bodyOf(node, "CreateStmt");
    if (create !== undefined) this.#createTable(create);
    const made =
      bodyOf(node, "CreateTableAsStmt")?.into?.rel ??
      bodyOf(node, "SelectStmt")?.intoClause?.rel ??
      bodyOf(node, "CreateForeignTableStmt")?.base?.relation;
    if (made !== undefined) this.#newTables.set(nameOfRange(made), true);
    const index = bodyOf(node, "IndexStmt");
    if (index?.idxname !== undefined)
      this.#newIndexes.set({ schema: index.relation?.schemaname, name: index.idxname }, true);
    this.#learnFunction(node);
    const { relation, cmds = [] } = bodyOf(node, "AlterTableStmt") ?? {};
    if (relation !== undefined) {
      for (const cmd of cmds) this.#alter(nameOfRange(relation), bodyOf(cmd, "AlterTableCmd") ?? {});
    }
    this.#rename(node);
    const { removeType, objects = [] } = bodyOf(node, "DropStmt") ?? {};
    if (removeType === "OBJECT_TABLE") for (const object of objects) this.#dropTable(nameOfObject(object));
  }

  #createTable({ relation, tableElts = [] }: CreateStmt): void {
    if (relation === undefined) return;
    const table = nameOfRange(relation);
    this.#newTables.set(table, true);
    this.#columns.set(table, new Map());
    for (const element of tableElts) {
      const column = bodyOf(element, "ColumnDef");
      const constraint = bodyOf(element, "Constraint");
      if (column !== undefined) this.#addColumn(table, column);
      if (constraint !== undefined) this.#addConstraint(table, constraint);
    }
  }

  #addColumn(table: Name, { colname = "", typeName, constraints = [] }: ColumnDef): void {
    if (typeName !== undefined) this.#columns.get(table)?.set(colname, columnTypeOf(typeName));
    for (const each of constraints) {
      const constraint = bodyOf(each, "Constraint");
      if (constraint?.contype === "CONSTR_UNIQUE" || constraint?.contype === "CONSTR_PRIMARY") continue;
      if (constraint !== undefined) this.#addConstraint(table, constraint);
    }
  }

  #addConstraint(table: Name, constraint: Constraint): void {
    const { contype, conname, raw_expr, skip_validation } = constraint;
    const isIndexed = contype !== undefined && INDEXED.has(contype);
    if (isIndexed && conname !== undefined)
      this.#newIndexes.set({ schema: table.schema, name: conname }, true);
    const columns = contype === "CONSTR_CHECK" ? columnsNotNull(raw_expr) : [];
    if (columns.length === 0) return;
    const checks = this.#notNullChecks.get(table) ?? new Map<string, NotNullCheck>();
    checks.set(conname ?? `check ${checks.size}`, { columns, valid: skip_validation !== true });
    this.#notNullChecks.set(table, checks);
  }

  #alter(table: Name, { subtype, name = "", def }: AlterTableCmd): void {
    const column = bodyOf(def, "ColumnDef");
    const constraint = bodyOf(def, "Constraint");
    const checks = this.#notNullChecks.get(table);
    if (subtype === "AT_AddColumn" && column !== undefined) this.#addColumn(table, column);
    if (subtype === "AT_AddConstraint" && constraint !== undefined) this.#addConstraint(table, constraint);
    if (subtype === "AT_DropConstraint") checks?.delete(name);
    if (subtype === "AT_DropColumn") this.#columns.get(table)?.delete(name);
    if (subtype === "AT_ValidateConstraint") {
      const check = checks?.get(name);
      if (check !== undefined) checks?.set(name, { ...check, valid: true });
    }
    if (subtype === "AT_AlterColumnType" && column?.typeName !== undefined)
      this.#columns.get(table)?.set(name, columnTypeOf(column.typeName));
  }

  #rename(node: Node): void {
    const { relation, renameType, subname = "", newname = "" } = bodyOf(node, "RenameStmt") ?? {};
    if (relation === undefined) return;
    const table = nameOfRange(relation);
    if (renameType === "OBJECT_COLUMN") {
      const columns = this.#columns.get(table);
      const type = columns?.get(subname);
      columns?.delete(subname);
      if (type !== undefined) columns?.set(newname, type);
    } else if (renameType === "OBJECT_TABLE") {
      const columns = this.#columns.get(table);
      const isNew = this.#newTables.has(table);
      this.#dropTable(table);
      if (columns !== undefined) this.#columns.set({ ...table, name: newname }, columns);
      if (isNew) this.#newTables.set({ ...table, name: newname }, true);
    }
  }

  /** That it was new stays known: rules about the whole file ask at its end. */
  #dropTable(table: Name): void {
    this.#columns.delete(table);
    this.#notNullChecks.delete(table);
  }

  #learnFunction(node: Node): void {
    const { funcname, options = [], is_procedure } = bodyOf(node, "CreateFunctionStmt") ?? {};
    if (funcname === undefined || is_procedure === true) return;
    const volatility = options.map((option) => bodyOf(option, "DefElem")).find(isVolatility);
    const name = nameOfWords(wordsOf(funcname));
    if ((bodyOf(volatility?.arg, "String")?.sval ?? "volatile") === "volatile")
      this.#volatileFunctions.set(name, true);
    else this.#volatileFunctions.delete(name);
  }
}

const INDEXED: ReadonlySet<string> = new Set(["CONSTR_UNIQUE", "CONSTR_PRIMARY", "CONSTR_EXCLUSION"]);

function isVolatility(option: { readonly defname?: string } | undefined): boolean {
  return option?.defname === "volatility";
}

/** Of `a is not null and b is not null`, which the server takes as proof for SET NOT NULL. */
function columnsNotNull(expression: Node | undefined): string[] {
  const all = bodyOf(expression, "BoolExpr");
  if (all?.boolop === "AND_EXPR") return (all.args ?? []).flatMap(columnsNotNull);
  const test = bodyOf(expression, "NullTest");
  if (test?.nulltesttype !== "IS_NOT_NULL") return [];
  return wordsOf(bodyOf(test.arg, "ColumnRef")?.fields).slice(-1);
}

/** The table as rules speak of it, unless it is new: then nothing done to it can hurt. */
export function existingTable(known: Known, range: RangeVar | undefined): string | undefined {
  if (range === undefined || range.relpersistence === "t") return undefined;
  const name = nameOfRange(range);
  return known.isNewTable(name) ? undefined : formatName(name);
}
