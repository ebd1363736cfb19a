import {
  buildFactBase,
  type DependencyEdge,
  encodeId,
  type Fact,
  type StableId,
} from "@supabase/pg-delta/core";
import { type Action, plan } from "@supabase/pg-delta/plan";
import { formatSqlStatements } from "@supabase/pg-delta/sql-format";
import type { Catalog, ObjectId, Script } from "./engine.ts";
import { type Facts, factsOf, isPartitionFact } from "./facts.ts";
import { dropOrphans, inside, isOwnersOwnGrant } from "./view.ts";

/**
 * The engine's way from nothing to these objects, mended where what it writes is no way to write a file: it
 * puts columns whose type comes later, and all generated ones, at the end of their table; it writes virtual
 * columns as stored ones and the indexes of partitioned tables without their partitions.
 */
export function scriptOf(catalog: Catalog, ids: ReadonlySet<ObjectId>): Script {
  const facts = factsOf(catalog);
  // A member of an extension may be in a schema that is to be made.
  const givenIds = new Set([...facts.byId.keys()].filter((id) => !ids.has(id)));
  dropOrphans(facts, givenIds);
  const given = new Map([...facts.byId].filter(([id]) => givenIds.has(id)));
  const mended = mendFacts(facts, ids);
  const wanted = new Map([...given, ...mended.facts]);
  const edges = cutEdges(facts, wanted);
  const { actions } = plan(toBase(given, inside(facts.edgesFrom, given)), toBase(wanted, edges), {
    scope: "database",
    assumedRoles: [...facts.roles],
  });
  const statements = withColumnGrantsLast(actions).flatMap((action) => {
    const sql = withoutLoader(mended.write(action), facts.currentRole);
    if (sql === undefined) return [];
    const subject = action.produces[0] ?? action.consumes[0];
    if (subject === undefined) throw new Error(`the engine does not say what this is about: ${action.sql}`);
    const object = encodeId(wholeOf(facts, subject));
    return [{ sql, about: encodeId(subject), object, redacted: REDACTED.test(sql) }];
  });
  return { statements, roles: rolesIn(facts, mended.facts) };
}

/** Owners, grantees and whom policies are for; not those that every server has, nor the role that reads. */
function rolesIn(facts: Facts, wanted: ReadonlyMap<ObjectId, Fact>): string[] {
  const roles = new Set<string>();
  for (const [id, fact] of wanted) {
    if (fact.id.kind === "acl" || fact.id.kind === "defaultPrivilege") roles.add(fact.id.grantee);
    if (fact.id.kind === "defaultPrivilege") roles.add(fact.id.role);
    if (fact.id.kind === "policy") for (const role of fact.payload["roles"] as string[]) roles.add(role);
    for (const { to } of facts.edgesFrom.get(id) ?? []) if (to.kind === "role") roles.add(to.name);
  }
  return [...roles].filter((role) => !/^(PUBLIC$|pg_)/.test(role) && role !== facts.currentRole).sort();
}

/** REVOKE on a table takes the grants on its columns along (manual, REVOKE). */
function withColumnGrantsLast(actions: readonly Action[]): Action[] {
  const isOfColumn = ({ produces, consumes }: Action): boolean =>
    [...produces, ...consumes].some((id) => id.kind === "acl" && id.column !== undefined);
  return [...actions.filter((action) => !isOfColumn(action)), ...actions.filter(isOfColumn)];
}

/** The engine's words in the place of a credential. */
const REDACTED = /__(OPTION|CONN)_[A-Z_]+__/;

/** Objects that the role which reads would own by making them need no word about it. */
function withoutLoader(sql: string, role: string): string | undefined {
  const name = `"${role.replaceAll('"', '""')}"`;
  if (sql.startsWith("ALTER ") && sql.endsWith(` OWNER TO ${name}`)) return undefined;
  const clause = ` AUTHORIZATION ${name}`;
  return sql.startsWith("CREATE SCHEMA ") && sql.endsWith(clause) ? sql.slice(0, -clause.length) : sql;
}

interface Mended {
  readonly facts: ReadonlyMap<ObjectId, Fact>;
  /** The statement of an action, with what was taken out of the facts put back. */
  write(action: Action): string;
}

/**
 * The engine folds plain columns into a plain CREATE TABLE. So everything is made plain first: a generated
 * column has a mark for its default, a partitioned or inheriting table has its clause written afterwards.
 */
