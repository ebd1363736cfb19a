import { calledFunctions } from "../../sql/calls.ts";
import { quoteIdent } from "../../sql/quote.ts";
import type {
  Catalog,
  ColumnDefinition,
  EngineAction,
  IndexDefinition,
  ManagedView,
  ObjectId,
  SchemaEngine,
} from "../engine/engine.ts";
import { KEY, keyOver } from "./key.ts";
import { partitionBuilds } from "./partitions.ts";
import type { Leaf, Populated, Population } from "./population.ts";
import { scaffoldKindOf, scaffoldName } from "./scaffold.ts";
import { Stages } from "./stages.ts";
import {
  alter,
  createConcurrently,
  dropConcurrently,
  dropConstraint,
  leftover,
  qualified,
} from "./statement.ts";

export interface OnlineInput {
  readonly engine: SchemaEngine;
  readonly view: ManagedView;
  /** The database as it was read, with what nobody declared: what a run that died left is there. */
  readonly current: Catalog;
  readonly population: Population;
}

/**
 * Chooses, for tables that have rows, statements that others read and write on beside: an index is built
 * concurrently and takes its place when it is done, a constraint holds for new rows first and is proven for the
 * old ones without a lock, a column is NOT NULL by a check that was proven (PostgreSQL manual, ALTER TABLE and
 * CREATE INDEX). What needs none of this stays in one transaction, before all else.
 */
export function planOnline(input: OnlineInput, actions: readonly EngineAction[]): EngineAction[] {
  return new Planner(input, actions).plan();
}

class Planner {
  readonly #input: OnlineInput;
  readonly #actions: readonly EngineAction[];
  readonly #stages = new Stages();
  readonly #created: ReadonlySet<ObjectId>;
  readonly #dropped: ReadonlySet<ObjectId>;
  /** Columns that are NOT NULL only from a later stage on. */
  readonly #notNullFrom = new Map<ObjectId, number>();
  /** Drops that wait for what takes the place. */
  readonly #replaced = new Map<ObjectId, EngineAction>();
  readonly #last: EngineAction[] = [];
  /** What can be done only once another key has taken the place of this one. */
  readonly #behindKeys = new Map<EngineAction, ObjectId>();

  constructor(input: OnlineInput, actions: readonly EngineAction[]) {
    this.#input = input;
    this.#actions = actions;
    this.#created = new Set(actions.flatMap(({ creates }) => creates));
    this.#dropped = new Set(actions.flatMap(({ drops }) => drops));
  }

