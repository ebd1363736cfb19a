import {
  type ColumnPart,
  type ColumnType,
  categoryOf,
  columnsOf,
  type Expression,
  type Fallback,
  type Model,
  type Part,
  partOf,
  partsOf,
  plainTypeOf,
  type TablePart,
  type Uid,
} from "./model.ts";
import type { Random } from "./random.ts";
import { ROLES, slotsOf } from "./render.ts";
import { PLAIN_NAMES, plain } from "./types.ts";

/** A schema in the making; also adds to one that is there. */
export class Builder {
  readonly random: Random;
  /** Of the server: what it has not learnt yet is not made. */
  readonly major: number;
  readonly parts: Map<Uid, Part>;
  #last: Uid;

  constructor(random: Random, major: number, start: Model = new Map()) {
    this.random = random;
    this.major = major;
    this.parts = new Map(start);
    this.#last = Math.max(0, ...start.keys());
  }

  add<P extends Part>(part: P): P {
    this.parts.set(part.uid, part);
    return part;
  }

  uid(): Uid {
    this.#last += 1;
    return this.#last;
  }

  /** A name that nobody else has: plain ones, and all that needs quotes. */
  name(uid: Uid, stem: string): string {
    const { random } = this;
    if (random.chance(0.6)) return `${stem}_${uid}`;
    const odd = [
      `Upper${uid}`,
      `two words ${uid}`,
      `größe_${uid}`,
      `quo"te${uid}`,
      `it's ${uid}`,
      `semi;colon--${uid}`,
      `dot.ted${uid}`,
      `paren(${uid})`,
      `$1_${uid}`,
      `back\\slash${uid}`,
      `${"long_".repeat(12).slice(0, 63 - String(uid).length)}${uid}`,
      `${"ü".repeat(29)}${uid}`.slice(0, 32),
    ];
    return random.pick(odd);
  }

  /** A column's name may be a keyword: its table makes it unique. */
  columnName(uid: Uid, table: Uid): string {
    const taken = new Set(
      [...this.parts.values()].flatMap((part) =>
        (part.kind === "column" && part.table === table) || (part.kind === "item" && part.view === table)
          ? [part.name]
          : [],
      ),
    );
    const keyword = this.random.pick([
      "select",
      "user",
      "order",
      "id",
      "name",
      "value",
      "time",
      "group",
      "type",
    ]);
    const inTree = partsOf(this.parts, "table").some(
      ({ uid: each, inherits }) => inherits !== undefined && (inherits === table || each === table),
    );
    return this.random.chance(0.25) && !taken.has(keyword) && !inTree ? keyword : this.name(uid, "c");
  }

  schema(): Uid {
    const schemas = partsOf(this.parts, "schema");
    const found = this.random.maybePick(schemas);
    return found === undefined ? this.addSchema() : found.uid;
  }

  addSchema(): Uid {
    const uid = this.uid();
    return this.add({ kind: "schema", uid, name: this.random.pick([`app${uid}`, `My Schema ${uid}`]) }).uid;
  }

  addEnum(): Uid {
    const uid = this.uid();
    const pool = ["new", "open", "Done", "it's", "on hold", "größe", "x"];
    const labels = this.random.shuffled(pool).slice(0, this.random.between(2, 5));
    return this.add({ kind: "enum", uid, schema: this.schema(), name: this.name(uid, "e"), labels }).uid;
  }

  addDomain(): Uid {
    const { random } = this;
    const uid = this.uid();
    const base = random.pick(["integer", "text", "character varying(60)", "numeric(10,2)", "bigint", "date"]);
    const checks = [0, 1].flatMap((variant) =>
      random.chance(0.5) ? [{ name: `d_${uid}_${variant}`, variant: variant + random.int(2) }] : [],
    );
    return this.add({
      kind: "domain",
      uid,
      schema: this.schema(),
      name: this.name(uid, "d"),
      base,
      notNull: random.chance(0.15),
      checks,
      fallback: random.chance(0.2) ? 1 : undefined,
    }).uid;
  }

