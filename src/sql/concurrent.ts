import type { ObjectName, TokenCursor } from "./cursor.ts";

/** A statement with CONCURRENTLY that can stop half-way and leave something to look at. */
export type ConcurrentWork = CreateIndex | DropIndex | Reindex | DetachPartition;

export interface CreateIndex {
  readonly kind: "create index";
  readonly unique: boolean;
  readonly ifNotExists: boolean;
  /** Undefined when PostgreSQL is to think of a name. The index lives in the table's schema. */
  readonly index: string | undefined;
  readonly table: ObjectName;
}

export interface DropIndex {
  readonly kind: "drop index";
  readonly ifExists: boolean;
  readonly indexes: readonly ObjectName[];
}

export interface Reindex {
  readonly kind: "reindex";
  readonly target: "index" | "table" | "schema" | "database";
  /** Undefined for the current database. */
  readonly name: ObjectName | undefined;
}

export interface DetachPartition {
  readonly kind: "detach partition";
  readonly parent: ObjectName;
  readonly partition: ObjectName;
}

/** `create [unique] index concurrently …` */
export function findCreateIndex(cursor: TokenCursor): CreateIndex | undefined {
  if (!cursor.skip("create")) return undefined;
  const unique = cursor.skip("unique");
  if (!cursor.skip("index", "concurrently")) return undefined;
  const ifNotExists = cursor.skip("if", "not", "exists");
  const index = cursor.word() === "on" ? undefined : cursor.name()?.name;
  cursor.skip("on");
  cursor.skip("only");
  const table = cursor.name();
  return table === undefined ? undefined : { kind: "create index", unique, ifNotExists, index, table };
}

/** `drop index concurrently …` */
export function findDropIndex(cursor: TokenCursor): DropIndex | undefined {
  if (!cursor.skip("drop", "index", "concurrently")) return undefined;
  const ifExists = cursor.skip("if", "exists");
  return { kind: "drop index", ifExists, indexes: cursor.names() };
}

const REINDEX_TARGETS = ["index", "table", "schema", "database"] as const;

/** `reindex … concurrently …` in the old and the parenthesized spelling. */
export function findReindex(cursor: TokenCursor): Reindex | undefined {
  if (!cursor.skip("reindex")) return undefined;
  const option = cursor.options().get("concurrently");
  const target = REINDEX_TARGETS.find((word) => cursor.skip(word));
  const concurrently = cursor.skip("concurrently") || (option !== undefined && !isOff(option));
  if (!concurrently || target === undefined) return undefined;
  return { kind: "reindex", target, name: cursor.name() };
}

/** `alter table … detach partition … concurrently` */
export function findDetachPartition(cursor: TokenCursor): DetachPartition | undefined {
  if (!cursor.skip("alter", "table")) return undefined;
  cursor.skip("if", "exists");
  cursor.skip("only");
  const parent = cursor.name();
  cursor.skip("*");
  if (parent === undefined || !cursor.skip("detach", "partition")) return undefined;
  const partition = cursor.name();
  if (partition === undefined || !cursor.skip("concurrently")) return undefined;
  return { kind: "detach partition", parent, partition };
}

/** Whether an option's value turns it off, by PostgreSQL's reading of booleans in option lists. */
export function isOff(value: string): boolean {
  return value === "false" || value === "off" || value === "0";
}
