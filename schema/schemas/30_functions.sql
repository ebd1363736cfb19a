-- Functions that the platform runs for its users: what they are made of, what starts them, how they went.

create type functions.runtime as enum (
  'node',
  'deno',
  'python',
  'wasm'
);

create type functions.trigger_kind as enum (
  'http',
  'table',
  'queue',
  'schedule'
);

create type functions.deployment_state as enum (
  'pending',
  'building',
  'active',
  'retired',
  'failed'
);

create type functions.execution_state as enum (
  'running',
  'succeeded',
  'failed',
  'timed_out'
);

comment on type functions.runtime is 'What a function is written for';
comment on type functions.trigger_kind is 'What starts a function';
comment on type functions.deployment_state is 'Where a deployment stands';
comment on type functions.execution_state is 'How an execution went';

create table functions.definitions (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid,
  name app.slug not null,
  description text not null default '',
  runtime functions.runtime not null default 'node',
  entrypoint text not null default 'index.js',
  timeout interval not null default '30 seconds',
  memory_megabytes integer not null default 128,
  environment jsonb not null default '{}',
  allowed_hosts text[] not null default '{}',
  needs_token boolean not null default true,
  needs_role text,
  enabled boolean not null default true,
  active_version_id uuid,
  created_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint definitions_pkey primary key (id),
  constraint definitions_timeout_range check (timeout between interval '100 milliseconds' and interval '15 minutes'),
  constraint definitions_memory_range check (memory_megabytes between 64 and 4096),
  constraint definitions_environment_object check (jsonb_typeof(environment) = 'object'),
  constraint definitions_role_needs_token check (needs_token or needs_role is null),
  constraint definitions_tenant_id_fkey foreign key (tenant_id)
    references auth.tenants (id) on delete cascade,
  constraint definitions_created_by_fkey foreign key (created_by)
    references auth.users (id) on delete set null
);

comment on table functions.definitions is 'Functions by name; the code is in their versions';

-- A name is unique within its tenant, and among the platform's own. One index can't say both before
-- PostgreSQL 15, which is the first that can count two nulls as the same.
create unique index definitions_tenant_name_key
  on functions.definitions (tenant_id, name)
  where tenant_id is not null;
create unique index definitions_platform_name_key
  on functions.definitions (name)
  where tenant_id is null;
create index definitions_created_by_idx
  on functions.definitions (created_by);
create index definitions_active_version_id_idx
  on functions.definitions (active_version_id);

create table functions.versions (
  id uuid not null default gen_random_uuid(),
  function_id uuid not null,
  number integer not null,
  bundle_object_id uuid,
  sha256 bytea not null,
  bytes bigint not null,
  notes text not null default '',
  created_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  constraint versions_pkey primary key (id),
  constraint versions_id_function_id_key unique (id, function_id),
  constraint versions_function_id_number_key unique (function_id, number),
  constraint versions_number_positive check (number > 0),
  constraint versions_sha256_length check (octet_length(sha256) = 32),
  constraint versions_bytes_range check (bytes between 0 and 52428800),
  constraint versions_function_id_fkey foreign key (function_id)
    references functions.definitions (id) on delete cascade,
  constraint versions_bundle_object_id_fkey foreign key (bundle_object_id)
    references storage.objects (id) on delete restrict,
  constraint versions_created_by_fkey foreign key (created_by)
    references auth.users (id) on delete set null
);

comment on table functions.versions is 'The code of a function at one time; never changed afterwards';

create index versions_bundle_object_id_idx
  on functions.versions (bundle_object_id)
  where bundle_object_id is not null;
create index versions_created_by_idx
  on functions.versions (created_by);

-- A function and its first version can be written in either order: the check waits for the commit. The
-- pair makes sure that no function runs a version of another.
alter table functions.definitions
  add constraint definitions_active_version_fkey foreign key (active_version_id, id)
    references functions.versions (id, function_id)
    deferrable initially deferred;