  addComposite(): Uid {
    const uid = this.uid();
    const attributes = Array.from({ length: this.random.between(1, 3) }, (_, index) => ({
      name: `a${index}`,
      type: this.random.pick(["integer", "text", "numeric(10,2)", "date"]),
    }));
    return this.add({ kind: "composite", uid, schema: this.schema(), name: this.name(uid, "ct"), attributes })
      .uid;
  }

  addRange(): Uid {
    const uid = this.uid();
    const subtype = this.random.pick(["numeric", "bigint", "text"]);
    return this.add({ kind: "range", uid, schema: this.schema(), name: this.name(uid, "r"), subtype }).uid;
  }

  addSequence(): Uid {
    const { random } = this;
    const uid = this.uid();
    return this.add({
      kind: "sequence",
      uid,
      schema: this.schema(),
      name: this.name(uid, "s"),
      type: random.pick(["integer", "bigint"]),
      increment: random.pick([1, 5, -1]),
      cache: random.pick([1, 10]),
      cycle: random.chance(0.2),
      ownedBy: undefined,
    }).uid;
  }

  addRoutine(use?: Extract<Part, { kind: "routine" }>["use"]): Uid | undefined {
    const { random } = this;
    const uid = this.uid();
    const kind =
      use ??
      random.pick(["int", "text", "condition", "trigger", "count", "rows", "row", "procedure", "aggregate"]);
    const readsTable = kind === "count" || kind === "rows" || kind === "row";
    const table = readsTable ? random.maybePick(partsOf(this.parts, "table")) : undefined;
    if (readsTable && (table === undefined || columnsOf(this.parts, table.uid).length === 0))
      return undefined;
    const results = { int: ["integer", "bigint"], text: ["text"], condition: ["boolean"] };
    return this.add({
      kind: "routine",
      uid,
      schema: this.schema(),
      name: this.name(uid, "f"),
      use: kind,
      language: random.pick(["sql", "plpgsql"]),
      atomic: random.chance(0.4),
      variant: random.int(6),
      result: kind === "int" || kind === "text" || kind === "condition" ? random.pick(results[kind]) : "",
      extraArgument: random.chance(0.2) && ["int", "text", "condition", "procedure"].includes(kind),
      strict: random.chance(0.2),
      definer: random.chance(0.15),
      table: table?.uid,
    }).uid;
  }

  addTable(more: Partial<TablePart> = {}): Uid {
    const { random } = this;
    const uid = this.uid();
    this.add({
      kind: "table",
      uid,
      schema: this.schema(),
      name: this.name(uid, "t"),
      unlogged: random.chance(0.06),
      rls: random.chance(0.2),
      force: random.chance(0.05),
      fillfactor: random.chance(0.15) ? 70 : undefined,
      partitionKey: undefined,
      partitionOf: undefined,
      inherits: undefined,
      replicaFull: random.chance(0.07),
      ...more,
    });
    if (more.partitionOf !== undefined) return uid;
    for (let count = random.between(1, 6); count > 0; count -= 1) this.addColumn(uid);
    if (more.inherits === undefined && random.chance(0.6)) this.addConstraint(uid, "primary");
    return uid;
  }

  /** A partitioned table with partitions, one of them perhaps partitioned again. */
  addPartitioned(): Uid {
    const { random } = this;
    const table = this.addTable({ unlogged: false, fillfactor: undefined, rls: random.chance(0.1) });
    for (const each of partsOf(this.parts, "constraint"))
      if (each.table === table) this.parts.delete(each.uid);
    const strategy = random.pick(["list", "range", "hash"] as const);
    const column = this.addColumn(table, { type: { plain: "integer" }, notNull: true }).uid;
    this.change(table, "table", { partitionKey: { strategy, column } });
    for (let slot = 0; slot < slotsOf(strategy); slot += 1) {
      if (!random.chance(0.8)) continue;
      const isNested = random.chance(0.15);
      const child = this.addPartition(table, slot, isNested ? { strategy: "hash", column } : undefined);
      if (isNested) for (const rest of [0, 1, 2]) this.addPartition(child, rest, undefined);
    }
    if (random.chance(0.6)) this.addConstraint(table, "primary");
    return table;
  }

