import { describeCatalog } from "./catalog.ts";
import { openTestDatabase, type TestDatabase } from "./database.ts";
import type { TestServer } from "./server.ts";

/** One database for many tests in turn: making and dropping one takes longer than most of what runs in it. */
export interface ReusableDatabase extends AsyncDisposable {
  /** As empty as a new one. */
  next(): Promise<TestDatabase>;
}

const EMPTY = `
do $$
declare
  object record;
begin
  for object in
    select 'event trigger' as kind, quote_ident(evtname) as name from pg_event_trigger
    union all select 'publication', quote_ident(pubname) from pg_publication
    union all select 'foreign data wrapper', quote_ident(fdwname) from pg_foreign_data_wrapper
    union all select 'extension', quote_ident(extname) from pg_extension where extname <> 'plpgsql'
    union all select 'schema', quote_ident(nspname) from pg_namespace
               where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')
  loop
    execute format('drop %s if exists %s cascade', object.kind, object.name);
  end loop;
  for object in
    select case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                        when 'c' then 'type' when 'f' then 'foreign table' else 'table' end as kind,
           oid::regclass::text as name
      from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S', 'c', 'f')
    union all
    select case prokind when 'a' then 'aggregate' else 'routine' end, oid::regprocedure::text
      from pg_proc where pronamespace = 'public'::regnamespace
    union all
    select 'type', oid::regtype::text
      from pg_type where typnamespace = 'public'::regnamespace and typtype in ('d', 'e', 'r')
  loop
    execute format('drop %s if exists %s cascade', object.kind, object.name);
  end loop;
end $$`;

export async function openReusableDatabase(server: TestServer): Promise<ReusableDatabase> {
  let database = await openTestDatabase(server);
  const pristine = (await describeCatalog(database)).join("\n");
  const isEmpty = async (): Promise<boolean> => {
    await database.query(EMPTY);
    return (await describeCatalog(database)).join("\n") === pristine;
  };
  return {
    async next() {
      // What a DROP doesn't reach, such as default privileges, only a new database is free of.
      if (!(await isEmpty().catch(() => false))) {
        await database[Symbol.asyncDispose]();
        database = await openTestDatabase(server);
      }
      return database;
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
