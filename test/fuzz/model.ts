import { type Category, plain } from "./types.ts";

/** Identity of a part over all versions of a schema: what is renamed or changed keeps it. */
export type Uid = number;

export type ColumnType =
  | { readonly plain: string }
  | { readonly user: Uid; readonly array: boolean; readonly form: "enum" | "domain" | "composite" | "range" };

export type Fallback =
  | { readonly form: "value"; readonly n: number }
  | { readonly form: "null" }
  | { readonly form: "now" }
  | { readonly form: "random" }
  | { readonly form: "call"; readonly routine: Uid }
  | { readonly form: "next"; readonly sequence: Uid }
  | { readonly form: "label"; readonly label: string };

/** An expression over one column; what it reads as depends on the column's category. */
export interface Expression {
  readonly column: Uid;
  readonly variant: number;
  readonly routine?: Uid | undefined;
}

interface Base {
  readonly uid: Uid;
}
interface Named extends Base {
  readonly name: string;
}
interface InSchema extends Named {
  readonly schema: Uid;
}

export interface SchemaPart extends Named {
  readonly kind: "schema";
}
export interface EnumPart extends InSchema {
  readonly kind: "enum";
  readonly labels: readonly string[];
}
export interface DomainPart extends InSchema {
  readonly kind: "domain";
  readonly base: string;
  readonly notNull: boolean;
  readonly checks: readonly { readonly name: string; readonly variant: number }[];
  readonly fallback: number | undefined;
}
export interface CompositePart extends InSchema {
  readonly kind: "composite";
  readonly attributes: readonly { readonly name: string; readonly type: string }[];
}
export interface RangePart extends InSchema {
  readonly kind: "range";
  readonly subtype: string;
}
export interface SequencePart extends InSchema {
  readonly kind: "sequence";
  readonly type: "integer" | "bigint";
  readonly increment: number;
  readonly cache: number;
  readonly cycle: boolean;
  readonly ownedBy: Uid | undefined;
}
export interface RoutinePart extends InSchema {
  readonly kind: "routine";
  /** What it is for decides its arguments and its result. */
  readonly use:
    | "int"
    | "text"
    | "condition"
    | "trigger"
    | "count"
    | "rows"
    | "row"
    | "procedure"
    | "aggregate";
  readonly language: "sql" | "plpgsql";
  readonly atomic: boolean;
  readonly variant: number;
  readonly result: string;
  readonly extraArgument: boolean;
  readonly strict: boolean;
  readonly definer: boolean;
  /** The table that it reads, or whose rows it takes. */
  readonly table: Uid | undefined;
}
export interface TablePart extends InSchema {
  readonly kind: "table";
  readonly unlogged: boolean;
  readonly rls: boolean;
  readonly force: boolean;
  readonly fillfactor: number | undefined;
  readonly partitionKey: { readonly strategy: "list" | "range" | "hash"; readonly column: Uid } | undefined;
  readonly partitionOf: { readonly table: Uid; readonly slot: number } | undefined;
  readonly inherits: Uid | undefined;
  readonly replicaFull: boolean;
}
export interface ColumnPart extends Named {
  readonly kind: "column";
  readonly table: Uid;
  readonly type: ColumnType;
  readonly notNull: boolean;
  readonly fallback: Fallback | undefined;
  readonly identity: "always" | "by default" | undefined;
  readonly serial: boolean;
  readonly generated: (Expression & { readonly virtual: boolean }) | undefined;
  readonly collate: boolean;
}
export interface ConstraintPart extends Base {
  readonly kind: "constraint";
  readonly table: Uid;
  /** Undefined: PostgreSQL finds one. */
  readonly name: string | undefined;
  readonly type: "primary" | "unique" | "check" | "foreign" | "exclude";
  readonly columns: readonly Uid[];
  readonly check: Expression | undefined;
  /** The key that a foreign key refers to. */
  readonly key: Uid | undefined;
  readonly deferrable: boolean;
  readonly onDelete: "no action" | "cascade" | "set null" | "restrict";
  readonly nullsNotDistinct: boolean;
}
export interface IndexPart extends Named {
  readonly kind: "index";
  readonly on: Uid;
  readonly method: "btree" | "hash" | "gin" | "gist" | "brin";
  readonly keys: readonly (Expression & { readonly plain: boolean; readonly desc: boolean })[];
  readonly unique: boolean;
  readonly where: Expression | undefined;
  readonly include: readonly Uid[];
}
export interface ViewPart extends InSchema {
  readonly kind: "view";
  readonly materialized: boolean;
  readonly from: Uid;
  readonly where: Expression | undefined;
  readonly distinct: boolean;
  readonly option: "none" | "barrier" | "check" | "invoker";
}
/** A column of a view. */
export interface ItemPart extends Named {
  readonly kind: "item";
  readonly view: Uid;
  readonly source: Uid;
  readonly wrap: "plain" | "expression" | "text";
  readonly variant: number;
  readonly routine: Uid | undefined;
}
export interface TriggerPart extends Named {
  readonly kind: "trigger";
  readonly table: Uid;
  readonly routine: Uid;
  readonly timing: "before" | "after";
  readonly events: readonly ("insert" | "update" | "delete")[];
  readonly level: "row" | "statement";
  readonly of: Uid | undefined;
  readonly when: Uid | undefined;
  readonly enabled: "yes" | "no" | "always";
}
export interface PolicyPart extends Named {
  readonly kind: "policy";
  readonly table: Uid;
  readonly command: "all" | "select" | "insert" | "update" | "delete";
  readonly restrictive: boolean;
  readonly role: number;
  readonly using: Expression | undefined;
  /** A table whose rows are looked at. */
  readonly exists: Uid | undefined;
}
export interface GrantPart extends Base {
  readonly kind: "grant";
  readonly on: Uid;
  readonly privileges: readonly string[];
  readonly columns: readonly Uid[];
  readonly role: number;
  readonly option: boolean;
}
export interface CommentPart extends Base {
  readonly kind: "comment";
  readonly on: Uid;
  readonly text: string;
}
export interface DefaultPrivilegePart extends Base {
  readonly kind: "privilege";
  readonly schema: Uid;
  readonly objects: "tables" | "functions" | "sequences" | "types";
  readonly role: number;
}