  addPartition(table: Uid, slot: number, partitionKey: TablePart["partitionKey"]): Uid {
    return this.addTable({
      partitionOf: { table, slot },
      partitionKey,
      unlogged: false,
      rls: false,
      force: false,
      replicaFull: false,
      fillfactor: undefined,
    });
  }

  change<K extends Part["kind"]>(uid: Uid, kind: K, more: Partial<Extract<Part, { kind: K }>>): void {
    this.parts.set(uid, { ...partOf(this.parts, uid, kind), ...more });
  }

  columnType(): ColumnType {
    const { random } = this;
    const users = [...this.parts.values()].filter(
      ({ kind }) => kind === "enum" || kind === "domain" || kind === "composite" || kind === "range",
    );
    const user = random.chance(0.3) ? random.maybePick(users) : undefined;
    if (user === undefined) {
      const usual = [
        "integer",
        "bigint",
        "text",
        "boolean",
        "timestamp with time zone",
        "character varying(60)",
      ];
      return { plain: random.pick(random.chance(0.5) ? usual : PLAIN_NAMES) };
    }
    const form = user.kind as "enum" | "domain" | "composite" | "range";
    return { user: user.uid, array: form === "enum" && random.chance(0.2), form };
  }

  fallbackFor(type: ColumnType): Fallback | undefined {
    const { random, parts } = this;
    if ("user" in type) {
      const user = parts.get(type.user);
      if (user?.kind === "enum" && !type.array && random.chance(0.7))
        return { form: "label", label: random.pick(user.labels) };
      return user?.kind === "composite" ? { form: "null" } : { form: "value", n: 1 };
    }
    const { category } = plain(type.plain);
    if (type.plain === "uuid") return { form: "random" };
    if (category === "time" && random.chance(0.6)) return { form: "now" };
    if (type.plain === "integer" || type.plain === "bigint" || type.plain === "text") {
      const routine = this.routineFor(type.plain === "text" ? "text" : "int");
      if (routine !== undefined && random.chance(0.4)) return { form: "call", routine };
      const sequence = random.maybePick(partsOf(parts, "sequence"));
      if (type.plain !== "text" && sequence !== undefined && random.chance(0.5))
        return { form: "next", sequence: sequence.uid };
    }
    return random.chance(0.1) ? { form: "null" } : { form: "value", n: random.between(1, 3) };
  }

  routineFor(use: "int" | "text" | "condition" | "trigger"): Uid | undefined {
    return this.random.maybePick(partsOf(this.parts, "routine").filter((routine) => routine.use === use))
      ?.uid;
  }

  addColumn(table: Uid, more: Partial<ColumnPart> = {}): ColumnPart {
    const { random } = this;
    const uid = this.uid();
    const type = more.type ?? this.columnType();
    const isCounter = "plain" in type && plain(type.plain).category === "int" && more.type === undefined;
    const isRoot = partOf(this.parts, table, "table").inherits === undefined;
    const counter =
      isCounter && isRoot && random.chance(0.35) ? random.pick(["identity", "serial"] as const) : undefined;
    const column: ColumnPart = {
      kind: "column",
      uid,
      table,
      name: this.columnName(uid, table),
      type,
      notNull: counter !== undefined || random.chance(0.3),
      fallback: counter === undefined && random.chance(0.35) ? this.fallbackFor(type) : undefined,
      identity: counter === "identity" ? random.pick(["always", "by default"] as const) : undefined,
      serial: counter === "serial",
      generated: undefined,
      collate: random.chance(0.04),
      ...more,
    };
    this.add(column);
    if (more.type === undefined && random.chance(0.1)) this.addGenerated(table);
    return column;
  }