create table functions.version_files (
  version_id uuid not null,
  path text not null,
  content bytea not null,
  sha256 bytea generated always as (sha256(content)) stored,
  constraint version_files_pkey primary key (version_id, path),
  constraint version_files_path_valid check (storage.path_is_valid(path)),
  constraint version_files_version_id_fkey foreign key (version_id)
    references functions.versions (id) on delete cascade
);

comment on table functions.version_files is 'The files of a version that is small enough to be kept here';

create index version_files_sha256_idx
  on functions.version_files using hash (sha256);

create table functions.deployments (
  id uuid not null default gen_random_uuid(),
  function_id uuid not null,
  version_id uuid not null,
  environment app.slug not null default 'production',
  state functions.deployment_state not null default 'pending',
  error text,
  deployed_by uuid default auth.uid(),
  activated_at timestamptz,
  retired_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint deployments_pkey primary key (id),
  constraint deployments_failed_says_why check ((state = 'failed') = (error is not null)),
  constraint deployments_retired_after_active check (retired_at is null or retired_at >= activated_at),
  constraint deployments_version_fkey foreign key (version_id, function_id)
    references functions.versions (id, function_id) on delete cascade,
  constraint deployments_deployed_by_fkey foreign key (deployed_by)
    references auth.users (id) on delete set null
);

comment on table functions.deployments is 'Which version ran where and when';

create unique index deployments_active_key
  on functions.deployments (function_id, environment)
  where state = 'active';
create index deployments_version_idx
  on functions.deployments (version_id, function_id);
create index deployments_deployed_by_idx
  on functions.deployments (deployed_by);

create table functions.triggers (
  id uuid not null default gen_random_uuid(),
  function_id uuid not null,
  kind functions.trigger_kind not null,
  http_method text,
  http_route text,
  table_schema text,
  table_name text,
  table_events text[],
  queue_name text,
  every interval,
  next_run_at timestamptz,
  config jsonb not null default '{}',
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint triggers_pkey primary key (id),
  constraint triggers_parts check (
    case kind
      when 'http' then http_method is not null and http_route is not null
      when 'table' then table_schema is not null and table_name is not null and cardinality(table_events) > 0
      when 'queue' then queue_name is not null
      when 'schedule' then every > interval '0'
    end
  ),
  constraint triggers_http_method_known check (http_method in ('GET', 'POST', 'PUT', 'PATCH', 'DELETE')),
  constraint triggers_http_route_shape check (http_route ~ '^/[a-zA-Z0-9/_:.-]*$'),
  constraint triggers_table_events_known check (table_events <@ array['INSERT', 'UPDATE', 'DELETE']),
  constraint triggers_function_id_fkey foreign key (function_id)
    references functions.definitions (id) on delete cascade
);

comment on table functions.triggers is 'What starts a function';
comment on column functions.triggers.queue_name is 'Its foreign key is in 90_foreign_keys.sql: jobs.definitions refers back to functions';

create unique index triggers_http_key
  on functions.triggers (http_method, http_route)
  where kind = 'http' and enabled;
create index triggers_table_idx
  on functions.triggers (table_schema, table_name)
  include (function_id, table_events)
  where kind = 'table' and enabled;
create index triggers_due_idx
  on functions.triggers (next_run_at)
  where kind = 'schedule' and enabled;
create index triggers_function_id_idx
  on functions.triggers (function_id);
create index triggers_queue_name_idx
  on functions.triggers (queue_name)
  where queue_name is not null;

