-- Background jobs. A worker claims jobs for a while (a lease), extends the lease with heartbeats, and
-- completes or fails them. A worker that dies leaves its jobs to jobs.reap().

create type jobs.state as enum (
  'queued',
  'running',
  'completed',
  'failed',
  'cancelled'
);

create type jobs.worker_state as enum (
  'active',
  'draining',
  'stopped'
);

comment on type jobs.state is 'Where a job stands; failed means that it isn''t tried again';
comment on type jobs.worker_state is 'Whether a worker takes jobs';

create table jobs.queues (
  name text not null,
  description text not null default '',
  paused boolean not null default false,
  default_lease interval not null default '5 minutes',
  keep_finished interval not null default '14 days',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint queues_pkey primary key (name),
  constraint queues_name_shape check (name ~ '^[a-z][a-z0-9_.-]{0,62}$'),
  constraint queues_lease_range check (default_lease between interval '5 seconds' and interval '1 day')
);

comment on table jobs.queues is 'Queues, which workers choose among';

create table jobs.definitions (
  id uuid not null default gen_random_uuid(),
  name text not null,
  queue_name text not null,
  function_id uuid,
  handler text,
  priority smallint not null default 0,
  timeout interval not null default '5 minutes',
  max_attempts smallint not null default 5,
  backoff_first interval not null default '10 seconds',
  backoff_most interval not null default '1 hour',
  callable_by text[] not null default '{}',
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint definitions_pkey primary key (id),
  constraint definitions_name_key unique (name),
  constraint definitions_name_shape check (name ~ '^[a-z][a-z0-9_.-]{0,99}$'),
  constraint definitions_one_way check (num_nonnulls(function_id, handler) = 1),
  constraint definitions_max_attempts_range check (max_attempts between 1 and 100),
  constraint definitions_backoff_range check (backoff_first > interval '0' and backoff_most >= backoff_first),
  constraint definitions_callable_by_known check (callable_by <@ array['anon', 'authenticated']),
  constraint definitions_queue_name_fkey foreign key (queue_name)
    references jobs.queues (name) on update cascade on delete restrict,
  constraint definitions_function_id_fkey foreign key (function_id)
    references functions.definitions (id) on delete cascade
);

comment on table jobs.definitions is 'Kinds of jobs: a deployed function, or a handler that the workers know by name';
comment on column jobs.definitions.callable_by is 'Which roles besides service_role may enqueue it';

create index definitions_queue_name_idx
  on jobs.definitions (queue_name);
create index definitions_function_id_idx
  on jobs.definitions (function_id)
  where function_id is not null;

create table jobs.workers (
  id uuid not null default gen_random_uuid(),
  name text not null,
  state jobs.worker_state not null default 'active',
  queues text[] not null,
  concurrency smallint not null default 1,
  version text,
  host text,
  started_at timestamptz not null default now(),
  heartbeat_at timestamptz not null default now(),
  stopped_at timestamptz,
  constraint workers_pkey primary key (id),
  constraint workers_has_queues check (cardinality(queues) > 0),
  constraint workers_concurrency_range check (concurrency between 1 and 1000),
  constraint workers_stopped check ((state = 'stopped') = (stopped_at is not null))
)
with (fillfactor = 80);

comment on table jobs.workers is 'Processes that take jobs';

create index workers_heartbeat_at_idx
  on jobs.workers (heartbeat_at)
  where state <> 'stopped';

