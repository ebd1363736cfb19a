import { randomBytes } from "node:crypto";
import type { DatabaseTarget } from "../config/database.ts";
import { SlipwayError } from "../errors.ts";
import { openSession } from "../postgres/connect.ts";
import type { Session } from "../postgres/session.ts";
import { hasSqlState, NO_PRIVILEGE } from "../postgres/sqlstate.ts";
import { quoteIdent, quoteLiteral } from "../sql/quote.ts";

const PREFIX = "slipway_shadow";

const DEFAULT_SEARCH_PATH = '"$user", public';

const DATABASE_TRAITS = `
select d.oid::text as oid, d.datname::text as name, pg_catalog.pg_encoding_to_char(d.encoding) as encoding,
       d.datcollate::text as lc_collate, d.datctype::text as lc_ctype,
       to_jsonb(d) ->> 'datlocprovider' as provider,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') as locale,
       pg_catalog.current_setting('search_path') as search_path,
       (select rolcreatedb or rolsuper from pg_catalog.pg_roles where rolname = current_user) as can_create,
       current_user::text as role
  from pg_catalog.pg_database d
 where d.datname = current_database()`;

interface DatabaseTraits {
  oid: string;
  name: string;
  encoding: string;
  lc_collate: string;
  lc_ctype: string;
  provider: string | null;
  locale: string | null;
  search_path: string;
  can_create: boolean;
  role: string;
}

// A leftover belongs to a process that died: its name tells the database it was for and the backend
// that made it. The backend is gone, or it is another program's by now.
const FIND_LEFTOVERS = `
select d.datname::text as name
  from pg_catalog.pg_database d
 where d.datname like '${PREFIX}\\_%'
   and pg_catalog.split_part(d.datname, '_', 3) =
       (select oid::text from pg_catalog.pg_database where datname = current_database())
   and not exists (select from pg_catalog.pg_stat_activity a where a.datname = d.datname)
   and not exists (
     select from pg_catalog.pg_stat_activity a
      where a.pid = pg_catalog.split_part(d.datname, '_', 4)::int and a.application_name like 'slipway/%')`;

/** A place where a desired schema can be built and thrown away. */
export interface Shadow extends AsyncDisposable {
  readonly session: Session;
  /** The search_path of the database that the desired schema is for. */
  readonly searchPath: string;
  /** False for a database that is somebody's, and has to be left as empty as it was. */
  readonly isTemporary: boolean;
}

export interface ShadowOptions {
  /** A database given for the purpose (`SLIPWAY_SHADOW_URL`); else a temporary one on the same server. */
  readonly given: DatabaseTarget | undefined;
  readonly applicationName: string;
  readonly signal: AbortSignal;
}

/** Opens a place to build the desired schema in; disposed, a temporary database is gone again. */
export async function openShadow(session: Session, options: ShadowOptions): Promise<Shadow> {
  const [traits] = await session.query<Record<string, unknown> & DatabaseTraits>(DATABASE_TRAITS);
  if (traits === undefined) throw new Error("the current database is not in pg_database");
  if (options.given !== undefined) return openGiven(session, traits, options.given, options);
  return createTemporary(session, traits, options);
}

/**
 * Opens a temporary database that changes may be committed in: on the server of the shadow database where one
 * is given, else on the session's own. It has the search_path of the session's database.
 */
export async function openScratch(session: Session, options: ShadowOptions): Promise<Shadow> {
  const [traits] = await session.query<Record<string, unknown> & DatabaseTraits>(DATABASE_TRAITS);
  if (traits === undefined) throw new Error("the current database is not in pg_database");
  if (options.given === undefined) {
    if (!traits.can_create) throw cannotTry(traits.role);
    return createTemporary(session, traits, options);
  }
  const base = await connect(options.given, options);
  try {
    requireSameMajor(session, base);
    await sweepShadows(base);
    const [own] = await base.query<Record<string, unknown> & DatabaseTraits>(DATABASE_TRAITS);
    if (own === undefined) throw new Error("the shadow database is not in pg_database");
    if (!own.can_create) throw cannotTry(own.role);
    const scratch = await createTemporary(base, { ...own, search_path: traits.search_path }, options);
    return {
      ...scratch,
      async [Symbol.asyncDispose]() {
        await scratch[Symbol.asyncDispose]();
        await base.close();
      },
    };
  } catch (error) {
    await base.close();
    throw error;
  }
}

async function openGiven(
  session: Session,
  traits: DatabaseTraits,
  target: DatabaseTarget,
  options: ShadowOptions,
): Promise<Shadow> {
  const shadow = await connect(target, options);
  try {
    requireSameMajor(session, shadow);
    await requireEmpty(shadow);
  } catch (error) {
    await shadow.close();
    throw error;
  }
  return {
    session: shadow,
    searchPath: traits.search_path,
    isTemporary: false,
    [Symbol.asyncDispose]: () => shadow.close(),
  };
}