  plan(): EngineAction[] {
    const leftovers = this.#tidy();
    const { engine, view } = this.#input;
    const remade = [...this.#dropped].filter((id) => this.#created.has(id));
    for (const action of this.#actions) {
      const key = keyOver(engine, view.current, action, remade);
      if (key === undefined) this.#place(action);
      else this.#behindKeys.set(action, key);
    }
    for (const [action, key] of this.#behindKeys) {
      this.#stages.add(this.#stages.transaction([...this.#needsOf(action), key]), action);
    }
    return [...leftovers, ...this.#stages.toActions(), ...this.#last];
  }

  #place(action: EngineAction): void {
    const { engine, view } = this.#input;
    if (action.step?.kind === "set not null") {
      this.#setNotNull(action, action.step.column);
      return;
    }
    const [made] = action.creates;
    const [gone] = action.drops;
    if (
      made !== undefined &&
      action.creates.every((id) => id === made || engine.describe(view.desired, id).parent === made)
    ) {
      const kind = engine.describe(view.desired, made).kind;
      if (kind === "index" && this.#buildIndex(action, made)) return;
      if (kind === "constraint" && this.#addConstraint(action, made)) return;
      if (kind === "column" && this.#addColumn(action, made)) return;
    }
    if (gone !== undefined && action.creates.length === 0 && this.#isDroppedLater(action, gone)) return;
    this.#placeWhole(action);
  }

  #placeWhole(action: EngineAction): void {
    const { step } = action;
    const column = step === undefined ? [] : [step.column];
    const proven = step?.kind === "add identity" ? (this.#notNullFrom.get(step.column) ?? 0) : 0;
    const needs = this.#needsOf(action);
    const from = action.transactional ? this.#stages.transaction(needs) : this.#stages.alone(needs);
    const stage = Math.max(from, proven);
    for (const id of action.creates) {
      const replaced = this.#replaced.get(id);
      if (replaced !== undefined) this.#stages.add(stage, replaced);
    }
    this.#stages.add(stage, action, [...action.creates, ...action.drops, ...column, ...redefined(action)]);
  }

  /** What must be there before: what the statement names, and what its object will refer to. */
  #needsOf(action: EngineAction): ObjectId[] {
    const { engine, view } = this.#input;
    const needs = [
      ...action.objects,
      ...[...action.creates, ...redefined(action)].flatMap((id) => engine.dependencies(view.desired, id)),
    ];
    if (action.step !== undefined) needs.push(action.step.column);
    return needs;
  }

  #populated(relation: ObjectId): Populated | undefined {
    if (this.#created.has(relation) || this.#dropped.has(relation)) return undefined;
    return this.#input.population.relations.get(relation);
  }

  #buildIndex(action: EngineAction, id: ObjectId): boolean {
    const { engine, view } = this.#input;
    const index = engine.index(view.desired, id);
    const populated = index === undefined ? undefined : this.#populated(index.relation);
    if (index === undefined || populated === undefined) return false;
    if (populated.partitioned) return this.#buildOnPartitions(action, id, index, populated.leaves);
    const replaced = this.#replaced.get(id);
    if (replaced === undefined && this.#dropped.has(id)) return false;
    const { schema = "", ownName } = engine.describe(view.desired, id);
    const temporary = scaffoldName("index", id);
    const name = replaced === undefined ? ownName : temporary;
    const stage = this.#stages.alone(this.#needsOf(action));
    const create = createConcurrently(index.unique, name, index.relationName, index.method);
    const online = { proves: index.unique, undo: dropConcurrently(schema, name) };
    const lock = "shareUpdateExclusive";
    if (replaced === undefined) {
      this.#stages.add(stage, { ...action, sql: create, lock, online }, [id]);
    } else {
      this.#stages.add(stage, { ...alter(action, create, [id], lock), online });
      const rename = `ALTER INDEX ${qualified(schema, temporary)} RENAME TO ${quoteIdent(ownName)}`;
      this.#stages.add(stage + 1, { ...replaced, online: {} });
      this.#stages.add(stage + 1, { ...action, sql: rename, lock, online: {} }, [id]);
    }
    return true;
  }

  #buildOnPartitions(action: EngineAction, id: ObjectId, index: IndexDefinition, leaves: readonly Leaf[]) {
    const replaced = this.#replaced.get(id);
    if (replaced === undefined && this.#dropped.has(id)) return false;
    const { engine, view } = this.#input;
    const builds = partitionBuilds(engine, view, {
      action,
      id,
      index,
      leaves,
      replaces: replaced !== undefined,
    });
    if (builds === undefined) return false;
    const stage = this.#stages.alone(this.#needsOf(action));
    for (const build of builds) this.#stages.add(stage, build);
    if (replaced !== undefined) this.#stages.add(stage + 1, { ...replaced, online: {} });
    this.#stages.add(stage + 1, { ...action, online: {} }, [id]);
    return true;
  }

  #addConstraint(action: EngineAction, id: ObjectId): boolean {
    const { engine, view } = this.#input;
    const constraint = engine.constraint(view.desired, id);
    const populated = constraint === undefined ? undefined : this.#populated(constraint.relation);
    if (constraint === undefined || populated === undefined) return false;
    switch (constraint.type) {
      case "check":
      case "foreign key":
        return constraint.validated && this.#addNotValid(action, id, populated, constraint.relation);
      case "unique":
      case "primary key":
        return (
          !populated.partitioned && this.#addByIndex(action, id, constraint.relation, constraint.definition)
        );
      case "exclusion":
        return false;
    }
  }

  #addNotValid(action: EngineAction, id: ObjectId, { partitioned }: Populated, relation: ObjectId): boolean {
    const { engine, view } = this.#input;
    const isForeignKey = engine.constraint(view.desired, id)?.type === "foreign key";
    // A foreign key of a partitioned table may be NOT VALID since 18.
    if (isForeignKey && partitioned && view.desired.serverMajor < 18) return false;
    const table = engine.quotedName(view.desired, relation);
    const name = quoteIdent(engine.describe(view.desired, id).ownName);
    const stage = this.#stages.transaction(this.#needsOf(action));
    this.#stages.add(stage, { ...action, sql: `${action.sql} NOT VALID`, online: {} }, [id]);
    const validate = alter(
      action,
      `ALTER TABLE ${table} VALIDATE CONSTRAINT ${name}`,
      [id],
      "shareUpdateExclusive",
    );
    this.#stages.add(stage + 1, {
      ...validate,
      online: { proves: true, withdraw: dropConstraint(table, name) },
    });
    return true;
  }