create table functions.executions (
  id uuid not null default gen_random_uuid(),
  function_id uuid not null,
  version_id uuid,
  trigger_id uuid,
  job_id uuid,
  user_id uuid,
  state functions.execution_state not null default 'running',
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  duration interval generated always as (finished_at - started_at) stored,
  peak_memory_bytes bigint,
  http_status smallint,
  error text,
  request_id text,
  constraint executions_pkey primary key (id),
  constraint executions_finished check ((state = 'running') = (finished_at is null)),
  constraint executions_not_backwards check (finished_at >= started_at),
  constraint executions_http_status_range check (http_status between 100 and 599),
  constraint executions_function_id_fkey foreign key (function_id)
    references functions.definitions (id) on delete cascade,
  constraint executions_version_id_fkey foreign key (version_id)
    references functions.versions (id) on delete set null,
  constraint executions_trigger_id_fkey foreign key (trigger_id)
    references functions.triggers (id) on delete set null,
  constraint executions_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete set null
);

comment on table functions.executions is 'Every time a function ran; what it wrote is in logging.entries';

create index executions_function_id_idx
  on functions.executions (function_id, started_at desc)
  include (state, duration);
create index executions_version_id_idx
  on functions.executions (version_id);
create index executions_trigger_id_idx
  on functions.executions (trigger_id)
  where trigger_id is not null;
create index executions_job_id_idx
  on functions.executions (job_id)
  where job_id is not null;
create index executions_user_id_idx
  on functions.executions (user_id, started_at desc)
  where user_id is not null;
create index executions_running_idx
  on functions.executions (started_at)
  where state = 'running';

create table functions.secrets (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid,
  function_id uuid,
  name text not null,
  current_version integer,
  description text not null default '',
  created_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint secrets_pkey primary key (id),
  constraint secrets_name_shape check (name ~ '^[A-Z][A-Z0-9_]{0,127}$'),
  constraint secrets_tenant_id_fkey foreign key (tenant_id)
    references auth.tenants (id) on delete cascade,
  constraint secrets_function_id_fkey foreign key (function_id)
    references functions.definitions (id) on delete cascade,
  constraint secrets_created_by_fkey foreign key (created_by)
    references auth.users (id) on delete set null
);

comment on table functions.secrets is 'Names of secrets: of one function, of all of a tenant, or of all';

create unique index secrets_name_key
  on functions.secrets (
    coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'::uuid),
    coalesce(function_id, '00000000-0000-0000-0000-000000000000'::uuid),
    name
  );
create index secrets_tenant_id_idx
  on functions.secrets (tenant_id);
create index secrets_function_id_idx
  on functions.secrets (function_id);
create index secrets_created_by_idx
  on functions.secrets (created_by);

create table functions.secret_versions (
  secret_id uuid not null,
  version integer not null,
  key_id text not null,
  nonce bytea not null,
  ciphertext bytea not null,
  created_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  constraint secret_versions_pkey primary key (secret_id, version),
  constraint secret_versions_version_positive check (version > 0),
  constraint secret_versions_nonce_length check (octet_length(nonce) between 12 and 24),
  constraint secret_versions_nonce_key unique (key_id, nonce),
  constraint secret_versions_secret_id_fkey foreign key (secret_id)
    references functions.secrets (id) on delete cascade,
  constraint secret_versions_created_by_fkey foreign key (created_by)
    references auth.users (id) on delete set null
);

comment on table functions.secret_versions is 'Values of secrets, encrypted before they come here';
comment on column functions.secret_versions.nonce is 'Never used twice with the same key';

create index secret_versions_created_by_idx
  on functions.secret_versions (created_by);

alter table functions.secrets
  add constraint secrets_current_version_fkey foreign key (id, current_version)
    references functions.secret_versions (secret_id, version)
    deferrable initially deferred;


-- What the application calls.

create function functions.tenant_of(function_id uuid)
  returns uuid
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select d.tenant_id
  from functions.definitions d
  where d.id = tenant_of.function_id
$$;

comment on function functions.tenant_of(uuid) is 'The tenant of a function';

create function functions.find(name text, tenant uuid default null)
  returns setof functions.definitions
  language sql
  stable
  set search_path = ''