function mendFacts(facts: Facts, ids: ReadonlySet<ObjectId>): Mended {
  const mended = new Map<ObjectId, Fact>();
  const clauses = new Map<ObjectId, string>();
  const marks = new Map<string, string>();
  for (const id of ids) {
    const fact = facts.byId.get(id);
    if (fact === undefined || isOwnersOwnGrant(fact)) continue;
    const clause = fact.id.kind === "table" && !isPartitionFact(fact) ? clauseOf(fact) : "";
    const { generatedExpr } = fact.payload;
    if (clause !== "") {
      clauses.set(id, clause);
      mended.set(id, { ...fact, payload: { ...fact.payload, partitionKey: null, parentTable: null } });
    } else if (fact.id.kind === "column" && typeof generatedExpr === "string") {
      // No SQL holds a NUL, so the mark is found again whatever the schema says.
      const mark = `\u0000${marks.size}\u0000`;
      const kind = facts.virtualColumns.has(id) ? "VIRTUAL" : "STORED";
      marks.set(mark, `GENERATED ALWAYS AS (${generatedExpr}) ${kind}`);
      mended.set(id, { ...fact, payload: { ...fact.payload, generatedExpr: null } });
      const defaultId: StableId = { ...fact.id, kind: "default" };
      mended.set(encodeId(defaultId), { id: defaultId, parent: fact.id, payload: { expr: mark } });
    } else if (fact.id.kind === "index") {
      mended.set(id, { ...fact, payload: { ...fact.payload, def: onPartitionsToo(fact.payload["def"]) } });
    } else {
      mended.set(id, fact);
    }
  }
  return {
    facts: mended,
    write(action) {
      const made = action.produces.find((id) => clauses.has(encodeId(id)));
      const isCreate = action.verb === "create" && action.sql.startsWith("CREATE ");
      const clause = made !== undefined && isCreate ? clauses.get(encodeId(made)) : "";
      return `${action.sql}${clause}`.replaceAll(
        // biome-ignore lint/suspicious/noControlCharactersInRegex: the mark is made of what no SQL holds.
        /DEFAULT (\u0000\d+\u0000)/g,
        (_, mark: string) => marks.get(mark) ?? "",
      );
    },
  };
}

function clauseOf(table: Fact): string {
  const { partitionKey, parentTable } = table.payload as {
    readonly partitionKey: string | null;
    readonly parentTable: { readonly schema: string; readonly name: string } | null;
  };
  const parent =
    parentTable === null ? "" : ` INHERITS (${quoted(parentTable.schema)}.${quoted(parentTable.name)})`;
  return `${parent}${partitionKey === null ? "" : ` PARTITION BY ${partitionKey}`}`;
}

/** Made with ONLY, an index of a partitioned table is on none of its partitions (manual, CREATE INDEX). */
function onPartitionsToo(definition: unknown): string {
  return String(definition).replace(
    /^(CREATE (?:UNIQUE )?INDEX (?:"(?:[^"]|"")*"|[^\s"]+) ON )ONLY /,
    (_, head: string) => head,
  );
}

/**
 * Whoever loads files finds their order by itself. What a column, its default or a constraint needs from
 * elsewhere is therefore no reason to keep it out of its table's CREATE.
 */
function cutEdges(facts: Facts, wanted: ReadonlyMap<ObjectId, Fact>): Map<ObjectId, DependencyEdge[]> {
  const kept = new Map<ObjectId, DependencyEdge[]>();
  for (const [id, edges] of inside(facts.edgesFrom, wanted)) {
    const fact = wanted.get(id);
    const isInline = fact !== undefined && INLINE.has(fact.id.kind) && fact.payload["type"] !== "f";
    const own = isInline ? tableOf(fact.id) : undefined;
    kept.set(
      id,
      edges.filter((edge) => own === undefined || edge.kind === "owner" || tableOf(edge.to) === own),
    );
  }
  return kept;
}

const INLINE: ReadonlySet<string> = new Set(["column", "default", "constraint"]);

function tableOf(id: StableId): string | undefined {
  return "table" in id ? JSON.stringify([id.schema, id.table]) : undefined;
}

function toBase(byId: ReadonlyMap<ObjectId, Fact>, edges: ReadonlyMap<ObjectId, readonly DependencyEdge[]>) {
  return buildFactBase([...byId.values()], [...edges.values()].flat(), "liveDb", new Set(), {
    allowDangling: (edge) => edge.kind === "owner" && edge.to.kind === "role",
  });
}

function wholeOf(facts: Facts, id: StableId): StableId {
  if ("target" in id) return wholeOf(facts, id.target);
  const fact = facts.byId.get(encodeId(id));
  const owned = fact?.payload["ownedBy"] as { readonly schema: string; readonly table: string } | null;
  if (id.kind === "sequence" && owned)
    return wholeOf(facts, { kind: "table", schema: owned.schema, name: owned.table });
  const parent = fact?.parent;
  return parent === undefined || parent.kind === "schema" ? id : wholeOf(facts, parent);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Bodies of routines and queries stay as PostgreSQL gives them. */
export function layOut(sql: string): string {
  const lines = formatSqlStatements([sql], {
    keywordCase: "preserve",
    // Broken where a line is full, an expression can be read no better.
    maxWidth: 1_000,
    alignColumns: false,
    alignKeyValues: false,
    preserveRoutineBodies: true,
    preserveViewBodies: true,
    preserveRuleBodies: true,
  });
  return lines.join(";\n\n");
}