  #addByIndex(action: EngineAction, id: ObjectId, relation: ObjectId, definition: string): boolean {
    const { engine, view } = this.#input;
    const key = KEY.exec(definition)?.groups;
    const replaced = this.#replaced.get(id);
    if (key === undefined || (replaced === undefined && this.#dropped.has(id))) return false;
    const { schema = "", ownName } = engine.describe(view.desired, id);
    const table = engine.quotedName(view.desired, relation);
    const temporary = scaffoldName("index", id);
    const columns = engine.dependencies(view.desired, id);
    const proven = Math.max(0, ...columns.map((column) => this.#notNullFrom.get(column) ?? 0));
    const method = `USING btree ${key["columns"] ?? ""}${key["include"] ?? ""}${key["nulls"] ?? ""}${key["with"] ?? ""}`;
    const built = this.#stages.alone(this.#needsOf(action));
    this.#stages.add(built, {
      ...alter(action, createConcurrently(true, temporary, table, method), [id], "shareUpdateExclusive"),
      online: { proves: true, undo: dropConcurrently(schema, temporary) },
    });
    const stage = Math.max(built + 1, proven);
    if (replaced !== undefined) this.#stages.add(stage, { ...replaced, online: {} });
    const kind = key["kind"] ?? "UNIQUE";
    const add = `ALTER TABLE ${table} ADD CONSTRAINT ${quoteIdent(ownName)} ${kind} USING INDEX ${quoteIdent(temporary)}${key["deferrable"] ?? ""}`;
    this.#stages.add(stage, { ...action, sql: add, online: {} }, [id]);
    return true;
  }

  #setNotNull(action: EngineAction, column: ObjectId): void {
    const { engine, view } = this.#input;
    const { parent, ownName } = engine.describe(view.desired, column);
    const isOld = parent !== undefined && view.current.ids.has(column) && !this.#created.has(column);
    if (!isOld || this.#populated(parent) === undefined) {
      this.#placeWhole(action);
      return;
    }
    this.#proveNotNull(action, column, engine.quotedName(view.desired, parent), ownName);
  }

