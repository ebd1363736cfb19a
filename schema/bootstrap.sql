-- What a comparison of catalogs can't own: roles, schemas, extensions, default privileges.
--
-- slipway runs this file as one transaction, whenever the file or the server changed, and it may run
-- any number of times: what is right already is left as it is. It holds no data and moves none.
--
-- The role that runs it (the owner of everything the schema files create) needs
--   create on the database   for the schemas and the two extensions, which are trusted;
--   createrole               only while one of the three roles is missing or differs;
--   bypassrls                on PostgreSQL 16 and newer, besides createrole, to make service_role;
--                            on 14 and 15 the server lets only a superuser make such a role.
-- Where that is too much to ask, an administrator runs these once per cluster; from then on the file
-- finds the roles in place and needs neither right:
--   create role anon nologin noinherit;
--   create role authenticated nologin noinherit;
--   create role service_role nologin noinherit bypassrls;
--   grant anon, authenticated, service_role to <the role the application logs in with>;

-- Roles belong to the whole cluster, and the lock that keeps runs apart to one database: two databases
-- may be bootstrapped at once. Whoever comes second finds the role there, and goes on with it.
do $roles$
declare
  wanted record;
  actual record;
  present boolean;
  differences text;
  why text;
begin
  for wanted in
    select role_name, bypass
    from (values ('anon', false), ('authenticated', false), ('service_role', true)) as r (role_name, bypass)
  loop
    present := exists (select from pg_catalog.pg_roles where rolname = wanted.role_name);

    begin
      if not present then
        begin
          execute pg_catalog.format(
            'create role %I nologin noinherit %s',
            wanted.role_name,
            case when wanted.bypass then 'bypassrls' else '' end
          );

          -- From PostgreSQL 16 on, whoever creates a role may administer it but not become it. The
          -- role that runs slipway is often the one the application logs in with; a superuser needs
          -- no membership, and a role that an administrator made keeps the members it was given.
          if not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
            execute pg_catalog.format('grant %I to %I', wanted.role_name, current_user);
          end if;
        exception
          when duplicate_object or unique_violation then
            null;
        end;
      end if;

      select rolcanlogin, rolinherit, rolbypassrls
      into strict actual
      from pg_catalog.pg_roles
      where rolname = wanted.role_name;

      -- Only what differs is named: before PostgreSQL 16 the mere word BYPASSRLS asks for a superuser.
      differences := pg_catalog.concat_ws(
        ' ',
        case when actual.rolcanlogin then 'nologin' end,
        case when actual.rolinherit then 'noinherit' end,
        case
          when wanted.bypass and not actual.rolbypassrls then 'bypassrls'
          when actual.rolbypassrls and not wanted.bypass then 'nobypassrls'
        end
      );

      if differences <> '' then
        execute pg_catalog.format('alter role %I %s', wanted.role_name, differences);
      end if;
    exception
      when insufficient_privilege then
        get stacked diagnostics why = pg_exception_detail;
        raise exception using
          errcode = 'insufficient_privilege',
          message = pg_catalog.format('role %I can''t be made ready by %I', wanted.role_name, current_user),
          detail = pg_catalog.concat_ws(': ', sqlerrm, nullif(why, '')),
          hint = pg_catalog.format(
            'An administrator runs this once: %s role %I nologin noinherit %s;',
            case when present then 'alter' else 'create' end,
            wanted.role_name,
            case when wanted.bypass then 'bypassrls' else 'nobypassrls' end
          );
    end;
  end loop;
end
$roles$;

create schema if not exists extensions;
create schema if not exists app;
create schema if not exists auth;
create schema if not exists storage;
create schema if not exists functions;
create schema if not exists jobs;
create schema if not exists realtime;
create schema if not exists logging;

comment on schema extensions is 'Extensions, apart from the objects that are compared';
comment on schema app is 'Settings, feature flags, templates, notifications, and the types every schema shares';
comment on schema auth is 'Tenants, users, sessions, keys, single sign-on, audit, webhooks';
comment on schema storage is 'Buckets, objects, uploads in parts';
comment on schema functions is 'Deployed functions: versions, triggers, secrets, executions';
comment on schema jobs is 'Background jobs: queues, schedules, workers';
comment on schema realtime is 'Channels, subscriptions, presence, messages';
comment on schema logging is 'Partitioned logs';

grant usage on schema extensions, app, auth, storage, functions, jobs, realtime
  to anon, authenticated, service_role;
grant usage on schema logging
  to service_role;

-- The schema files write extensions.digest(…) and the like, so the place matters. An extension that is
-- somewhere else already is left there: other code may rely on it, and moving it is for a person to do.
create extension if not exists pgcrypto with schema extensions;
create extension if not exists pg_trgm with schema extensions;

do $places$
declare
  misplaced record;
begin
  for misplaced in
    select e.extname, n.nspname
    from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace
    where e.extname in ('pgcrypto', 'pg_trgm')
      and n.nspname <> 'extensions'
  loop
    raise exception using
      errcode = 'object_not_in_prerequisite_state',
      message = pg_catalog.format('extension %I is in schema %I, it has to be in extensions', misplaced.extname, misplaced.nspname),
      hint = pg_catalog.format('When nothing names it there: alter extension %I set schema extensions;', misplaced.extname);
  end loop;
end
$places$;

-- No schema file needs vector; it is there for migrations, on servers that have it.
-- slipway: optional
create extension if not exists vector with schema extensions;

-- These hold for what the present role creates later, which is everything slipway creates. Nothing is
-- given to anon and authenticated: a table that forgot its policies stays closed.
alter default privileges in schema app, auth, storage, functions, jobs, realtime, logging
  grant select, insert, update, delete on tables to service_role;
alter default privileges in schema app, auth, storage, functions, jobs, realtime, logging
  grant usage, select on sequences to service_role;
alter default privileges in schema app, auth, storage, functions, jobs, realtime, logging
  grant execute on functions to service_role;