as $$
  select d.*
  from functions.definitions d
  where d.name = find.name
    and d.enabled
    and (d.tenant_id = find.tenant or d.tenant_id is null)
  order by d.tenant_id nulls last
  limit 1
$$;

comment on function functions.find(text, uuid) is 'The function a tenant means by a name: its own before the platform''s';

create function functions.publish(function_id uuid, bundle bytea, environment text default 'production', notes text default '')
  returns uuid
  language plpgsql
  set search_path = ''
as $$
declare
  version uuid := gen_random_uuid();
  entrypoint text;
begin
  -- Holding the function's row keeps two publishers from taking the same number.
  select d.entrypoint
  into strict entrypoint
  from functions.definitions d
  where d.id = publish.function_id
  for no key update;

  insert into functions.versions (id, function_id, number, sha256, bytes, notes)
  select version, publish.function_id, coalesce(max(v.number), 0) + 1, sha256(bundle), octet_length(bundle), publish.notes
  from functions.versions v
  where v.function_id = publish.function_id;

  insert into functions.version_files (version_id, path, content)
  values (version, entrypoint, bundle);

  update functions.deployments p
  set
    state = 'retired',
    retired_at = now()
  where p.function_id = publish.function_id
    and p.environment = publish.environment
    and p.state = 'active';

  insert into functions.deployments (function_id, version_id, environment, state, activated_at)
  values (publish.function_id, version, publish.environment, 'active', now());

  if publish.environment = 'production' then
    update functions.definitions d
    set active_version_id = version
    where d.id = publish.function_id;
  end if;

  return version;
end
$$;

comment on function functions.publish(uuid, bytea, text, text) is 'Makes a version of one file and lets it take over from the one that is active';

create function functions.finish(execution uuid, outcome functions.execution_state, error text default null, http_status integer default null)
  returns interval
  language sql
  volatile
  set search_path = ''
as $$
  update functions.executions e
  set
    state = finish.outcome,
    finished_at = greatest(clock_timestamp(), e.started_at),
    error = finish.error,
    http_status = finish.http_status
  where e.id = finish.execution
    and e.state = 'running'
  returning e.duration
$$;

comment on function functions.finish(uuid, functions.execution_state, text, integer) is 'Ends an execution and says how long it took; null when it had ended before';

create function functions.secrets_for(function_id uuid)
  returns table (name text, key_id text, nonce bytea, ciphertext bytea)
  language sql
  stable
  set search_path = ''
as $$
  select distinct on (s.name)
    s.name,
    v.key_id,
    v.nonce,
    v.ciphertext
  from functions.definitions d
  join functions.secrets s
    on (s.function_id = d.id)
    or (s.function_id is null and s.tenant_id = d.tenant_id)
    or (s.function_id is null and s.tenant_id is null)
  join functions.secret_versions v
    on v.secret_id = s.id
    and v.version = s.current_version
  where d.id = secrets_for.function_id
  order by s.name, s.function_id nulls last, s.tenant_id nulls last
$$;

comment on function functions.secrets_for(uuid) is 'The secrets a function sees; of one name the nearest';

revoke execute on function functions.tenant_of(uuid) from public;
revoke execute on function functions.find(text, uuid) from public;
revoke execute on function functions.publish(uuid, bytea, text, text) from public;
revoke execute on function functions.finish(uuid, functions.execution_state, text, integer) from public;
revoke execute on function functions.secrets_for(uuid) from public;
grant execute on function functions.tenant_of(uuid) to authenticated, service_role;
grant execute on function functions.find(text, uuid) to service_role;
grant execute on function functions.publish(uuid, bytea, text, text) to service_role;
grant execute on function functions.finish(uuid, functions.execution_state, text, integer) to service_role;
grant execute on function functions.secrets_for(uuid) to service_role;


create trigger touch_updated_at
  before update on functions.definitions
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger record_change
  after insert or update or delete on functions.definitions
  for each row
  execute function auth.record_change('id', 'environment');