  addGenerated(table: Uid): void {
    const { random, parts } = this;
    const { partitionOf, inherits } = partOf(parts, table, "table");
    if (partitionOf !== undefined || inherits !== undefined) return;
    const sources = columnsOf(parts, table).filter(
      ({ uid, generated, type }) =>
        generated === undefined && "plain" in type && ["int", "text"].includes(categoryOf(parts, uid) ?? ""),
    );
    const source = random.maybePick(sources);
    if (source === undefined) return;
    const isText = categoryOf(parts, source.uid) === "text";
    const routine = random.chance(0.3) ? this.routineFor(isText ? "text" : "int") : undefined;
    const uid = this.uid();
    this.add({
      kind: "column",
      uid,
      table,
      name: this.columnName(uid, table),
      type: { plain: isText ? "text" : "bigint" },
      notNull: false,
      fallback: undefined,
      identity: undefined,
      serial: false,
      generated: {
        column: source.uid,
        variant: random.int(3),
        routine,
        virtual: this.major >= 18 && routine === undefined && random.chance(0.4),
      },
      collate: false,
    });
  }

  /** Columns whose values can be keys of a B-tree; a virtual one can't. */
  sortable(of: Uid): Uid[] {
    return this.columnsFor(of).filter((uid) => {
      const part = this.parts.get(uid);
      if (part?.kind === "column") {
        if (part.generated?.virtual === true) return false;
        if ("user" in part.type) return part.type.form === "enum" || part.type.form === "domain";
      }
      const type = plainTypeOf(this.parts, uid);
      return type === undefined ? this.isEnum(uid) : plain(type).sorts !== false;
    });
  }

  isEnum(uid: Uid): boolean {
    const part = this.parts.get(uid);
    if (part?.kind === "item") return part.wrap === "text" || this.isEnum(part.source);
    return part?.kind === "column" && "user" in part.type && part.type.form === "enum";
  }

  columnsFor(of: Uid): Uid[] {
    const part = this.parts.get(of);
    if (part?.kind === "table") return columnsOf(this.parts, of).map(({ uid }) => uid);
    return partsOf(this.parts, "item").flatMap((item) => (item.view === of ? [item.uid] : []));
  }

  expressionOn(columns: readonly Uid[], use: "condition" | "value"): Expression | undefined {
    const { random } = this;
    const column = random.maybePick(columns);
    if (column === undefined) return undefined;
    const category = categoryOf(this.parts, column);
    const withRoutine = random.chance(0.3) && (category === "int" || category === "text");
    const routine = withRoutine
      ? this.routineFor(
          category === "text" ? "text" : use === "condition" && random.chance(0.5) ? "condition" : "int",
        )
      : undefined;
    return { column, variant: random.int(4), routine };
  }

  addConstraint(table: Uid, type?: Extract<Part, { kind: "constraint" }>["type"]): Uid | undefined {
    const { random, parts } = this;
    const { partitionKey, partitionOf, inherits } = partOf(parts, table, "table");
    const kind =
      type ?? random.pick(["unique", "check", "check", "foreign", "foreign", "exclude", "primary"] as const);
    if (partitionOf !== undefined) return undefined;
    const uid = this.uid();
    const base = {
      kind: "constraint" as const,
      uid,
      table,
      name: random.chance(0.6) ? this.name(uid, "con") : undefined,
      type: kind,
      columns: [] as Uid[],
      check: undefined,
      key: undefined,
      deferrable: random.chance(0.15) && kind !== "primary",
      onDelete: "no action" as const,
      nullsNotDistinct: this.major >= 15 && random.chance(0.1),
    };
    const key = partitionKey === undefined ? [] : [partitionKey.column];
    const nested = partsOf(parts, "table").flatMap((each) =>
      each.partitionOf?.table === table && each.partitionKey !== undefined ? [each.partitionKey.column] : [],
    );
    switch (kind) {
      case "primary":
      case "unique": {
        const hasPrimary = partsOf(parts, "constraint").some(
          (each) => each.table === table && each.type === "primary",
        );
        if ((kind === "primary" && hasPrimary) || inherits !== undefined) return undefined;
        const columns = [
          ...new Set([...key, ...nested, ...random.sample(this.sortable(table), random.between(1, 2))]),
        ];
        if (columns.length === 0) return undefined;
        if (kind === "primary" && columns.some((each) => this.isVirtual(each))) return undefined;
        return this.add({ ...base, columns }).uid;
      }
      case "check": {
        const check = this.expressionOn(
          columnsOf(parts, table).map((column) => column.uid),
          "condition",
        );
        return check === undefined ? undefined : this.add({ ...base, check }).uid;
      }
      case "exclude": {
        const ranges = columnsOf(parts, table).filter(
          ({ type: each }) =>
            ("plain" in each && /range$/.test(each.plain)) || ("user" in each && each.form === "range"),
        );
        if (ranges.length === 0 || partitionKey !== undefined) return undefined;
        return this.add({ ...base, columns: [random.pick(ranges).uid] }).uid;
      }
      case "foreign": {
        const keys = partsOf(parts, "constraint").filter(
          (each) =>
            (each.type === "primary" || each.type === "unique") &&
            each.columns.length === 1 &&
            !each.deferrable &&
            !partOf(parts, each.table, "table").unlogged &&
            each.columns.every((column) => {
              const of = partOf(parts, column, "column");
              return "plain" in of.type && of.generated === undefined;
            }),
        );
        const found = random.maybePick(keys);
        const [column] = found?.columns ?? [];
        if (found === undefined || column === undefined) return undefined;
        const { type: keyType } = partOf(parts, column, "column");
        const own = this.addColumn(table, {
          type: keyType,
          notNull: random.chance(0.2),
          fallback: undefined,
        }).uid;
        return this.add({
          ...base,
          columns: [own],
          key: found.uid,
          onDelete: random.pick(["no action", "cascade", "set null", "restrict"] as const),
        }).uid;
      }
    }
  }