create table jobs.queue (
  id uuid not null default gen_random_uuid(),
  definition_id uuid not null,
  queue_name text not null,
  state jobs.state not null default 'queued',
  priority smallint not null default 0,
  payload jsonb not null default '{}',
  result jsonb,
  progress jsonb,
  error text,
  unique_key text,
  attempts smallint not null default 0,
  max_attempts smallint not null,
  run_at timestamptz not null default now(),
  worker_id uuid,
  claimed_at timestamptz,
  lease_until timestamptz,
  finished_at timestamptz,
  tenant_id uuid,
  user_id uuid,
  created_at timestamptz not null default now(),
  constraint queue_pkey primary key (id),
  constraint queue_attempts_range check (attempts between 0 and max_attempts),
  constraint queue_lease check ((state = 'running') = (lease_until is not null)),
  constraint queue_finished check ((state in ('queued', 'running')) = (finished_at is null)),
  constraint queue_definition_id_fkey foreign key (definition_id)
    references jobs.definitions (id) on delete cascade,
  constraint queue_queue_name_fkey foreign key (queue_name)
    references jobs.queues (name) on update cascade on delete restrict,
  constraint queue_worker_id_fkey foreign key (worker_id)
    references jobs.workers (id) on delete set null,
  constraint queue_tenant_id_fkey foreign key (tenant_id)
    references auth.tenants (id) on delete cascade,
  constraint queue_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete set null
)
with (fillfactor = 80);

comment on table jobs.queue is 'Jobs, waiting, running and finished';
comment on column jobs.queue.unique_key is 'At most one waiting or running job of a kind has this key';

create index queue_ready_idx
  on jobs.queue (queue_name, priority desc, run_at, id)
  where state = 'queued';
create index queue_lease_until_idx
  on jobs.queue (lease_until)
  where state = 'running';
create unique index queue_unique_key_key
  on jobs.queue (definition_id, unique_key)
  where unique_key is not null and state in ('queued', 'running');
create index queue_worker_id_idx
  on jobs.queue (worker_id)
  where worker_id is not null;
create index queue_user_id_idx
  on jobs.queue (user_id, created_at desc)
  where user_id is not null;
create index queue_tenant_id_idx
  on jobs.queue (tenant_id)
  where tenant_id is not null;
create index queue_finished_at_idx
  on jobs.queue (queue_name, finished_at)
  where finished_at is not null;

create table jobs.attempts (
  job_id uuid not null,
  attempt smallint not null,
  worker_id uuid,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  outcome text,
  error text,
  constraint attempts_pkey primary key (job_id, attempt),
  constraint attempts_attempt_positive check (attempt > 0),
  constraint attempts_outcome_known check (outcome in ('completed', 'failed', 'lost', 'cancelled')),
  constraint attempts_finished check ((finished_at is null) = (outcome is null)),
  constraint attempts_job_id_fkey foreign key (job_id)
    references jobs.queue (id) on delete cascade,
  constraint attempts_worker_id_fkey foreign key (worker_id)
    references jobs.workers (id) on delete set null
);

comment on table jobs.attempts is 'Every time a worker took a job';

create index attempts_worker_id_idx
  on jobs.attempts (worker_id);

create table jobs.schedules (
  id uuid not null default gen_random_uuid(),
  name text not null,
  definition_id uuid not null,
  every interval not null,
  payload jsonb not null default '{}',
  enabled boolean not null default true,
  next_run_at timestamptz not null default now(),
  last_run_at timestamptz,
  last_job_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint schedules_pkey primary key (id),
  constraint schedules_name_key unique (name),
  constraint schedules_every_range check (every >= interval '1 second'),
  constraint schedules_definition_id_fkey foreign key (definition_id)
    references jobs.definitions (id) on delete cascade,
  constraint schedules_last_job_id_fkey foreign key (last_job_id)
    references jobs.queue (id) on delete set null
);

comment on table jobs.schedules is 'Jobs that come again and again';

create index schedules_due_idx
  on jobs.schedules (next_run_at)
  where enabled;
create index schedules_definition_id_idx
  on jobs.schedules (definition_id);
create index schedules_last_job_id_idx
  on jobs.schedules (last_job_id);


-- Enqueuing.

create function jobs.enqueue(
  name text,
  payload jsonb,
  run_at timestamptz,
  unique_key text default null,
  tenant uuid default null
)
  returns uuid
  language plpgsql
  set search_path = ''
as $$
#variable_conflict use_column
declare
  kind jobs.definitions;
  job uuid;