function requireSameMajor(session: Session, shadow: Session): void {
  if (shadow.serverMajor === session.serverMajor) return;
  throw new SlipwayError(
    "UNSAFE_DATABASE",
    `the shadow database is on PostgreSQL ${shadow.serverMajor}, the database on ${session.serverMajor}`,
    { next: "point SLIPWAY_SHADOW_URL to a server of the same major" },
  );
}

async function requireEmpty(shadow: Session): Promise<void> {
  const rows = await shadow.query<{ name: string }>(`
    select n.nspname || '.' || c.relname as name
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.oid >= 16384 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
       and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e')
    union all
    select p.oid::regprocedure::text from pg_catalog.pg_proc p
     where p.oid >= 16384
       and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')
     limit 3`);
  if (rows.length === 0) return;
  throw new SlipwayError(
    "UNSAFE_DATABASE",
    `the shadow database is not empty: ${rows.map((row) => row.name).join(", ")}`,
    { next: "point SLIPWAY_SHADOW_URL to an empty database" },
  );
}

async function createTemporary(
  session: Session,
  traits: DatabaseTraits,
  options: ShadowOptions,
): Promise<Shadow> {
  if (!traits.can_create) throw cannotCreate(traits.role);
  const name = `${PREFIX}_${traits.oid}_${session.backendPid}_${randomBytes(4).toString("hex")}`;
  await session.execute(createDatabase(name, traits)).catch((error: unknown) => {
    if (hasSqlState(error, NO_PRIVILEGE)) throw cannotCreate(traits.role);
    throw error;
  });
  const drop = (): Promise<void> => dropDatabase(session, name);
  try {
    if (traits.search_path !== DEFAULT_SEARCH_PATH)
      await session.execute(`alter database ${quoteIdent(name)} set search_path = ${traits.search_path}`);
    const shadow = await connect({ ...session.target, database: name }, options);
    return {
      session: shadow,
      searchPath: traits.search_path,
      isTemporary: true,
      async [Symbol.asyncDispose]() {
        await shadow.close();
        await drop();
      },
    };
  } catch (error) {
    await drop();
    throw error;
  }
}

function createDatabase(name: string, traits: DatabaseTraits): string {
  const options = [
    "template template0",
    `encoding ${quoteLiteral(traits.encoding)}`,
    `lc_collate ${quoteLiteral(traits.lc_collate)}`,
    `lc_ctype ${quoteLiteral(traits.lc_ctype)}`,
  ];
  if (traits.provider === "i" && traits.locale !== null) {
    options.push("locale_provider icu", `icu_locale ${quoteLiteral(traits.locale)}`);
  }
  if (traits.provider === "b" && traits.locale !== null) {
    options.push("locale_provider builtin", `builtin_locale ${quoteLiteral(traits.locale)}`);
  }
  return `create database ${quoteIdent(name)} ${options.join(" ")}`;
}

async function connect(target: DatabaseTarget, options: ShadowOptions): Promise<Session> {
  const shadow = await openSession(target, {
    applicationName: options.applicationName,
    statementTimeoutMs: 0,
    waitMs: 10_000,
    signal: options.signal,
  });
  options.signal.addEventListener("abort", () => void shadow.cancel(), { once: true });
  return shadow;
}

/** Removes what killed runs of this database left behind. */
export async function sweepShadows(session: Session): Promise<void> {
  const rows = await session.query<{ name: string }>(FIND_LEFTOVERS);
  for (const { name } of rows) await dropDatabase(session, name);
}

async function dropDatabase(session: Session, name: string): Promise<void> {
  if (session.closed.aborted) return;
  await session.execute(`drop database if exists ${quoteIdent(name)} with (force)`).catch(() => undefined);
}

function cannotCreate(role: string): SlipwayError {
  return new SlipwayError(
    "UNSAFE_DATABASE",
    `role "${role}" lacks the CREATEDB right, and there is no snapshot of these files and no SLIPWAY_SHADOW_URL: the desired schema has nowhere to be built`,
    {
      next: `one of three: ship a snapshot with the files (\`slipway schema compile\`), or set SLIPWAY_SHADOW_URL to an empty database of the same major, or alter role ${quoteIdent(role)} createdb`,
    },
  );
}

function cannotTry(role: string): SlipwayError {
  return new SlipwayError(
    "UNSAFE_DATABASE",
    `role "${role}" lacks the CREATEDB right, which trying a plan on a copy needs`,
    {
      next: `alter role ${quoteIdent(role)} createdb, or set SLIPWAY_SHADOW_URL to a database of a role that has it`,
    },
  );
}
