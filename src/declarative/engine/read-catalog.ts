import {
  type DependencyEdge,
  encodeId,
  type Fact,
  type FactBase,
  type StableId,
} from "@supabase/pg-delta/core";
import { extract } from "@supabase/pg-delta/extract";
import type { Pool } from "pg";
import type { Session } from "../../postgres/session.ts";
import type { Catalog, ObjectId } from "./engine.ts";
import { indexEdges, schemaOf, toCatalog } from "./facts.ts";
import { readRedeclaredColumns, readUsesOfInherited } from "./inherited.ts";
import { readUsesOfMultiranges } from "./multiranges.ts";
import { type Asking, readAhead } from "./read-ahead.ts";
import { withViewColumns } from "./redefine.ts";
import { readSatellites } from "./satellites.ts";

/** Reads all that the engine compares, on the session and inside its transaction when one is open. */
export async function readCatalog(
  session: Session,
  hidden: string,
  meanwhile?: () => void,
): Promise<Catalog> {
  const isNested = session.status !== "I";
  const extracted = await readAhead(session, (asking) => extract(adapt(asking, isNested)), {
    known: (sql) => (sql.includes("'server_version'") ? [versionOf(session)] : []),
    onAsked: (sql) => {
      if (DEPENDENCIES.test(sql)) meanwhile?.();
    },
  });
  const more = await readAhead(session, (asking) => readBeside(asking, session.serverMajor));
  const isInherited = (id: StableId | undefined): boolean =>
    id !== undefined && more.redeclared.has(encodeId(id));
  const own = extracted.factBase.facts().filter(({ id, parent }) => !isInherited(id) && !isInherited(parent));
  const facts = await withViewColumns(
    session,
    [...own, ...more.facts].filter((fact) => !isOutsideScope(fact, hidden)),
  );
  const byId = new Map(facts.map((fact) => [encodeId(fact.id), fact]));
  const uses = more.edges.filter(({ from, to }) => byId.has(encodeId(from)) && byId.has(encodeId(to)));
  return toCatalog(
    {
      byId,
      edgesFrom: indexEdges([...extracted.factBase.edges, ...uses]),
      virtualColumns: more.virtualColumns,
      roles: rolesOf(extracted.factBase),
      currentRole: more.role,
    },
    session.serverMajor,
  );
}

/** Of the engine's questions the one that the server takes longest for. */
const DEPENDENCIES = /^\s*WITH dep AS /;

/** Compiling the catalog queries takes longer than running them; the engine switches it off for superusers only. */
const NO_JIT = "set local jit = off";

/**
 * The engine asks for a pool; slipway has one session, which may be in a transaction. The engine's own
 * BEGIN and COMMIT would end that transaction, so they are not passed on: the reading then happens in
 * the transaction that is open, or in one opened here.
 */
function adapt(asking: Asking, isNested: boolean): Pool {
  const query = async (text: string): Promise<unknown> => {
    if (!/^(BEGIN|COMMIT|ROLLBACK)\b/.test(text)) return { rows: await asking.query(text) };
    if (text.startsWith("BEGIN"))
      await asking.execute(`${isNested ? "savepoint slipway_read" : text}; ${NO_JIT}`);
    else await asking.execute(isNested ? "rollback to savepoint slipway_read" : text);
    return { rows: [] };
  };
  // A broken session knows by itself that it is.
  return { connect: async () => ({ query, release: () => undefined }), query } as unknown as Pool;
}

/** The engine's first question, on which it depends what the others are. */
function versionOf(session: Session): Record<string, unknown> {
  return { version: session.parameter("server_version"), num: session.serverVersion };
}

/** What the engine doesn't read, or reads otherwise than it is needed. */
async function readBeside(asking: Asking, serverMajor: number): Promise<Beside> {
  const [row] = await asking.query<{ role: string }>("select current_user::text as role");
  const virtualColumns = await readVirtualColumns(asking, serverMajor);
  const redeclared = await readRedeclaredColumns(asking);
  const satellites = await readSatellites(asking);
  const edges = [
    ...(await readUsesOfInherited(asking)),
    ...(await readUsesOfMultiranges(asking)),
    ...satellites.edges,
  ];
  return { role: row?.role ?? "", virtualColumns, redeclared, facts: satellites.facts, edges };
}

interface Beside {
  readonly role: string;
  readonly virtualColumns: ReadonlySet<ObjectId>;
  readonly redeclared: ReadonlySet<ObjectId>;
  readonly facts: readonly Fact[];
  readonly edges: readonly DependencyEdge[];
}

/**
 * Left out of every comparison: roles and memberships belong to the cluster and to bootstrap.sql;
 * credentials are redacted when read, so writing them back would destroy them; what PostgreSQL grants
 * and remarks on schema public by itself differs between majors and is nobody's wish.
 */
function isOutsideScope(fact: Fact, hidden: string): boolean {
  const { id } = fact;
  if (schemaOf(id) === hidden) return true;
  if (id.kind === "role" || id.kind === "membership") return true;
  if (id.kind === "userMapping" || id.kind === "subscription") return true;
  // Since 17 a domain's NOT NULL is listed as a constraint too; written twice it is an error.
  if (id.kind === "constraint") return fact.payload["type"] === "n";
  // Default privileges of one schema only add to those of all (manual, ALTER DEFAULT PRIVILEGES): that they
  // name nobody takes nothing away, and granting it "back" would be a grant of its own.
  if (id.kind === "defaultPrivilege" && id.schema !== null && isEmptyArray(fact.payload["privileges"]))
    return true;
  if (id.kind === "comment" || id.kind === "acl")
    return id.target.kind === "schema" && id.target.name === "public";
  return false;
}

function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function rolesOf(base: FactBase): readonly string[] {
  const names = base.facts().flatMap((fact) => (fact.id.kind === "role" ? [fact.id.name] : []));
  return [...names, "PUBLIC"];
}

const VIRTUAL_COLUMNS = `
select n.nspname::text as schema, c.relname::text as table, a.attname::text as name
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where a.attgenerated = 'v' and not a.attisdropped`;

async function readVirtualColumns(asking: Asking, serverMajor: number): Promise<Set<ObjectId>> {
  if (serverMajor < 18) return new Set();
  const rows = await asking.query<{ schema: string; table: string; name: string }>(VIRTUAL_COLUMNS);
  return new Set(rows.map((row) => encodeId({ kind: "column", ...row })));
}