create trigger written_once
  before update of function_id, number, sha256, bytes on functions.versions
  for each row
  when (
    old.function_id <> new.function_id
    or old.number <> new.number
    or old.sha256 <> new.sha256
    or old.bytes <> new.bytes
  )
  execute function app.refuse_change();

create trigger written_once
  before update on functions.version_files
  for each row
  execute function app.refuse_change();

create trigger touch_updated_at
  before update on functions.deployments
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger touch_updated_at
  before update on functions.triggers
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger touch_updated_at
  before update on functions.secrets
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger record_change
  after insert or update or delete on functions.secrets
  for each row
  execute function auth.record_change('id');

create trigger written_once
  before update of secret_id, version, key_id, nonce, ciphertext on functions.secret_versions
  for each row
  execute function app.refuse_change();


create materialized view functions.daily_stats
as
select
  e.function_id,
  (e.started_at at time zone 'UTC')::date as day,
  count(*) as executions,
  count(*) filter (where e.state <> 'succeeded') as failures,
  avg(e.duration) as average_duration,
  max(e.duration) as longest_duration,
  max(e.peak_memory_bytes) as peak_memory_bytes
from functions.executions e
where e.state <> 'running'
group by e.function_id, (e.started_at at time zone 'UTC')::date;

comment on materialized view functions.daily_stats is 'Executions by day; refreshed by a job';

-- Refreshing concurrently takes a unique index over all rows.
create unique index daily_stats_key
  on functions.daily_stats (function_id, day);


alter table functions.definitions enable row level security;
alter table functions.versions enable row level security;
alter table functions.version_files enable row level security;
alter table functions.deployments enable row level security;
alter table functions.triggers enable row level security;
alter table functions.executions enable row level security;
alter table functions.secrets enable row level security;
alter table functions.secret_versions enable row level security;

create policy members_read
  on functions.definitions
  for select
  to authenticated
  using (auth.is_member(tenant_id));

create policy admins_write
  on functions.definitions
  for update
  to authenticated
  using (auth.is_member(tenant_id, 'admin'))
  with check (auth.is_member(tenant_id, 'admin'));

create policy members_read
  on functions.versions
  for select
  to authenticated
  using (auth.is_member(functions.tenant_of(function_id)));

create policy members_read
  on functions.deployments
  for select
  to authenticated
  using (auth.is_member(functions.tenant_of(function_id)));

create policy members_read
  on functions.triggers
  for select
  to authenticated
  using (auth.is_member(functions.tenant_of(function_id)));

create policy own_or_members_read
  on functions.executions
  for select
  to authenticated
  using (user_id = (select auth.uid()) or auth.is_member(functions.tenant_of(function_id)));

create policy admins_read
  on functions.secrets
  for select
  to authenticated
  using (auth.is_member(tenant_id, 'admin'));


grant select, insert, update, delete on functions.definitions to service_role;
grant select (
  id,
  tenant_id,
  name,
  description,
  runtime,
  entrypoint,
  timeout,
  memory_megabytes,
  needs_token,
  needs_role,
  enabled,
  active_version_id,
  created_at,
  updated_at
) on functions.definitions to authenticated;
grant update (description, timeout, memory_megabytes, enabled) on functions.definitions to authenticated;
grant select, insert, update, delete on functions.versions to service_role;
grant select on functions.versions to authenticated;
grant select, insert, update, delete on functions.version_files to service_role;
grant select, insert, update, delete on functions.deployments to service_role;
grant select on functions.deployments to authenticated;
grant select, insert, update, delete on functions.triggers to service_role;
grant select on functions.triggers to authenticated;
grant select, insert, update, delete on functions.executions to service_role;
grant select on functions.executions to authenticated;
grant select, insert, update, delete on functions.secrets to service_role;
grant select on functions.secrets to authenticated;
grant select, insert, update, delete on functions.secret_versions to service_role;
grant select on functions.daily_stats to service_role;