  isVirtual(uid: Uid): boolean {
    const part = this.parts.get(uid);
    return part?.kind === "column" && part.generated?.virtual === true;
  }

  addIndex(): Uid | undefined {
    const { random, parts } = this;
    const targets = [
      ...partsOf(parts, "table"),
      ...partsOf(parts, "view").filter(({ materialized }) => materialized),
    ];
    const on = random.maybePick(targets);
    if (on === undefined) return undefined;
    const all = this.columnsFor(on.uid).filter((column) => !this.isVirtual(column));
    const special = all.flatMap((column) => {
      const type = plainTypeOf(parts, column);
      const method = type === undefined ? undefined : plain(type).method;
      return method === undefined ? [] : [{ column, method }];
    });
    const uid = this.uid();
    const chosen = random.chance(0.35) ? random.maybePick(special) : undefined;
    const base = { kind: "index" as const, uid, on: on.uid, name: this.name(uid, "i") };
    const where = random.chance(0.25) ? this.expressionOn(all, "condition") : undefined;
    const safeWhere = where !== undefined && this.isImmutable(where) ? where : undefined;
    if (chosen !== undefined) {
      const keys = [{ column: chosen.column, variant: 0, plain: true, desc: false }];
      return this.add({ ...base, method: chosen.method, keys, unique: false, where: safeWhere, include: [] })
        .uid;
    }
    const sortable = this.sortable(on.uid);
    const columns = random.sample(sortable, random.between(1, 3));
    if (columns.length === 0) return undefined;
    const isPartitioned =
      on.kind === "table" && (on.partitionKey !== undefined || on.partitionOf !== undefined);
    const keys = columns.map((column) => {
      const category = categoryOf(parts, column);
      const plainKey =
        category === undefined || random.chance(0.7) || !["int", "num", "text"].includes(category);
      const routine =
        plainKey || random.chance(0.6) || category === "num"
          ? undefined
          : this.routineFor(category === "text" ? "text" : "int");
      return { column, variant: random.int(3), routine, plain: plainKey, desc: random.chance(0.2) };
    });
    return this.add({
      ...base,
      method: "btree",
      keys,
      unique: random.chance(0.2) && !isPartitioned,
      where: safeWhere,
      include: random.chance(0.15) ? random.sample(all, 1).filter((each) => !columns.includes(each)) : [],
    }).uid;
  }

  /** An index takes immutable expressions only; a comparison of a date with a text may not be one. */
  isImmutable({ column, routine }: Expression): boolean {
    if (routine !== undefined) {
      const { use, variant } = partOf(this.parts, routine, "routine");
      return use !== "condition" || variant % 2 === 0;
    }
    return categoryOf(this.parts, column) !== "time";
  }