begin
  select d.*
  into kind
  from jobs.definitions d
  where d.name = enqueue.name
    and d.enabled;

  if not found then
    raise exception using
      errcode = 'no_data_found',
      message = format('there is no job %L', enqueue.name);
  end if;

  insert into jobs.queue (definition_id, queue_name, priority, max_attempts, payload, run_at, unique_key, tenant_id, user_id)
  values (
    kind.id,
    kind.queue_name,
    kind.priority,
    kind.max_attempts,
    enqueue.payload,
    enqueue.run_at,
    enqueue.unique_key,
    enqueue.tenant,
    auth.uid()
  )
  on conflict (definition_id, unique_key)
    where unique_key is not null and state in ('queued', 'running')
    do nothing
  returning id into job;

  if job is null then
    select q.id
    into job
    from jobs.queue q
    where q.definition_id = kind.id
      and q.unique_key = enqueue.unique_key
      and q.state in ('queued', 'running');
  end if;

  return job;
end
$$;

comment on function jobs.enqueue(text, jsonb, timestamptz, text, uuid) is 'Queues a job, or finds the one with the same unique key';

create function jobs.enqueue(name text, payload jsonb default '{}')
  returns uuid
  language sql
  volatile
  set search_path = ''
as $$
  select jobs.enqueue(enqueue.name, enqueue.payload, now())
$$;

comment on function jobs.enqueue(text, jsonb) is 'Queues a job for now';

create function jobs.request(name text, payload jsonb default '{}', tenant uuid default null)
  returns uuid
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  if not exists (
    select
    from jobs.definitions d
    where d.name = request.name
      and d.enabled
      and auth.role() = any (d.callable_by)
  ) then
    raise exception using
      errcode = 'no_data_found',
      message = format('there is no job %L that %s may ask for', request.name, auth.role());
  end if;

  if request.tenant is not null and not auth.is_member(request.tenant) then
    raise exception using
      errcode = 'insufficient_privilege',
      message = 'the caller does not belong to this tenant';
  end if;

  return jobs.enqueue(request.name, request.payload, now(), null, request.tenant);
end
$$;

comment on function jobs.request(text, jsonb, uuid) is 'Queues a job for a caller who is not service_role, where its definition allows that';

create function jobs.cancel(job uuid)
  returns boolean
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  update jobs.queue q
  set
    state = 'cancelled',
    finished_at = now(),
    lease_until = null
  where q.id = job
    and q.state in ('queued', 'running')
    and (q.user_id = auth.uid() or auth.is_member(q.tenant_id, 'admin'));

  return found;
end
$$;

comment on function jobs.cancel(uuid) is 'Cancels a job of the caller; a worker that has it learns of it at its next heartbeat';

create function jobs.cancel(job uuid, because text)
  returns boolean
  language plpgsql
  set search_path = ''
as $$
begin
  update jobs.queue q
  set
    state = 'cancelled',
    finished_at = now(),
    lease_until = null,
    error = because
  where q.id = job
    and q.state in ('queued', 'running');

  return found;
end
$$;

comment on function jobs.cancel(uuid, text) is 'Cancels any job, for service_role';


-- What workers call. Every call names the worker: one whose lease ran out and whose job went to another
-- can neither complete nor fail it any more.

create function jobs.claim(worker uuid, from_queues text[], at_most integer default 1, lease interval default null)
  returns setof jobs.queue
  language sql
  volatile
  set search_path = ''
as $$
  with ready as materialized (
    select
      q.id,
      coalesce(claim.lease, n.default_lease) as lease
    from jobs.queue q
    join jobs.queues n on n.name = q.queue_name
    where q.state = 'queued'
      and q.queue_name = any (claim.from_queues)
      and q.run_at <= now()
      and not n.paused
    order by q.priority desc, q.run_at, q.id
    limit claim.at_most
    for update of q skip locked
  ),
  claimed as (
    update jobs.queue q
    set
      state = 'running',
      attempts = q.attempts + 1,
      worker_id = claim.worker,
      claimed_at = now(),
      lease_until = now() + ready.lease,
      error = null
    from ready
    where q.id = ready.id
    returning q.*
  ),
  noted as (
    insert into jobs.attempts (job_id, attempt, worker_id)
    select c.id, c.attempts, c.worker_id
    from claimed c
  )
  select c.*
  from claimed c
  order by c.priority desc, c.run_at, c.id
