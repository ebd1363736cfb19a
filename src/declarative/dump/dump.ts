import { SlipwayError } from "../../errors.ts";
import type { Session } from "../../postgres/session.ts";
import type { DeclarativeState } from "../../records/declarative-state.ts";
import { type Catalog, ENGINE_VERSION, type ObjectId, type SchemaEngine } from "../engine/engine.ts";
import { describeObject } from "../object-name.ts";
import { readableSql } from "../readable-sql.ts";
import { bootstrapText, readExtensions } from "./bootstrap.ts";
import { type DumpFile, type Placed, pathOf, pathOfRelation, toFiles } from "./files.ts";
import { scopeOf } from "./scope.ts";
import { findCredentialHolders, readUnseen } from "./unseen.ts";

/** The live schemas as files that make them. */
export interface Dump {
  readonly schemas: readonly string[];
  /** bootstrap.sql first where there is one, then `schemas/…` in the order of their paths. */
  readonly files: readonly DumpFile[];
  readonly statements: number;
  /** Roles that the files name, and that have to be there. */
  readonly roles: readonly string[];
  /** What the files don't say. */
  readonly leftOut: readonly string[];
  readonly runTimePartitions: readonly string[];
}

export interface DumpOptions {
  /** slipway's own schema. */
  readonly stateSchema: string;
  /** Schemas asked for; undefined for the managed ones, or all. */
  readonly schemas: readonly string[] | undefined;
  readonly state: DeclarativeState | undefined;
}

/** Reads the database as it is now. Writes nothing; throws USAGE for a schema that is not there. */
export async function dumpSchemas(
  session: Session,
  engine: SchemaEngine,
  options: DumpOptions,
): Promise<Dump> {
  await session.execute("begin isolation level repeatable read read only");
  try {
    // Names are then written with their schemas, as the engine has them.
    await session.execute("set local search_path to pg_catalog");
    return await dumpNow(session, engine, options);
  } finally {
    await session.rollback();
  }
}

async function dumpNow(session: Session, engine: SchemaEngine, options: DumpOptions): Promise<Dump> {
  const { stateSchema, state } = options;
  const userSchemas = await findUserSchemas(session, stateSchema);
  requireThere(options.schemas ?? [], userSchemas);
  const catalog = await engine.read(session, stateSchema);
  const saved = state?.engine === ENGINE_VERSION ? engine.load(state.desired) : undefined;
  const scope = scopeOf({ engine, catalog, userSchemas, chosen: options.schemas, state, saved });
  const script = engine.script(catalog, scope.ids);

  const extensions = await readExtensions(session);
  const apart = new Set(
    extensions.map(({ schema }) => schema).filter((name) => !scope.schemas.includes(name)),
  );
  const schemaScript = engine.script(catalog, schemaIds(engine, catalog, apart));

  const withCredentials = script.statements.filter(({ redacted }) => redacted);
  const hidden = new Set(withCredentials.map(({ object }) => object));
  const placed = script.statements
    .filter(({ object }) => !hidden.has(object))
    .map(({ sql, object }): Placed => {
      return { path: pathOf(engine, catalog, object), sql: readableSql(engine, idempotent(sql)) };
    });

  const runTime = new Set(scope.runTimePartitions);
  const unseen = (await readUnseen(session, scope.schemas)).filter(
    ({ schema, relation }) => relation === undefined || !runTime.has(`${schema}.${relation}`),
  );
  for (const { schema, relation, kind, sql } of unseen) {
    if (sql === undefined) continue;
    const path = relation === undefined ? [schema, kind] : pathOfRelation(kind, schema, relation);
    placed.push({ path, sql: readableSql(engine, sql) });
  }

  const schemaSql = schemaScript.statements.map(({ sql }) => readableSql(engine, idempotent(sql)));
  const leftOut = [
    ...withCredentials.map(({ object }) => describeObject(engine, catalog, object)),
    ...unseen.flatMap(({ name, sql }) => (sql === undefined ? [name] : [])),
    ...(options.schemas === undefined ? await findCredentialHolders(session) : []),
  ];
  return {
    schemas: scope.schemas,
    files: [
      ...(extensions.length === 0
        ? []
        : [{ path: "bootstrap.sql", text: bootstrapText(extensions, schemaSql) }]),
      ...toFiles(placed),
    ],
    statements: placed.length,
    roles: [...new Set([...script.roles, ...schemaScript.roles])].sort(),
    leftOut: [...new Set(leftOut)].sort(),
    runTimePartitions: scope.runTimePartitions,
  };
}

/** A schema may be there already: bootstrap.sql makes those that extensions are in. */
function idempotent(sql: string): string {
  return sql.replace(/^CREATE SCHEMA (?=")/, "CREATE SCHEMA IF NOT EXISTS ");
}

/** The schemas with what is said and granted of them, and without what they hold. */
function schemaIds(engine: SchemaEngine, catalog: Catalog, schemas: ReadonlySet<string>): Set<ObjectId> {
  const isOne = (id: ObjectId): boolean => {
    const { kind, schema } = engine.describe(catalog, id);
    return kind === "schema" && schema !== undefined && schema !== "public" && schemas.has(schema);
  };
  return new Set(
    [...catalog.ids].filter((id) => {
      const { kind, parent } = engine.describe(catalog, id);
      const isOfSchema = (kind === "acl" || kind === "comment") && parent !== undefined && isOne(parent);
      return isOne(id) || isOfSchema;
    }),
  );
}

const USER_SCHEMAS = `
select nspname::text as name from pg_namespace n
 where nspname !~ '^pg_' and nspname not in ('information_schema', $1)
   and not exists (select from pg_depend d where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e')
 order by nspname collate "C"`;

async function findUserSchemas(session: Session, stateSchema: string): Promise<string[]> {
  const rows = await session.query<{ name: string }>(USER_SCHEMAS, [stateSchema]);
  return rows.map(({ name }) => name);
}

function requireThere(chosen: readonly string[], there: readonly string[]): void {
  const unknown = chosen.filter((name) => !there.includes(name));
  if (unknown.length === 0) return;
  throw new SlipwayError("USAGE", `the database has no schema ${unknown.join(", ")}`, {
    next: `choose from ${there.join(", ")}`,
  });
}
