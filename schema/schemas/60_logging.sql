-- Logs. Both tables are partitioned and have a default partition, so that no row is ever turned away.
-- A partition has policies and grants of its own: RLS is on for each, and only service_role reads them.

create type logging.level as enum (
  'trace',
  'debug',
  'info',
  'warn',
  'error',
  'fatal'
);

comment on type logging.level is 'How grave an entry is: levels compare with < and >=';

create table logging.entries (
  category text not null,
  id uuid not null default gen_random_uuid(),
  logged_at timestamptz not null default clock_timestamp(),
  level logging.level not null default 'info',
  message text not null,
  search tsvector generated always as (to_tsvector('simple'::regconfig, message)) stored,
  component text,
  request_id text,
  trace_id text,
  tenant_id uuid,
  user_id uuid,
  execution_id uuid,
  job_id uuid,
  line integer,
  ip inet,
  fields jsonb not null default '{}',
  constraint entries_pkey primary key (category, id),
  constraint entries_category_shape check (category ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint entries_trace_id_shape check (trace_id ~ '^[0-9a-f]{32}$'),
  constraint entries_fields_object check (jsonb_typeof(fields) = 'object')
)
partition by list (category);

comment on table logging.entries is 'What every part of the platform has to say; without foreign keys, for it outlives what it tells of';

create table logging.entries_http
  partition of logging.entries
  for values in ('http');

create table logging.entries_auth
  partition of logging.entries
  for values in ('auth');

create table logging.entries_work
  partition of logging.entries
  for values in ('job', 'function');

create table logging.entries_storage
  partition of logging.entries
  for values in ('storage');

create table logging.entries_default
  partition of logging.entries
  default;

comment on table logging.entries_http is 'Partition: requests';
comment on table logging.entries_auth is 'Partition: sign-ins and permissions';
comment on table logging.entries_work is 'Partition: jobs and functions';
comment on table logging.entries_storage is 'Partition: buckets and objects';
comment on table logging.entries_default is 'Partition: every other category';

create index entries_logged_at_idx
  on logging.entries (logged_at desc);
create index entries_grave_idx
  on logging.entries (level, logged_at desc)
  where level >= 'error'::logging.level;
create index entries_request_id_idx
  on logging.entries (request_id)
  where request_id is not null;
create index entries_trace_id_idx
  on logging.entries (trace_id)
  where trace_id is not null;
create index entries_tenant_id_idx
  on logging.entries (tenant_id, logged_at desc)
  where tenant_id is not null;
create index entries_execution_id_idx
  on logging.entries (execution_id, line)
  where execution_id is not null;
create index entries_job_id_idx
  on logging.entries (job_id, logged_at)
  where job_id is not null;
create index entries_search_idx
  on logging.entries using gin (search);
create index entries_fields_idx
  on logging.entries using gin (fields jsonb_path_ops);

-- Ranges of days rather than of moments: where a day begins depends on nobody's time zone setting.
create table logging.requests (
  day date not null default (now() at time zone 'UTC')::date,
  id uuid not null default gen_random_uuid(),
  started_at timestamptz not null default now(),
  method text not null,
  route text not null,
  status smallint not null,
  duration_microseconds bigint not null,
  request_bytes bigint,
  response_bytes bigint,
  tenant_id uuid,
  user_id uuid,
  api_key_id uuid,
  request_id text,
  user_agent text,
  ip inet,
  constraint requests_pkey primary key (day, id),
  constraint requests_status_range check (status between 100 and 599),
  constraint requests_duration_positive check (duration_microseconds >= 0)
)
partition by range (day);

comment on table logging.requests is 'Every request, in a partition a month that logging.add_month() makes';

create table logging.requests_old
  partition of logging.requests
  for values from (minvalue) to ('2026-01-01');

create table logging.requests_default
  partition of logging.requests
  default;

comment on table logging.requests_old is 'Partition: everything brought in from before there were months';
comment on table logging.requests_default is 'Partition: days whose month has none yet';

create index requests_route_idx
  on logging.requests (route, started_at desc)
  include (status, duration_microseconds);
create index requests_failed_idx
  on logging.requests (started_at desc)
  where status >= 500;
create index requests_user_id_idx
  on logging.requests (user_id, started_at desc)
  where user_id is not null;
create index requests_request_id_idx
  on logging.requests (request_id);
create index requests_started_at_idx
  on logging.requests using brin (started_at);


create function logging.write(
  category text,
  level logging.level,
  message text,
  fields jsonb default '{}',
  component text default null
)
  returns uuid
  language sql
  volatile
  security definer
  set search_path = ''
as $$
  insert into logging.entries (category, level, message, fields, component, request_id, tenant_id, user_id, ip)
  values (
    write.category,
    write.level,
    write.message,
    write.fields,
    write.component,
    nullif(current_setting('request.id', true), ''),
    auth.tenant_id(),
    auth.uid(),
    nullif(current_setting('request.ip', true), '')::inet
  )
  returning id
$$;

comment on function logging.write(text, logging.level, text, jsonb, text) is 'Writes an entry with what the present request tells of itself';

create function logging.find(terms text, at_least logging.level default 'info', since interval default '1 day', at_most integer default 100)
  returns setof logging.entries
  language sql
  stable
  set search_path = ''
as $$
  select e.*
  from logging.entries e
  where e.search @@ websearch_to_tsquery('simple', terms)
    and e.level >= at_least
    and e.logged_at > now() - since
  order by e.logged_at desc
  limit at_most
$$;

comment on function logging.find(text, logging.level, interval, integer) is 'The newest entries with some words';

create function logging.add_month(month date)
  returns text
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  first_day date := date_trunc('month', month::timestamp)::date;
  next_first date := (date_trunc('month', month::timestamp) + interval '1 month')::date;
  name text := format('requests_%s', to_char(first_day, 'YYYY_MM'));
begin
  if to_regclass(format('logging.%I', name)) is not null then
    return name;
  end if;

  execute format('create table logging.%I (like logging.requests including defaults including constraints)', name);
  execute format('alter table logging.%I enable row level security', name);

  -- A row that is in the default partition already would forbid the new one: it moves there first.
  -- Rows of the parent, for only its order of columns is sure to be that of the new table.
  execute format(
    'with moved as (delete from logging.requests where day >= %L and day < %L returning *) '
    'insert into logging.%I select * from moved',
    first_day,
    next_first,
    name
  );
  execute format(
    'alter table logging.requests attach partition logging.%I for values from (%L) to (%L)',
    name,
    first_day,
    next_first
  );

  return name;
end
$$;

comment on function logging.add_month(date) is 'Makes the partition of a month of logging.requests, unless it is there';

create function logging.drop_months_before(day date)
  returns setof text
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  name text;
begin
  -- Only what add_month() makes, and only a month that is over by then.
  for name in
    select c.relname
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'logging.requests'::regclass
      and c.relname ~ '^requests_[0-9]{4}_[0-9]{2}$'
      and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= drop_months_before.day
    order by c.relname
  loop
    execute format('drop table logging.%I', name);
    return next name;
  end loop;
end
$$;

comment on function logging.drop_months_before(date) is 'Drops the months of logging.requests that ended before a day, and names them';

create function logging.delete_entries(older_than interval, below logging.level default 'fatal', at_most integer default 10000)
  returns integer
  language sql
  volatile
  set search_path = ''
as $$
  with old as (
    select e.category, e.id
    from logging.entries e
    where e.logged_at < now() - older_than
      and e.level < below
    limit at_most
  ),
  gone as (
    delete from logging.entries e
    using old
    where e.category = old.category
      and e.id = old.id
    returning e.id
  )
  select count(*)::integer
  from gone
$$;

comment on function logging.delete_entries(interval, logging.level, integer) is 'Deletes old entries, and says how many';

revoke execute on function logging.write(text, logging.level, text, jsonb, text) from public;
revoke execute on function logging.find(text, logging.level, interval, integer) from public;
revoke execute on function logging.add_month(date) from public;
revoke execute on function logging.drop_months_before(date) from public;
revoke execute on function logging.delete_entries(interval, logging.level, integer) from public;
grant execute on function logging.write(text, logging.level, text, jsonb, text) to service_role;
grant execute on function logging.find(text, logging.level, interval, integer) to service_role;
grant execute on function logging.add_month(date) to service_role;
grant execute on function logging.drop_months_before(date) to service_role;
grant execute on function logging.delete_entries(interval, logging.level, integer) to service_role;


create view logging.recent_failures
as
select
  r.route,
  r.method,
  count(*) as requests,
  count(*) filter (where r.status >= 500) as failures,
  percentile_cont(0.95) within group (order by r.duration_microseconds) as p95_microseconds
from logging.requests r
where r.day >= (now() at time zone 'UTC')::date - 1
  and r.started_at > now() - interval '1 hour'
group by r.route, r.method
having count(*) filter (where r.status >= 500) > 0;

comment on view logging.recent_failures is 'Routes that failed in the last hour';


alter table logging.entries enable row level security;
alter table logging.entries_http enable row level security;
alter table logging.entries_auth enable row level security;
alter table logging.entries_work enable row level security;
alter table logging.entries_storage enable row level security;
alter table logging.entries_default enable row level security;
alter table logging.requests enable row level security;
alter table logging.requests_old enable row level security;
alter table logging.requests_default enable row level security;

grant select, insert, update, delete on logging.entries to service_role;
grant select, insert, update, delete on logging.entries_http to service_role;
grant select, insert, update, delete on logging.entries_auth to service_role;
grant select, insert, update, delete on logging.entries_work to service_role;
grant select, insert, update, delete on logging.entries_storage to service_role;
grant select, insert, update, delete on logging.entries_default to service_role;
grant select, insert, update, delete on logging.requests to service_role;
grant select, insert, update, delete on logging.requests_old to service_role;
grant select, insert, update, delete on logging.requests_default to service_role;
grant select on logging.recent_failures to service_role;