$$;

comment on function jobs.claim(uuid, text[], integer, interval) is 'Takes jobs that are due for a worker; two workers never get the same one';

create function jobs.heartbeat(worker uuid, extend_by interval default null)
  returns table (job_id uuid, keep_going boolean)
  language plpgsql
  set search_path = ''
as $$
begin
  update jobs.workers w
  set heartbeat_at = now()
  where w.id = worker;

  return query
  update jobs.queue q
  set lease_until = now() + coalesce(extend_by, n.default_lease)
  from jobs.queues n
  where n.name = q.queue_name
    and q.worker_id = worker
    and q.state = 'running'
    and q.lease_until > now()
  returning q.id, true;

  return query
  update jobs.attempts a
  set
    finished_at = now(),
    outcome = 'cancelled'
  from jobs.queue q
  where a.worker_id = worker
    and a.outcome is null
    and q.id = a.job_id
    and q.state = 'cancelled'
  returning q.id, false;
end
$$;

comment on function jobs.heartbeat(uuid, interval) is 'Extends the leases of a worker, and tells which of its jobs were cancelled';

create function jobs.report_progress(job uuid, worker uuid, progress jsonb)
  returns boolean
  language plpgsql
  set search_path = ''
as $$
begin
  update jobs.queue q
  set progress = report_progress.progress
  where q.id = job
    and q.worker_id = worker
    and q.state = 'running';

  return found;
end
$$;

comment on function jobs.report_progress(uuid, uuid, jsonb) is 'Says how far a job is; false when it isn''t the worker''s any more';

create function jobs.complete(job uuid, worker uuid, result jsonb default null)
  returns boolean
  language plpgsql
  set search_path = ''
as $$
begin
  update jobs.queue q
  set
    state = 'completed',
    result = complete.result,
    lease_until = null,
    finished_at = now()
  where q.id = job
    and q.worker_id = worker
    and q.state = 'running';

  if not found then
    return false;
  end if;

  update jobs.attempts a
  set
    finished_at = now(),
    outcome = 'completed'
  where a.job_id = job
    and a.outcome is null;

  return true;
end
$$;

comment on function jobs.complete(uuid, uuid, jsonb) is 'Ends a job well; false when it isn''t the worker''s any more';

create function jobs.backoff(attempts integer, first interval, most interval)
  returns interval
  language sql
  immutable
  strict
  parallel safe
  return least(first * power(2, least(greatest(attempts, 1), 30) - 1), most);

comment on function jobs.backoff(integer, interval, interval) is 'How long to wait after so many attempts';

create function jobs.fail(job uuid, worker uuid, error text, retry boolean default true)
  returns jobs.state
  language plpgsql
  set search_path = ''
as $$
declare
  now_is jobs.state;
begin
  update jobs.queue q
  set
    state = case
      when retry and q.attempts < q.max_attempts then 'queued'::jobs.state
      else 'failed'
    end,
    -- A quarter more at random: jobs that failed together don't come back together.
    run_at = case
      when retry and q.attempts < q.max_attempts
        then now() + jobs.backoff(q.attempts, d.backoff_first, d.backoff_most) * (1 + random() / 4)
      else q.run_at
    end,
    finished_at = case
      when retry and q.attempts < q.max_attempts then null
      else now()
    end,
    error = fail.error,
    worker_id = null,
    lease_until = null
  from jobs.definitions d
  where q.id = job
    and q.worker_id = worker
    and q.state = 'running'
    and d.id = q.definition_id
  returning q.state into now_is;

  if now_is is null then
    return null;
  end if;

  update jobs.attempts a
  set
    finished_at = now(),
    outcome = 'failed',
    error = fail.error
  where a.job_id = job
    and a.outcome is null;

  return now_is;