  #proveNotNull(action: EngineAction, column: ObjectId, table: string, ownName: string): void {
    const check = scaffoldName("notNull", column);
    const stage = this.#stages.transaction(this.#needsOf(action));
    const lock = "accessExclusive";
    const add = `ALTER TABLE ${table} ADD CONSTRAINT ${check} CHECK (${quoteIdent(ownName)} IS NOT NULL) NOT VALID`;
    const validate = `ALTER TABLE ${table} VALIDATE CONSTRAINT ${check}`;
    const set = `ALTER TABLE ${table} ALTER COLUMN ${quoteIdent(ownName)} SET NOT NULL, DROP CONSTRAINT ${check}`;
    this.#stages.add(stage, { ...alter(action, add, [column], lock), online: {} });
    this.#stages.add(stage + 1, {
      ...alter(action, validate, [column], "shareUpdateExclusive"),
      online: { proves: true, withdraw: dropConstraint(table, check) },
    });
    this.#stages.add(stage + 2, { ...action, sql: set, online: {} });
    this.#notNullFrom.set(column, stage + 2);
  }

  /** A volatile default must be computed for every row: PostgreSQL would rewrite the table under a lock. */
  #addColumn(action: EngineAction, id: ObjectId): boolean {
    const { engine, view, population } = this.#input;
    const column = engine.column(view.desired, id);
    if (column?.default === undefined || column.computed || column.collated) return false;
    const populated = this.#populated(column.relation);
    if (populated?.fillable !== true || populated.partitioned) return false;
    if (!calledFunctions(column.default).some((name) => population.volatile.has(name))) return false;
    const table = engine.quotedName(view.desired, column.relation);
    const name = quoteIdent(engine.describe(view.desired, id).ownName);
    const stage = this.#stages.transaction(this.#needsOf(action));
    // One statement: added with its default the column would be computed for every row at once.
    const add = `ALTER TABLE ${table} ADD COLUMN ${name} ${column.type}, ALTER COLUMN ${name} SET DEFAULT ${column.default}, ADD CONSTRAINT ${scaffoldName("fill", id)} CHECK (true) NOT VALID`;
    this.#stages.add(stage, { ...action, sql: add, rewrites: false, online: {} });
    this.#fill(action, id, column, stage + 1);
    return true;
  }

  #fill(action: EngineAction, id: ObjectId, column: ColumnDefinition, stage: number): void {
    const { engine, view } = this.#input;
    const table = engine.quotedName(view.desired, column.relation);
    const ownName = engine.describe(view.desired, id).ownName;
    const name = quoteIdent(ownName);
    const fill = `UPDATE ${table} SET ${name} = DEFAULT WHERE ${name} IS NULL`;
    const unmark = `ALTER TABLE ${table} DROP CONSTRAINT ${scaffoldName("fill", id)}`;
    this.#stages.add(stage, { ...alter(action, fill, [id], "none"), online: { fills: table } });
    this.#stages.add(stage + 1, { ...alter(action, unmark, [id], "accessExclusive"), online: {} });
    this.#stages.availableFrom(id, stage);
    if (column.notNull) {
      const set: EngineAction = {
        ...alter(action, "", [id], "accessExclusive"),
        step: { kind: "set not null", column: id },
      };
      this.#proveNotNull(set, id, table, ownName);
    }
  }

  /**
   * True for an index or key that another takes the place of, or an index that just goes: not to be dropped
   * here, but once the other one is there, or alone at the end.
   */
  #isDroppedLater(action: EngineAction, id: ObjectId): boolean {
    const { engine, view } = this.#input;
    const index = engine.index(view.current, id);
    const constraint = engine.constraint(view.current, id);
    const relation = index?.relation ?? constraint?.relation;
    const populated = relation === undefined ? undefined : this.#populated(relation);
    if (populated === undefined || this.#isInTheWay(id)) return false;
    if (this.#created.has(id)) {
      if (!this.#isReplacedOnline(id)) return false;
      this.#replaced.set(id, action);
      return true;
    }
    if (index === undefined || populated.partitioned) return false;
    const { schema = "", ownName } = engine.describe(view.current, id);
    this.#last.push({
      ...action,
      sql: `DROP INDEX CONCURRENTLY ${qualified(schema, ownName)}`,
      lock: "shareUpdateExclusive",
      transactional: false,
      online: {},
    });
    return true;
  }

  /** True when what will stand in its place is built beside. */
  #isReplacedOnline(id: ObjectId): boolean {
    const { engine, view } = this.#input;
    const index = engine.index(view.desired, id);
    // One that is made anew as it was makes way for another one.
    const isSame = engine.content(view.current, id) === engine.content(view.desired, id);
    if (index !== undefined) return !isSame && this.#populated(index.relation) !== undefined;
    const constraint = engine.constraint(view.desired, id);
    if (constraint === undefined || this.#populated(constraint.relation)?.partitioned !== false) return false;
    return KEY.test(constraint.definition);
  }

  /** True when something that it refers to changes or goes, or something that needs it does: then it goes in its turn. */
  #isInTheWay(id: ObjectId): boolean {
    const { engine, view } = this.#input;
    const under = new Set(engine.dependencies(view.current, id));
    const isTouched = this.#actions.some(
      ({ drops, step }) =>
        drops.some((gone) => under.has(gone)) || (step?.kind === "set type" && under.has(step.column)),
    );
    if (isTouched) return true;
    const leans = (other: ObjectId): boolean => engine.dependencies(view.current, other).includes(id);
    if ([...this.#dropped].some((other) => other !== id && leans(other))) return true;
    const { name } = engine.describe(view.current, id);
    return [...this.#created].some(
      (other) => other !== id && RELATIONS.test(other) && engine.describe(view.desired, other).name === name,
    );
  }

  /** What a run that died left: taken away before anything else, or carried on where it is half of the work. */
  #tidy(): EngineAction[] {
    const { engine, view, current } = this.#input;
    const tidied: EngineAction[] = [];
    for (const id of current.ids) {
      const { kind, ownName, schema = "", parent } = engine.describe(current, id);
      const scaffold = kind === "index" || kind === "constraint" ? scaffoldKindOf(ownName) : undefined;
      if (scaffold === undefined || parent === undefined || !view.current.ids.has(parent)) continue;
      const base = leftover(id);
      if (kind === "index") {
        tidied.push({ ...base, sql: dropConcurrently(schema, ownName), transactional: false });
      } else if (scaffold === "notNull") {
        tidied.push({ ...base, sql: dropConstraint(engine.quotedName(current, parent), ownName) });
      } else if (scaffold === "fill") {
        this.#goOnFilling(base, parent, ownName);
      }
    }
    return tidied;
  }

  #goOnFilling(base: EngineAction, table: ObjectId, mark: string): void {
    const { engine, view } = this.#input;
    const id = [...view.current.ids].find(
      (each) => each.startsWith("column:") && scaffoldName("fill", each) === mark,
    );
    const column = id === undefined ? undefined : engine.column(view.desired, id);
    if (id === undefined || column === undefined) {
      this.#stages.add(0, { ...base, sql: dropConstraint(engine.quotedName(view.current, table), mark) });
      return;
    }
    // That it is to be NOT NULL, the engine sees by itself.
    this.#fill({ ...base, objects: [id] }, id, { ...column, notNull: false }, 1);
  }
}

function redefined({ redefines }: EngineAction): ObjectId[] {
  return redefines === undefined ? [] : [redefines];
}

const RELATIONS = /^(?:table|view|materializedView|sequence|index|foreignTable|type):/;