  addView(): Uid | undefined {
    const { random, parts } = this;
    const from = random.maybePick([...partsOf(parts, "table"), ...partsOf(parts, "view")]);
    if (from === undefined) return undefined;
    const columns = this.columnsFor(from.uid);
    if (columns.length === 0) return undefined;
    const uid = this.uid();
    const materialized = random.chance(0.25);
    const chosen = random.sample(columns, random.between(1, 4));
    const sortable = new Set(this.sortable(from.uid));
    const view = this.add({
      kind: "view",
      uid,
      schema: this.schema(),
      name: this.name(uid, materialized ? "m" : "v"),
      materialized,
      from: from.uid,
      where: random.chance(0.4) ? this.expressionOn(columns, "condition") : undefined,
      distinct: random.chance(0.15) && chosen.every((each) => sortable.has(each)),
      option: random.pick([
        "none",
        "none",
        "none",
        "barrier",
        ...(this.major >= 15 ? ["invoker" as const] : []),
      ] as const),
    });
    for (const source of chosen) this.addItem(view.uid, source);
    return uid;
  }

  addItem(view: Uid, source: Uid): void {
    const { random, parts } = this;
    const uid = this.uid();
    const category = categoryOf(parts, source);
    const wrap = random.chance(0.7)
      ? "plain"
      : category === undefined || category === "other"
        ? "plain"
        : random.pick(["expression", "text"] as const);
    const withRoutine =
      wrap === "expression" && random.chance(0.4) && (category === "int" || category === "text");
    this.add({
      kind: "item",
      uid,
      view,
      name: this.columnName(uid, view),
      source,
      wrap,
      variant: random.int(3),
      routine: withRoutine ? this.routineFor(category === "text" ? "text" : "int") : undefined,
    });
  }

  addTrigger(): Uid | undefined {
    const { random, parts } = this;
    const table = random.maybePick(partsOf(parts, "table"));
    const routine = this.routineFor("trigger") ?? this.addRoutine("trigger");
    if (table === undefined || routine === undefined) return undefined;
    const columns = this.columnsFor(table.uid).filter((column) => !this.isGenerated(column));
    const events = random.sample(["insert", "update", "delete"] as const, random.between(1, 3));
    const uid = this.uid();
    return this.add({
      kind: "trigger",
      uid,
      table: table.uid,
      name: this.name(uid, "tr"),
      routine,
      timing: random.pick(["before", "after"]),
      events,
      level: random.pick(["row", "row", "statement"]),
      of: events.includes("update") && random.chance(0.3) ? random.maybePick(columns) : undefined,
      when: random.chance(0.4) ? random.maybePick(columns) : undefined,
      enabled: random.pick(["yes", "yes", "yes", "yes", "no", "always"]),
    }).uid;
  }

  isGenerated(uid: Uid): boolean {
    const part = this.parts.get(uid);
    return part?.kind === "column" && part.generated !== undefined;
  }

  addPolicy(): Uid | undefined {
    const { random, parts } = this;
    const table = random.maybePick(partsOf(parts, "table"));
    if (table === undefined) return undefined;
    const columns = this.columnsFor(table.uid);
    const uid = this.uid();
    const exists = random.chance(0.2) ? random.maybePick(partsOf(parts, "table")) : undefined;
    return this.add({
      kind: "policy",
      uid,
      table: table.uid,
      name: this.name(uid, "p"),
      command: random.pick(["all", "select", "insert", "update", "delete"]),
      restrictive: random.chance(0.3),
      role: random.int(ROLES.length),
      using: random.chance(0.8) ? this.expressionOn(columns, "condition") : undefined,
      exists: exists?.uid,
    }).uid;
  }

  addGrant(): Uid | undefined {
    const { random, parts } = this;
    const targets = [...parts.values()].filter(({ kind }) =>
      ["schema", "enum", "domain", "sequence", "routine", "table", "view"].includes(kind),
    );
    const on = random.maybePick(targets);
    if (on === undefined) return undefined;
    const isRelation = on.kind === "table" || on.kind === "view";
    const columns =
      isRelation && random.chance(0.3) ? random.sample(this.columnsFor(on.uid), random.between(1, 2)) : [];
    const uid = this.uid();
    return this.add({
      kind: "grant",
      uid,
      on: on.uid,
      privileges: this.privilegesFor(on, columns.length > 0),
      columns,
      role: random.int(ROLES.length),
      option: random.chance(0.15),
    }).uid;
  }