export type Part =
  | SchemaPart
  | EnumPart
  | DomainPart
  | CompositePart
  | RangePart
  | SequencePart
  | RoutinePart
  | TablePart
  | ColumnPart
  | ConstraintPart
  | IndexPart
  | ViewPart
  | ItemPart
  | TriggerPart
  | PolicyPart
  | GrantPart
  | CommentPart
  | DefaultPrivilegePart;

export type Kind = Part["kind"];

/** A schema as its parts, in the order in which they were thought of. */
export type Model = ReadonlyMap<Uid, Part>;

const given = (uids: readonly (Uid | undefined)[]): Uid[] => uids.filter((uid) => uid !== undefined);

const inExpression = (expression: Expression | undefined): (Uid | undefined)[] => [
  expression?.column,
  expression?.routine,
];

/** What a part can't be without. */
export function needsOf(part: Part): readonly Uid[] {
  switch (part.kind) {
    case "schema":
      return [];
    case "enum":
    case "domain":
    case "composite":
    case "range":
    case "privilege":
      return [part.schema];
    case "sequence":
      return given([part.schema, part.ownedBy]);
    case "routine":
      return given([part.schema, part.table]);
    case "table":
      return given([part.schema, part.partitionKey?.column, part.partitionOf?.table, part.inherits]);
    case "column": {
      const { fallback, generated, type } = part;
      return given([
        part.table,
        "user" in type ? type.user : undefined,
        fallback?.form === "call" ? fallback.routine : undefined,
        fallback?.form === "next" ? fallback.sequence : undefined,
        ...inExpression(generated),
      ]);
    }
    case "constraint":
      return given([part.table, ...part.columns, ...inExpression(part.check), part.key]);
    case "index":
      return given([
        part.on,
        ...part.keys.flatMap(inExpression),
        ...inExpression(part.where),
        ...part.include,
      ]);
    case "view":
      return given([part.schema, part.from, ...inExpression(part.where)]);
    case "item":
      return given([part.view, part.source, part.routine]);
    case "trigger":
      return given([part.table, part.routine, part.of, part.when]);
    case "policy":
      return given([part.table, ...inExpression(part.using), part.exists]);
    case "grant":
      return [part.on, ...part.columns];
    case "comment":
      return [part.on];
  }
}

/** The part that a column or the like is written in. */
export function wholeOf(part: Part): Uid {
  if (part.kind === "column") return part.table;
  if (part.kind === "item") return part.view;
  return part.uid;
}

/** The model without these parts and all that needs them. */
export function without(model: Model, uids: Iterable<Uid>): Model {
  const gone = new Set(uids);
  for (;;) {
    const before = gone.size;
    for (const part of model.values()) if (needsOf(part).some((uid) => gone.has(uid))) gone.add(part.uid);
    if (gone.size === before) break;
  }
  return new Map([...model].filter(([uid]) => !gone.has(uid)));
}

/** True when every part finds what it needs. */
export function isWhole(model: Model): boolean {
  return [...model.values()].every((part) => needsOf(part).every((uid) => model.has(uid)));
}

export function partsOf<K extends Kind>(model: Model, kind: K): Extract<Part, { kind: K }>[] {
  return [...model.values()].filter((part): part is Extract<Part, { kind: K }> => part.kind === kind);
}

export function partOf<K extends Kind>(model: Model, uid: Uid, kind: K): Extract<Part, { kind: K }> {
  const part = model.get(uid);
  if (part?.kind !== kind) throw new Error(`part ${uid} is no ${kind}`);
  return part as Extract<Part, { kind: K }>;
}

/** A partition has the columns of the table at the root. */
export function columnsOf(model: Model, table: Uid): ColumnPart[] {
  const { partitionOf, inherits } = partOf(model, table, "table");
  if (partitionOf !== undefined) return columnsOf(model, partitionOf.table);
  const inherited = inherits === undefined ? [] : columnsOf(model, inherits);
  return [...inherited, ...partsOf(model, "column").filter((column) => column.table === table)];
}

/** The plain type that a column, or an item of a view, shows; undefined for a user's type. */
export function plainTypeOf(model: Model, uid: Uid): string | undefined {
  const part = model.get(uid);
  if (part?.kind === "column") return "plain" in part.type ? part.type.plain : undefined;
  if (part?.kind !== "item") throw new Error(`part ${uid} has no type`);
  if (part.wrap === "text") return "text";
  const source = plainTypeOf(model, part.source);
  if (part.wrap === "plain" || source === undefined) return source;
  const category = plain(source).category;
  if (category === "int") return "bigint";
  return category === "text" ? "text" : source;
}

/** The category of a column or item; a user's type has none. */
export function categoryOf(model: Model, uid: Uid): Category | undefined {
  const type = plainTypeOf(model, uid);
  return type === undefined ? undefined : plain(type).category;
}
