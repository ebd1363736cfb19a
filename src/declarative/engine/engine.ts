import type { Session } from "../../postgres/session.ts";

/**
 * Name of the engine and scheme of its fingerprints: a stored fingerprint of another one says nothing.
 * Stands here, not with the implementation, so that it can be compared without loading the engine.
 */
export const ENGINE_VERSION = "pg-delta 1.0.0-alpha.34, scheme 3";

/** Readable identity of an object, for example `column:app.orders.total`. Same object, same id, on every server. */
export type ObjectId = string;

/** A database's catalog as the engine read it. What it holds is the engine's own business. */
export interface Catalog {
  readonly serverMajor: number;
  readonly ids: ReadonlySet<ObjectId>;
  /** What `without` took out of it. */
  readonly leftOut?: ReadonlySet<ObjectId>;
  readonly engineData: unknown;
}

/** Which of the objects slipway answers for. */
export interface Ownership {
  /** Objects that the desired files make, or change when bootstrap.sql made them. */
  readonly declared: ReadonlySet<ObjectId>;
  /** Objects that bootstrap.sql, or PostgreSQL itself, makes: there for reference, never changed. */
  readonly given: ReadonlySet<ObjectId>;
  /** Objects that the last applied desired schema declared. */
  readonly lastDeclared: ReadonlySet<ObjectId>;
  /** Objects that no desired schema ever had and that are to be dropped all the same (`extras: drop`). */
  readonly unwanted: ReadonlySet<ObjectId>;
}

/** The two states to be compared, each restricted to what slipway answers for. */
export interface ManagedView {
  readonly current: Catalog;
  readonly desired: Catalog;
}

export type EngineLock = "none" | "share" | "shareRowExclusive" | "shareUpdateExclusive" | "accessExclusive";

/** What an ALTER TABLE … ALTER COLUMN does. */
export interface ColumnStep {
  readonly kind: "drop default" | "set default" | "set type" | "set not null" | "add identity";
  readonly column: ObjectId;
  /** The values are cast by way of text, as there is no cast between the two types. */
  readonly throughText?: boolean;
}

/** One statement that the engine proposes. */
export interface EngineAction {
  readonly sql: string;
  readonly verb: "create" | "alter" | "drop";
  /** What the statement is about, main object first. */
  readonly objects: readonly ObjectId[];
  readonly creates: readonly ObjectId[];
  readonly drops: readonly ObjectId[];
  readonly transactional: boolean;
  /** The transaction must be committed before anything may use the result (a new enum value). */
  readonly commitAfter: boolean;
  readonly lock: EngineLock;
  readonly dataLoss: boolean;
  readonly rewrites: boolean;
  readonly step: ColumnStep | undefined;
  /** The view that gets another query in place. */
  readonly redefines?: ObjectId;
  /** Set where a statement was chosen so that others read and write on while it works. */
  readonly online?: OnlineWork;
}

/** How a statement that spares others is run. */
export interface OnlineWork {
  /** True where the rows that are there decide whether it succeeds. */
  readonly proves?: boolean;
  /** Removes what a failed attempt leaves behind, so that it can be made again. */
  readonly undo?: string;
  /** The same where a name is known only then: a query for statements, in its column `sql`. */
  readonly undoEach?: string;
  /** Takes an earlier step back when this one fails for good: what it was to prove stands in people's way. */
  readonly withdraw?: string;
  /** The relation to go through in pieces, quoted: each piece is the statement and a range of row addresses (`ctid`). */
  readonly fills?: string;
}

export interface IndexDefinition {
  /** The table or materialized view. */
  readonly relation: ObjectId;
  readonly unique: boolean;
  /** The relation as SQL, qualified. */
  readonly relationName: string;
  /** From USING to the end, as `pg_get_indexdef` has it. */
  readonly method: string;
}

export interface ConstraintDefinition {
  readonly type: "check" | "foreign key" | "primary key" | "unique" | "exclusion";
  /** The table, or the domain. */
  readonly relation: ObjectId;
  /** As `pg_get_constraintdef` has it. */
  readonly definition: string;
  readonly validated: boolean;
}

export interface ColumnDefinition {
  readonly relation: ObjectId;
  readonly type: string;
  readonly notNull: boolean;
  /** An identity or a generated column. */
  readonly computed: boolean;
  /** True where its collation is not that of its type. */
  readonly collated: boolean;
  readonly default?: string;
}

/** A property of an object that is there on both sides and differs. */
export interface Edit {
  readonly id: ObjectId;
  readonly property: string;
  readonly from: unknown;
  readonly to: unknown;
}

export interface EnginePlan {
  readonly actions: readonly EngineAction[];
  readonly edits: readonly Edit[];
  /** Session settings under which the statements must run. */
  readonly settings: readonly { readonly name: string; readonly value: string }[];
}

/** One statement of those that make an object where it is not. */
export interface ScriptStatement {
  readonly sql: string;
  /** What it makes, or what it changes of what another made. */
  readonly about: ObjectId;
  /** The whole that it belongs to: the table of an index, of a grant or of the sequence of a column. */
  readonly object: ObjectId;
  /** Its credential is redacted: what would be written is not what is there. */
  readonly redacted: boolean;
}

export interface Script {
  readonly statements: readonly ScriptStatement[];
  /** Roles that the statements name and don't make. */
  readonly roles: readonly string[];
}

