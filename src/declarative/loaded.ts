import { type Problem, ProblemsError } from "../errors.ts";
import { toStatementError } from "../postgres/failure.ts";
import type { Session } from "../postgres/session.ts";
import { isServerError, type ServerError } from "../postgres/sqlstate.ts";
import { classifyStatement } from "../sql/classify.ts";
import { TokenCursor } from "../sql/cursor.ts";
import type { Script } from "../sql/script.ts";
import type { SqlStatement } from "../sql/split.ts";

/**
 * What PostgreSQL lets pass while the files are loaded, and a desired schema can't hold. `prepare` before
 * they run, and what it gives back after it: throws SOURCE_INVALID where they put rows into tables, and
 * STATEMENT_FAILED where a routine's body is broken although its check was turned off.
 */
export async function prepareLoadChecks(
  session: Session,
  scripts: readonly Script[],
): Promise<() => Promise<void>> {
  const actions = statementsOf(scripts, mayPutRows);
  const tables = actions.length === 0 ? undefined : await filledTables(session);
  const isUnchecked = await checksNoBodies(session, scripts);
  const routines = isUnchecked ? new Set((await routinesOf(session)).map(({ oid }) => oid)) : undefined;
  return async () => {
    if (tables !== undefined) await refuseRows(session, tables, actions);
    if (routines !== undefined) await requireSoundBodies(session, scripts, routines);
  };
}

interface Placed {
  readonly script: Script;
  readonly statement: SqlStatement;
}

function statementsOf(scripts: readonly Script[], isWanted: (statement: SqlStatement) => boolean): Placed[] {
  return scripts.flatMap((script) =>
    script.statements.filter(isWanted).map((statement) => ({ script, statement })),
  );
}

/** Plain INSERTs and the like are refused before; these may do the same by other words. */
function mayPutRows(statement: SqlStatement): boolean {
  const cursor = new TokenCursor(statement.text);
  if (cursor.skip("do") || cursor.skip("select")) return true;
  return classifyStatement(statement).verb === "create table" && cursor.skipTo("as");
}

const FILLED_TABLES = `
select c.oid::text as oid, n.nspname || '.' || c.relname as name
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and c.oid >= 16384 and n.nspname !~ '^pg_' and pg_catalog.pg_relation_size(c.oid) > 0
   and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e')
 order by 2`;

async function filledTables(session: Session): Promise<Map<string, string>> {
  const rows = await session.query<{ oid: string; name: string }>(FILLED_TABLES);
  return new Map(rows.map(({ oid, name }) => [oid, name]));
}

async function refuseRows(
  session: Session,
  before: ReadonlyMap<string, string>,
  actions: readonly Placed[],
): Promise<void> {
  const filled = [...(await filledTables(session))].flatMap(([oid, name]) => (before.has(oid) ? [] : [name]));
  if (filled.length === 0) return;
  const what = `puts rows into ${filled.join(", ")}, which only happens once and not on databases that have the table`;
  const problems = actions.map(({ script, statement }): Problem => {
    const perhaps = actions.length === 1 ? "" : "perhaps ";
    return {
      at: script.placeOf(statement.start),
      message: `${perhaps}${what}`,
      hint: "move the rows to a migration",
      excerpt: script.excerptOf(statement.start),
    };
  });
  throw new ProblemsError("SOURCE_INVALID", problems);
}

/** A dump begins with `SET check_function_bodies = false`, and a database may have it as its default. */
async function checksNoBodies(session: Session, scripts: readonly Script[]): Promise<boolean> {
  if (scripts.some(({ text }) => /check_function_bodies/i.test(text))) return true;
  const [row] = await session.query<{ on: boolean }>(
    `select pg_catalog.current_setting('check_function_bodies')::bool as on`,
  );
  return row?.on === false;
}

const ROUTINES = `
select p.oid::text as oid, p.proname::text as name, l.lanvalidator::regproc::text as validator
  from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid = p.prolang
 where p.oid >= 16384 and l.lanvalidator <> 0 and p.prokind <> 'a'
   and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')
 order by p.oid`;

interface Routine {
  readonly oid: string;
  readonly name: string;
  readonly validator: string;
}

async function routinesOf(session: Session): Promise<readonly Routine[]> {
  return session.query<{ oid: string; name: string; validator: string }>(ROUTINES);
}

/** A language's validator is what CREATE FUNCTION itself calls when it checks (manual, "CREATE LANGUAGE"). */
async function requireSoundBodies(
  session: Session,
  scripts: readonly Script[],
  before: ReadonlySet<string>,
): Promise<void> {
  await session.execute("set check_function_bodies = on");
  for (const routine of await routinesOf(session)) {
    if (before.has(routine.oid)) continue;
    await session.query(`select ${routine.validator}($1::oid)`, [routine.oid]).catch((error: unknown) => {
      throw isServerError(error) ? brokenBody(scripts, routine, error) : error;
    });
  }
  await session.execute("reset check_function_bodies");
}

function brokenBody(scripts: readonly Script[], { name }: Routine, error: ServerError): Error {
  const [made] = statementsOf(scripts, ({ text }) => {
    const cursor = new TokenCursor(text);
    cursor.skip("create");
    cursor.skip("or", "replace");
    return (cursor.skip("function") || cursor.skip("procedure")) && cursor.name()?.name === name;
  });
  if (made === undefined) return error;
  const { script, statement } = made;
  return toStatementError(
    `the body of ${name} is broken`,
    error,
    { script, start: statement.start, sql: statement.text },
    "run again",
  );
}