end
$$;

comment on function jobs.fail(uuid, uuid, text, boolean) is 'Ends an attempt badly: queued again after a while, or failed for good; null when it isn''t the worker''s any more';

create function jobs.reap(at_most integer default 100)
  returns integer
  language sql
  volatile
  set search_path = ''
as $$
  with lost as materialized (
    select q.id
    from jobs.queue q
    where q.state = 'running'
      and q.lease_until < now()
    order by q.lease_until
    limit at_most
    for update skip locked
  ),
  returned as (
    update jobs.queue q
    set
      state = case when q.attempts < q.max_attempts then 'queued'::jobs.state else 'failed' end,
      finished_at = case when q.attempts < q.max_attempts then null else now() end,
      error = 'the worker was not heard of any more',
      worker_id = null,
      lease_until = null
    from lost
    where q.id = lost.id
    returning q.id
  ),
  noted as (
    update jobs.attempts a
    set
      finished_at = now(),
      outcome = 'lost'
    from returned
    where a.job_id = returned.id
      and a.outcome is null
  )
  select count(*)::integer
  from returned
$$;

comment on function jobs.reap(integer) is 'Puts jobs back whose worker died, and says how many';

create function jobs.fire_due_schedules(at_most integer default 50)
  returns setof uuid
  language plpgsql
  set search_path = ''
as $$
declare
  due jobs.schedules;
  kind text;
  job uuid;
begin
  for due in
    select s.*
    from jobs.schedules s
    where s.enabled
      and s.next_run_at <= now()
    order by s.next_run_at
    limit at_most
    for update skip locked
  loop
    select d.name
    into kind
    from jobs.definitions d
    where d.id = due.definition_id
      and d.enabled;

    -- A run that is still going, or that nobody came to, takes the place of the next one.
    job := case when found then jobs.enqueue(kind, due.payload, now(), 'schedule:' || due.name) end;

    -- Runs that were missed are not made up for; the rhythm stays what it was.
    update jobs.schedules s
    set
      last_run_at = now(),
      last_job_id = job,
      next_run_at = due.next_run_at + due.every * (floor(extract(epoch from now() - due.next_run_at) / extract(epoch from due.every)) + 1)
    where s.id = due.id;

    if job is not null then
      return next job;
    end if;
  end loop;
end
$$;

comment on function jobs.fire_due_schedules(integer) is 'Queues the jobs whose time has come; several schedulers may call it at once';

create function jobs.purge(at_most integer default 1000)
  returns integer
  language sql
  volatile
  set search_path = ''
as $$
  with old as materialized (
    select q.id
    from jobs.queue q
    join jobs.queues n on n.name = q.queue_name
    where q.finished_at < now() - n.keep_finished
    limit at_most
    for update of q skip locked
  ),
  gone as (
    delete from jobs.queue q
    using old
    where q.id = old.id
    returning q.id
  )
  select count(*)::integer
  from gone
$$;

comment on function jobs.purge(integer) is 'Deletes jobs that finished long ago, and says how many';