export interface SavedDesired {
  readonly catalog: Catalog;
  readonly declared: ReadonlySet<ObjectId>;
  /** Some of what was saved is left out by now: a fingerprint of all of it says nothing about the rest. */
  readonly isReduced?: boolean;
}

/** How an object is presented to people, and where it belongs. */
export interface ObjectInfo {
  readonly kind: string;
  /** `app.orders.total`, `function app.f(integer)` without the kind. */
  readonly name: string;
  /** The last part of it alone, as the catalog has it. */
  readonly ownName: string;
  readonly schema: string | undefined;
  /** The object it is part of: the table of a column, the target of a grant or comment. */
  readonly parent: ObjectId | undefined;
  /** True for what an extension brought along. */
  readonly ofExtension: boolean;
}

/**
 * What the desired state asks of rows that are there already. `owner` is the table, or the domain;
 * `definition` is written as PostgreSQL's `pg_get_constraintdef` and `pg_get_indexdef` do.
 */
export type Demand =
  | { readonly kind: "not null"; readonly id: ObjectId; readonly owner: ObjectId }
  | {
      readonly kind: "type";
      readonly id: ObjectId;
      readonly owner: ObjectId;
      readonly from: string;
      readonly type: string;
      /** Of an enum, as the desired state has it. */
      readonly values?: readonly string[];
    }
  | { readonly kind: "values"; readonly id: ObjectId; readonly removed: readonly string[] }
  | {
      readonly kind: "constraint" | "unique index";
      readonly id: ObjectId;
      readonly owner: ObjectId;
      readonly definition: string;
    };

/**
 * What slipway needs from any schema differ, in slipway's words. An implementation reads and computes;
 * it never writes to a database, and policy (what to drop, what needs approval) is not its business.
 */
export interface SchemaEngine {
  /**
   * Reads the whole catalog on the session, inside the open transaction when there is one. What is in the
   * schema `hidden`, slipway's own, is not part of it. `meanwhile` is called while the server works on the longest
   * answer: for what takes time and asks the server nothing.
   */
  read(session: Session, hidden: string, meanwhile?: () => void): Promise<Catalog>;
  /** The catalog without the objects, by kind and name as `describe` gives them, and without their parts. */
  without(catalog: Catalog, isLeftOut: (kind: string, name: string) => boolean): Catalog;
  /** The same catalog, taking up less memory beside `other`: what both hold alike, it shares with that one. */
  shareWith(catalog: Catalog, other: Catalog): Catalog;
  /** Ids in `after` that `before` lacks or holds with another content. */
  changedIds(before: Catalog, after: Catalog): ReadonlySet<ObjectId>;
  /** Ids of what was made since CREATE DATABASE; slipway's records are not among them. */
  madeIds(catalog: Catalog): ReadonlySet<ObjectId>;
  view(current: Catalog, desired: Catalog, ownership: Ownership): ManagedView;
  /** The statements that turn `view.current` into `view.desired`. Throws when it knows no way. */
  plan(view: ManagedView): EnginePlan;
  /** What of the plan rows can forbid. */
  demands(view: ManagedView): readonly Demand[];
  edits(before: Catalog, after: Catalog): readonly Edit[];
  /**
   * The statements that make these objects of a catalog where they are not and all the others are, in an order
   * in which most of them find what they refer to. A table's columns are in its CREATE, in their order.
   */
  script(catalog: Catalog, ids: ReadonlySet<ObjectId>): Script;
  /** The same statement over several lines, for reading. */
  layOut(sql: string): string;
  /** Hash of the content of these objects, canonical across runs on one server major. */
  fingerprint(catalog: Catalog, ids: ReadonlySet<ObjectId>): string;
  /** Objects in these schemas, or parts of declared objects, that nobody declared: whole ones only. */
  extras(current: Catalog, ownership: Ownership, schemas: ReadonlySet<string>): readonly ObjectId[];
  /** How a generated column is written, and whether it is computed when read; undefined for other objects. */
  generated(
    catalog: Catalog,
    id: ObjectId,
  ): { readonly expression: string; readonly virtual: boolean } | undefined;
  /** All that is compared of an object but its name, canonical; empty when it is not there. */
  content(catalog: Catalog, id: ObjectId): string;
  /** Undefined for what is no index of its own: one of a constraint is the constraint's. */
  index(catalog: Catalog, id: ObjectId): IndexDefinition | undefined;
  constraint(catalog: Catalog, id: ObjectId): ConstraintDefinition | undefined;
  column(catalog: Catalog, id: ObjectId): ColumnDefinition | undefined;
  /** What the object refers to: the columns of an index, the constraint that a foreign key needs. */
  dependencies(catalog: Catalog, id: ObjectId): readonly ObjectId[];
  /** The partitions among these objects, as `schema.name`. */
  partitions(catalog: Catalog, ids: ReadonlySet<ObjectId>): readonly string[];
  /** All that is needed to compare with this desired state later, without building it again. */
  save(desired: Catalog, declared: ReadonlySet<ObjectId>): Uint8Array;
  load(saved: Uint8Array): SavedDesired;
  /** The same desired state as if this role had built it: owners, their grants, default privileges. */
  actAs(desired: SavedDesired, role: string): SavedDesired;
  /** The role that built it. */
  builderOf(catalog: Catalog): string;
  describe(catalog: Catalog, id: ObjectId): ObjectInfo;
  /** A relation's name as SQL, qualified and quoted. */
  quotedName(catalog: Catalog, id: ObjectId): string;
}