  privilegesFor(on: Part, ofColumns: boolean): string[] {
    const { random } = this;
    if (ofColumns) return random.sample(["select", "insert", "update"], random.between(1, 2));
    if (on.kind === "table" || on.kind === "view")
      return random.sample(["select", "insert", "update", "delete", "trigger"], random.between(1, 3));
    if (on.kind === "sequence") return random.sample(["usage", "select", "update"], random.between(1, 2));
    if (on.kind === "routine") return ["execute"];
    return on.kind === "schema" ? random.sample(["usage", "create"], random.between(1, 2)) : ["usage"];
  }

  addComment(): Uid | undefined {
    const { random, parts } = this;
    const taken = new Set(partsOf(parts, "comment").map(({ on }) => on));
    const targets = [...parts.values()].filter(
      (part) =>
        !["grant", "comment", "privilege"].includes(part.kind) &&
        !(part.kind === "constraint" && part.name === undefined) &&
        !taken.has(part.uid),
    );
    const on = random.maybePick(targets);
    if (on === undefined) return undefined;
    const text = random.pick(["plain", "it's", "two\nlines", "größe", "$$ -- ; \\"]);
    return this.add({ kind: "comment", uid: this.uid(), on: on.uid, text }).uid;
  }

  addPrivilege(): Uid {
    const { random } = this;
    return this.add({
      kind: "privilege",
      uid: this.uid(),
      schema: this.schema(),
      objects: random.pick(["tables", "functions", "sequences", "types"]),
      role: random.between(1, ROLES.length - 1),
    }).uid;
  }

  /** One more of anything. */
  addAny(): void {
    const { random } = this;
    const adders: readonly (readonly [weight: number, add: () => unknown])[] = [
      [2, () => this.addEnum()],
      [2, () => this.addDomain()],
      [1, () => this.addComposite()],
      [1, () => this.addRange()],
      [1, () => this.addSequence()],
      [3, () => this.addRoutine()],
      [5, () => this.addTable()],
      [2, () => this.addPartitioned()],
      [1, () => this.addChild()],
      [4, () => this.addToTable((table) => this.addColumn(table))],
      [6, () => this.addToTable((table) => this.addConstraint(table))],
      [6, () => this.addIndex()],
      [6, () => this.addView()],
      [2, () => this.addTrigger()],
      [3, () => this.addPolicy()],
      [4, () => this.addGrant()],
      [3, () => this.addComment()],
      [0.5, () => this.addPrivilege()],
    ];
    let at = random.next() * adders.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, add] of adders) {
      at -= weight;
      if (at < 0) {
        add();
        return;
      }
    }
  }

  addChild(): void {
    const parents = partsOf(this.parts, "table").filter(
      ({ partitionKey, partitionOf, inherits, unlogged }) =>
        partitionKey === undefined && partitionOf === undefined && inherits === undefined && !unlogged,
    );
    const parent = this.random.maybePick(parents);
    if (parent !== undefined) this.addTable({ inherits: parent.uid, unlogged: false });
  }

  addToTable(add: (table: Uid) => unknown): void {
    const tables = partsOf(this.parts, "table").filter(({ partitionOf }) => partitionOf === undefined);
    const table = this.random.maybePick(tables);
    if (table !== undefined) add(table.uid);
  }
}

/** A schema of some tens of objects. */
export function generate(random: Random, major: number, size: number): Model {
  const builder = new Builder(random, major);
  builder.addSchema();
  if (random.chance(0.5)) builder.addSchema();
  for (let count = random.between(0, 3); count > 0; count -= 1) {
    random.pick([() => builder.addEnum(), () => builder.addDomain(), () => builder.addRoutine("int")])();
  }
  builder.addTable();
  for (let count = size; count > 0; count -= 1) builder.addAny();
  return builder.parts;
}