revoke execute on function jobs.enqueue(text, jsonb, timestamptz, text, uuid) from public;
revoke execute on function jobs.enqueue(text, jsonb) from public;
revoke execute on function jobs.request(text, jsonb, uuid) from public;
revoke execute on function jobs.cancel(uuid) from public;
revoke execute on function jobs.cancel(uuid, text) from public;
revoke execute on function jobs.claim(uuid, text[], integer, interval) from public;
revoke execute on function jobs.heartbeat(uuid, interval) from public;
revoke execute on function jobs.report_progress(uuid, uuid, jsonb) from public;
revoke execute on function jobs.complete(uuid, uuid, jsonb) from public;
revoke execute on function jobs.fail(uuid, uuid, text, boolean) from public;
revoke execute on function jobs.reap(integer) from public;
revoke execute on function jobs.fire_due_schedules(integer) from public;
revoke execute on function jobs.purge(integer) from public;
grant execute on function jobs.enqueue(text, jsonb, timestamptz, text, uuid) to service_role;
grant execute on function jobs.enqueue(text, jsonb) to service_role;
grant execute on function jobs.request(text, jsonb, uuid) to anon, authenticated;
grant execute on function jobs.cancel(uuid) to authenticated;
grant execute on function jobs.cancel(uuid, text) to service_role;
grant execute on function jobs.claim(uuid, text[], integer, interval) to service_role;
grant execute on function jobs.heartbeat(uuid, interval) to service_role;
grant execute on function jobs.report_progress(uuid, uuid, jsonb) to service_role;
grant execute on function jobs.complete(uuid, uuid, jsonb) to service_role;
grant execute on function jobs.fail(uuid, uuid, text, boolean) to service_role;
grant execute on function jobs.reap(integer) to service_role;
grant execute on function jobs.fire_due_schedules(integer) to service_role;
grant execute on function jobs.purge(integer) to service_role;


create function jobs.wake_workers()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  perform pg_notify('jobs', new.queue_name);
  return null;
end
$$;

comment on function jobs.wake_workers() is 'Trigger: tells workers that listen on channel jobs which queue has something';

create trigger touch_updated_at
  before update on jobs.queues
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger touch_updated_at
  before update on jobs.definitions
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger touch_updated_at
  before update of name, definition_id, every, payload, enabled on jobs.schedules
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger wake_on_insert
  after insert on jobs.queue
  for each row
  when (new.state = 'queued' and new.run_at <= now())
  execute function jobs.wake_workers();

create trigger wake_on_retry
  after update of state on jobs.queue
  for each row
  when (old.state <> 'queued' and new.state = 'queued' and new.run_at <= now())
  execute function jobs.wake_workers();


create view jobs.overview
as
select
  n.name as queue_name,
  n.paused,
  count(q.id) filter (where q.state = 'queued' and q.run_at <= now()) as ready,
  count(q.id) filter (where q.state = 'queued' and q.run_at > now()) as later,
  count(q.id) filter (where q.state = 'running') as running,
  count(q.id) filter (where q.state = 'failed') as failed,
  min(q.run_at) filter (where q.state = 'queued' and q.run_at <= now()) as waiting_since,
  (
    select count(*)
    from jobs.workers w
    where n.name = any (w.queues)
      and w.state = 'active'
      and w.heartbeat_at > now() - interval '1 minute'
  ) as workers
from jobs.queues n
left join jobs.queue q on q.queue_name = n.name
group by n.name, n.paused;

comment on view jobs.overview is 'How long each queue is, and who works on it';


alter table jobs.queues enable row level security;
alter table jobs.definitions enable row level security;
alter table jobs.workers enable row level security;
alter table jobs.queue enable row level security;
alter table jobs.attempts enable row level security;
alter table jobs.schedules enable row level security;

create policy own_or_admins_read
  on jobs.queue
  for select
  to authenticated
  using (user_id = (select auth.uid()) or auth.is_member(tenant_id, 'admin'));

create policy own_or_admins_read
  on jobs.attempts
  for select
  to authenticated
  using (
    exists (
      select
      from jobs.queue q
      where q.id = attempts.job_id
    )
  );


grant select, insert, update, delete on jobs.queues to service_role;
grant select, insert, update, delete on jobs.definitions to service_role;
grant select, insert, update, delete on jobs.workers to service_role;
grant select, insert, update, delete on jobs.queue to service_role;
grant select on jobs.queue to authenticated;
grant select, insert, update, delete on jobs.attempts to service_role;
grant select on jobs.attempts to authenticated;
grant select, insert, update, delete on jobs.schedules to service_role;
grant select on jobs.overview to service_role;
