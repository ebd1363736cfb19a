-- Buckets and the objects in them. The bytes are elsewhere; here is what is known about them, and who
-- may have them.

create domain storage.bucket_name as text
  constraint bucket_name_shape check (value ~ '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$' and value !~ '[.][.]');

comment on domain storage.bucket_name is 'A name every object store accepts for a bucket';

create type storage.access as enum (
  'read',
  'write'
);

create type storage.upload_state as enum (
  'open',
  'completing',
  'completed',
  'aborted'
);

comment on type storage.access is 'What a grant on an object allows; write includes read';
comment on type storage.upload_state is 'Where an upload in parts stands';

create function storage.path_is_valid(path text)
  returns boolean
  language sql
  immutable
  strict
  parallel safe
  return length(path) between 1 and 1024
    and path !~ '(^/)|(/$)|(//)|[[:cntrl:]]'
    and path !~ '(^|/)[.][.]?(/|$)';

comment on function storage.path_is_valid(text) is 'Whether a path is relative, without empty, . and .. parts';

create function storage.file_name(path text)
  returns text
  language sql
  immutable
  strict
  parallel safe
  return substring(path from '[^/]*$');

comment on function storage.file_name(text) is 'The last part of a path';

create function storage.folder(path text)
  returns text
  language sql
  immutable
  strict
  parallel safe
  return regexp_replace(path, '/?[^/]*$', '');

comment on function storage.folder(text) is 'A path without its last part, empty at the top';


create table storage.buckets (
  name storage.bucket_name not null,
  tenant_id uuid,
  owner_id uuid default auth.uid(),
  public boolean not null default false,
  versioned boolean not null default false,
  max_object_bytes bigint,
  max_bytes bigint,
  allowed_types text[],
  cache_control text not null default 'private, max-age=0',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint buckets_pkey primary key (name),
  constraint buckets_limits_positive check (max_object_bytes > 0 and max_bytes > 0),
  constraint buckets_allowed_types_some check (cardinality(allowed_types) > 0),
  constraint buckets_tenant_id_fkey foreign key (tenant_id)
    references auth.tenants (id) on delete restrict,
  constraint buckets_owner_id_fkey foreign key (owner_id)
    references auth.users (id) on delete set null
);

comment on table storage.buckets is 'Containers of objects; one without a tenant is the platform''s own';
comment on column storage.buckets.allowed_types is 'Media types, where image/* stands for all of a kind; null allows any';

create index buckets_tenant_id_idx
  on storage.buckets (tenant_id);
create index buckets_owner_id_idx
  on storage.buckets (owner_id);
create index buckets_public_idx
  on storage.buckets (name)
  where public;

create table storage.bucket_usage (
  bucket_name storage.bucket_name not null,
  objects bigint not null default 0,
  bytes bigint not null default 0,
  updated_at timestamptz not null default now(),
  constraint bucket_usage_pkey primary key (bucket_name),
  constraint bucket_usage_not_negative check (objects >= 0 and bytes >= 0),
  constraint bucket_usage_bucket_name_fkey foreign key (bucket_name)
    references storage.buckets (name) on update cascade on delete cascade
)
with (fillfactor = 70);

comment on table storage.bucket_usage is 'How much a bucket holds, kept by triggers on storage.objects';

create table storage.objects (
  id uuid not null default gen_random_uuid(),
  bucket_name storage.bucket_name not null,
  path text not null,
  folder text generated always as (storage.folder(path)) stored,
  file_name text generated always as (storage.file_name(path)) stored,
  owner_id uuid default auth.uid(),
  media_type text not null default 'application/octet-stream',
  bytes bigint not null,
  etag text,
  sha256 bytea,
  version integer not null default 1,
  metadata jsonb not null default '{}',
  last_read_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint objects_pkey primary key (id),
  constraint objects_bucket_name_path_key unique (bucket_name, path),
  constraint objects_path_valid check (storage.path_is_valid(path)),
  constraint objects_bytes_not_negative check (bytes >= 0),
  constraint objects_sha256_length check (octet_length(sha256) = 32),
  constraint objects_media_type_shape check (media_type ~ '^[a-z]+/[a-z0-9][a-z0-9.+_-]*$'),
  constraint objects_metadata_object check (jsonb_typeof(metadata) = 'object'),
  constraint objects_bucket_name_fkey foreign key (bucket_name)
    references storage.buckets (name) on update cascade on delete restrict,
  constraint objects_owner_id_fkey foreign key (owner_id)
    references auth.users (id) on delete set null
);

comment on table storage.objects is 'What is known about each object; the bytes are in the object store';

create index objects_folder_idx
  on storage.objects (bucket_name, folder, file_name collate "C");
create index objects_path_prefix_idx
  on storage.objects (bucket_name, path text_pattern_ops);
create index objects_owner_id_idx
  on storage.objects (owner_id, created_at desc)
  include (bytes);
create index objects_metadata_idx
  on storage.objects using gin (metadata jsonb_path_ops);
create index objects_file_name_idx
  on storage.objects using gin (file_name extensions.gin_trgm_ops);

create table storage.object_grants (
  object_id uuid not null,
  user_id uuid not null,
  access storage.access not null default 'read',
  granted_by uuid default auth.uid(),
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  constraint object_grants_pkey primary key (object_id, user_id),
  constraint object_grants_object_id_fkey foreign key (object_id)
    references storage.objects (id) on delete cascade,
  constraint object_grants_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete cascade,
  constraint object_grants_granted_by_fkey foreign key (granted_by)
    references auth.users (id) on delete set null
);

comment on table storage.object_grants is 'Objects that an owner shares with another user';

create index object_grants_user_id_idx
  on storage.object_grants (user_id);
create index object_grants_granted_by_idx
  on storage.object_grants (granted_by);

create table storage.share_links (
  id uuid not null default gen_random_uuid(),
  object_id uuid not null,
  token_hash bytea not null,
  password_hash text,
  max_downloads integer,
  downloads integer not null default 0,
  created_by uuid default auth.uid(),
  expires_at timestamptz not null default now() + interval '7 days',
  created_at timestamptz not null default now(),
  constraint share_links_pkey primary key (id),
  constraint share_links_token_hash_key unique (token_hash),
  constraint share_links_downloads_range check (downloads >= 0 and downloads <= coalesce(max_downloads, downloads)),
  constraint share_links_object_id_fkey foreign key (object_id)
    references storage.objects (id) on delete cascade,
  constraint share_links_created_by_fkey foreign key (created_by)
    references auth.users (id) on delete cascade
);

comment on table storage.share_links is 'Addresses under which anyone who has them may read an object';

create index share_links_object_id_idx
  on storage.share_links (object_id);
create index share_links_created_by_idx
  on storage.share_links (created_by);
create index share_links_expires_at_idx
  on storage.share_links (expires_at);

create table storage.multipart_uploads (
  id uuid not null default gen_random_uuid(),
  bucket_name storage.bucket_name not null,
  path text not null,
  owner_id uuid default auth.uid(),
  state storage.upload_state not null default 'open',
  media_type text not null default 'application/octet-stream',
  metadata jsonb not null default '{}',
  declared_bytes bigint,
  part_bytes bigint not null default 8388608,
  store_upload_id text,
  expires_at timestamptz not null default now() + interval '1 day',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint multipart_uploads_pkey primary key (id),
  constraint multipart_uploads_path_valid check (storage.path_is_valid(path)),
  constraint multipart_uploads_declared_bytes_positive check (declared_bytes > 0),
  constraint multipart_uploads_part_bytes_range check (part_bytes between 5242880 and 5368709120),
  constraint multipart_uploads_bucket_name_fkey foreign key (bucket_name)
    references storage.buckets (name) on update cascade on delete cascade,
  constraint multipart_uploads_owner_id_fkey foreign key (owner_id)
    references auth.users (id) on delete cascade
);

comment on table storage.multipart_uploads is 'Large objects that arrive in parts';

create unique index multipart_uploads_open_key
  on storage.multipart_uploads (bucket_name, path, owner_id)
  where state in ('open', 'completing');
create index multipart_uploads_owner_id_idx
  on storage.multipart_uploads (owner_id);
create index multipart_uploads_expires_at_idx
  on storage.multipart_uploads (expires_at)
  where state = 'open';

create table storage.multipart_parts (
  upload_id uuid not null,
  part_number smallint not null,
  bytes bigint not null,
  etag text not null,
  sha256 bytea,
  created_at timestamptz not null default now(),
  constraint multipart_parts_pkey primary key (upload_id, part_number),
  constraint multipart_parts_part_number_range check (part_number between 1 and 10000),
  constraint multipart_parts_bytes_positive check (bytes > 0),
  constraint multipart_parts_upload_id_fkey foreign key (upload_id)
    references storage.multipart_uploads (id) on delete cascade
);

comment on table storage.multipart_parts is 'The parts that have arrived';


-- What policies ask. Objects and their grants ask about each other, so neither policy reads the other
-- table: these functions do, as its owner.

create function storage.bucket_is_public(bucket text)
  returns boolean
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select coalesce((select b.public from storage.buckets b where b.name = bucket), false)
$$;

comment on function storage.bucket_is_public(text) is 'Whether anyone may read the objects of a bucket';

create function storage.bucket_is_public(object uuid)
  returns boolean
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select coalesce(
    (
      select b.public
      from storage.objects o
      join storage.buckets b on b.name = o.bucket_name
      where o.id = object
    ),
    false
  )
$$;

comment on function storage.bucket_is_public(uuid) is 'Whether an object is in a bucket that anyone may read';

create function storage.may_upload(bucket text)
  returns boolean
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select exists (
    select
    from storage.buckets b
    where b.name = bucket
      and (b.owner_id = auth.uid() or auth.is_member(b.tenant_id, 'member'))
  )
$$;

comment on function storage.may_upload(text) is 'Whether the caller may put objects into a bucket';

create function storage.owns_object(object uuid)
  returns boolean
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select exists (
    select
    from storage.objects o
    where o.id = object
      and o.owner_id = auth.uid()
  )
$$;

comment on function storage.owns_object(uuid) is 'Whether the caller owns an object';

create function storage.has_grant(object uuid, wanted storage.access)
  returns boolean
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select exists (
    select
    from storage.object_grants g
    where g.object_id = object
      and g.user_id = auth.uid()
      and g.access >= wanted
      and (g.expires_at is null or g.expires_at > now())
  )
$$;

comment on function storage.has_grant(uuid, storage.access) is 'Whether someone shares an object with the caller';

revoke execute on function storage.bucket_is_public(text) from public;
revoke execute on function storage.bucket_is_public(uuid) from public;
revoke execute on function storage.may_upload(text) from public;
revoke execute on function storage.owns_object(uuid) from public;
revoke execute on function storage.has_grant(uuid, storage.access) from public;
grant execute on function storage.bucket_is_public(text) to anon, authenticated, service_role;
grant execute on function storage.bucket_is_public(uuid) to anon, authenticated, service_role;
grant execute on function storage.may_upload(text) to authenticated, service_role;
grant execute on function storage.owns_object(uuid) to authenticated, service_role;
grant execute on function storage.has_grant(uuid, storage.access) to authenticated, service_role;


-- What the application calls.

create function storage.list_folder(bucket text, in_folder text default '', after_name text default '', at_most integer default 100)
  returns table (
    name text,
    is_folder boolean,
    object_id uuid,
    bytes bigint,
    updated_at timestamptz
  )
  language sql
  stable
  set search_path = ''
as $$
  select
    e.name,
    e.object_id is null,
    e.object_id,
    e.bytes,
    e.updated_at
  from (
    select
      o.file_name as name,
      o.id as object_id,
      o.bytes,
      o.updated_at
    from storage.objects o
    where o.bucket_name = bucket
      and o.folder = in_folder
    union all
    select distinct
      split_part(substr(o.folder, length(in_folder) + case when in_folder = '' then 1 else 2 end), '/', 1),
      null::uuid,
      null::bigint,
      null::timestamptz
    from storage.objects o
    where o.bucket_name = bucket
      and o.folder <> in_folder
      and (in_folder = '' or starts_with(o.folder, in_folder || '/'))
  ) e
  where e.name collate "C" > after_name
  order by e.name collate "C", e.object_id nulls first
  limit at_most
$$;

comment on function storage.list_folder(text, text, text, integer) is 'The objects and folders in a folder that the caller may see';

create function storage.create_share_link(object uuid, valid_for interval default '7 days', password text default null)
  returns text
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  token text := auth.new_token(24);
begin
  if not storage.owns_object(object) then
    raise exception using
      errcode = 'insufficient_privilege',
      message = 'only its owner can share an object';
  end if;

  insert into storage.share_links (object_id, token_hash, password_hash, expires_at)
  values (object, auth.hash_token(token), auth.hash_password(password), now() + valid_for);

  return token;
end
$$;

comment on function storage.create_share_link(uuid, interval, text) is 'Makes an address for an object of the caller; it is shown this once';

create function storage.open_share_link(token text, password text default null)
  returns setof storage.objects
  language sql
  volatile
  set search_path = ''
as $$
  with opened as (
    update storage.share_links l
    set downloads = l.downloads + 1
    where l.token_hash = auth.hash_token(token)
      and l.expires_at > now()
      and (l.max_downloads is null or l.downloads < l.max_downloads)
      and (l.password_hash is null or auth.password_matches(password, l.password_hash))
    returning l.object_id
  )
  select o.*
  from storage.objects o
  join opened on opened.object_id = o.id
$$;

comment on function storage.open_share_link(text, text) is 'The object behind a link, counting the download; no row when the link is not valid';

create function storage.complete_upload(upload uuid, etag text)
  returns uuid
  language plpgsql
  set search_path = ''
as $$
declare
  taken storage.multipart_uploads;
  parts record;
  object uuid;
begin
  update storage.multipart_uploads u
  set state = 'completed'
  where u.id = upload
    and u.state in ('open', 'completing')
  returning u.* into taken;

  if not found then
    raise exception using
      errcode = 'no_data_found',
      message = format('upload %s is not open', upload);
  end if;

  select
    coalesce(sum(p.bytes), 0) as bytes,
    count(*) as number,
    coalesce(max(p.part_number), 0) as last
  into parts
  from storage.multipart_parts p
  where p.upload_id = upload;

  if parts.number = 0 or parts.number <> parts.last or parts.bytes <> coalesce(taken.declared_bytes, parts.bytes) then
    raise exception using
      errcode = 'object_not_in_prerequisite_state',
      message = format('upload %s lacks parts', upload),
      detail = format('%s parts, the last is number %s, %s of %s bytes', parts.number, parts.last, parts.bytes, taken.declared_bytes);
  end if;

  insert into storage.objects as o (bucket_name, path, owner_id, media_type, bytes, etag, metadata)
  values (taken.bucket_name, taken.path, taken.owner_id, taken.media_type, parts.bytes, complete_upload.etag, taken.metadata)
  on conflict (bucket_name, path) do update
  set
    media_type = excluded.media_type,
    bytes = excluded.bytes,
    etag = excluded.etag,
    metadata = excluded.metadata,
    sha256 = null,
    version = o.version + 1
  returning o.id into object;

  return object;
end
$$;

comment on function storage.complete_upload(uuid, text) is 'Turns the parts of an upload into an object';

revoke execute on function storage.create_share_link(uuid, interval, text) from public;
revoke execute on function storage.open_share_link(text, text) from public;
revoke execute on function storage.complete_upload(uuid, text) from public;
grant execute on function storage.create_share_link(uuid, interval, text) to authenticated;
grant execute on function storage.open_share_link(text, text) to service_role;
grant execute on function storage.complete_upload(uuid, text) to service_role;


-- Triggers.

create function storage.enforce_bucket_limits()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  bucket storage.buckets;
  added bigint := new.bytes;
begin
  select b.*
  into bucket
  from storage.buckets b
  where b.name = new.bucket_name;

  if tg_op = 'UPDATE' then
    added := new.bytes - old.bytes;
  end if;

  if new.bytes > bucket.max_object_bytes then
    raise exception using
      errcode = 'check_violation',
      message = format('%s bytes are more than bucket %I takes for an object', new.bytes, bucket.name),
      constraint = 'objects_max_object_bytes';
  end if;

  if bucket.max_bytes is not null and added > 0 and exists (
    select
    from storage.bucket_usage u
    where u.bucket_name = bucket.name
      and u.bytes + added > bucket.max_bytes
  ) then
    raise exception using
      errcode = 'check_violation',
      message = format('bucket %I is full', bucket.name),
      constraint = 'objects_max_bytes';
  end if;

  if not (new.media_type = any (bucket.allowed_types) or split_part(new.media_type, '/', 1) || '/*' = any (bucket.allowed_types)) then
    raise exception using
      errcode = 'check_violation',
      message = format('bucket %I takes no %s', bucket.name, new.media_type),
      constraint = 'objects_allowed_types';
  end if;

  return new;
end
$$;

comment on function storage.enforce_bucket_limits() is 'Trigger: holds an object to the limits of its bucket';

create function storage.count_usage()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  if tg_op in ('INSERT', 'UPDATE') then
    insert into storage.bucket_usage as u (bucket_name, objects, bytes)
    select a.bucket_name, count(*), sum(a.bytes)
    from added a
    group by a.bucket_name
    order by a.bucket_name
    on conflict (bucket_name) do update
    set
      objects = u.objects + excluded.objects,
      bytes = u.bytes + excluded.bytes,
      updated_at = now();
  end if;

  if tg_op in ('UPDATE', 'DELETE') then
    update storage.bucket_usage u
    set
      objects = u.objects - r.objects,
      bytes = u.bytes - r.bytes,
      updated_at = now()
    from (
      select g.bucket_name, count(*) as objects, sum(g.bytes) as bytes
      from removed g
      group by g.bucket_name
    ) r
    where u.bucket_name = r.bucket_name;
  end if;

  return null;
end
$$;

comment on function storage.count_usage() is 'Trigger: keeps storage.bucket_usage, once a statement';

create trigger touch_updated_at
  before update on storage.buckets
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger record_change
  after insert or update or delete on storage.buckets
  for each row
  execute function auth.record_change('name');

create trigger enforce_bucket_limits
  before insert or update of bucket_name, bytes, media_type on storage.objects
  for each row
  execute function storage.enforce_bucket_limits();

create trigger touch_updated_at
  before update of path, media_type, bytes, etag, metadata, version on storage.objects
  for each row
  execute function app.touch_updated_at();

create trigger count_inserted
  after insert on storage.objects
  referencing new table as added
  for each statement
  execute function storage.count_usage();

create trigger count_updated
  after update on storage.objects
  referencing old table as removed new table as added
  for each statement
  execute function storage.count_usage();

create trigger count_deleted
  after delete on storage.objects
  referencing old table as removed
  for each statement
  execute function storage.count_usage();

create trigger touch_updated_at
  before update on storage.multipart_uploads
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();


create view storage.bucket_overview
as
select
  b.name,
  b.tenant_id,
  b.public,
  coalesce(u.objects, 0) as objects,
  coalesce(u.bytes, 0) as bytes,
  b.max_bytes,
  round(100.0 * coalesce(u.bytes, 0) / b.max_bytes, 1) as percent_full
from storage.buckets b
left join storage.bucket_usage u on u.bucket_name = b.name;

comment on view storage.bucket_overview is 'How full each bucket is';


-- Row level security.

alter table storage.buckets enable row level security;
alter table storage.bucket_usage enable row level security;
alter table storage.objects enable row level security;
alter table storage.object_grants enable row level security;
alter table storage.share_links enable row level security;
alter table storage.multipart_uploads enable row level security;
alter table storage.multipart_parts enable row level security;

create policy public_read
  on storage.buckets
  for select
  to anon, authenticated
  using (public);

create policy members_read
  on storage.buckets
  for select
  to authenticated
  using (owner_id = (select auth.uid()) or auth.is_member(tenant_id));

create policy admins_insert
  on storage.buckets
  for insert
  to authenticated
  with check (owner_id = (select auth.uid()) and auth.is_member(tenant_id, 'admin'));

create policy admins_update
  on storage.buckets
  for update
  to authenticated
  using (auth.is_member(tenant_id, 'admin'))
  with check (auth.is_member(tenant_id, 'admin'));

create policy admins_delete
  on storage.buckets
  for delete
  to authenticated
  using (auth.is_member(tenant_id, 'admin'));

create policy members_read
  on storage.bucket_usage
  for select
  to authenticated
  using (
    exists (
      select
      from storage.buckets b
      where b.name = bucket_usage.bucket_name
    )
  );

create policy public_read
  on storage.objects
  for select
  to anon, authenticated
  using (storage.bucket_is_public(bucket_name));

create policy own_or_shared_read
  on storage.objects
  for select
  to authenticated
  using (owner_id = (select auth.uid()) or storage.has_grant(id, 'read'));

create policy own_insert
  on storage.objects
  for insert
  to authenticated
  with check (owner_id = (select auth.uid()) and storage.may_upload(bucket_name));

create policy own_or_shared_update
  on storage.objects
  for update
  to authenticated
  using (owner_id = (select auth.uid()) or storage.has_grant(id, 'write'))
  with check (owner_id = (select auth.uid()) or storage.has_grant(id, 'write'));

create policy own_delete
  on storage.objects
  for delete
  to authenticated
  using (owner_id = (select auth.uid()));

create policy receivers_read
  on storage.object_grants
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy owners_all
  on storage.object_grants
  to authenticated
  using (storage.owns_object(object_id))
  with check (storage.owns_object(object_id));

create policy own_read
  on storage.share_links
  for select
  to authenticated
  using (created_by = (select auth.uid()));

create policy own_delete
  on storage.share_links
  for delete
  to authenticated
  using (created_by = (select auth.uid()));

create policy own_read
  on storage.multipart_uploads
  for select
  to authenticated
  using (owner_id = (select auth.uid()));

create policy own_insert
  on storage.multipart_uploads
  for insert
  to authenticated
  with check (
    owner_id = (select auth.uid())
    and state = 'open'
    and storage.may_upload(bucket_name)
  );

create policy own_abort
  on storage.multipart_uploads
  for update
  to authenticated
  using (owner_id = (select auth.uid()) and state = 'open')
  with check (owner_id = (select auth.uid()) and state = 'aborted');

create policy own_read
  on storage.multipart_parts
  for select
  to authenticated
  using (
    exists (
      select
      from storage.multipart_uploads u
      where u.id = multipart_parts.upload_id
    )
  );


grant select, insert, update, delete on storage.buckets to service_role;
grant select, insert, delete on storage.buckets to authenticated;
grant update (public, versioned, max_object_bytes, allowed_types, cache_control) on storage.buckets to authenticated;
grant select (name, public, cache_control) on storage.buckets to anon;
grant select, insert, update, delete on storage.bucket_usage to service_role;
grant select on storage.bucket_usage to authenticated;
grant select, insert, update, delete on storage.objects to service_role;
grant select on storage.objects to anon;
grant select, delete on storage.objects to authenticated;
grant insert (bucket_name, path, media_type, bytes, etag, sha256, metadata) on storage.objects to authenticated;
grant update (path, media_type, bytes, etag, sha256, metadata, version) on storage.objects to authenticated;
grant select, insert, update, delete on storage.object_grants to service_role;
grant select, insert, update, delete on storage.object_grants to authenticated;
grant select, insert, update, delete on storage.share_links to service_role;
grant select (id, object_id, max_downloads, downloads, created_by, expires_at, created_at)
  on storage.share_links to authenticated;
grant delete on storage.share_links to authenticated;
grant select, insert, update, delete on storage.multipart_uploads to service_role;
grant select on storage.multipart_uploads to authenticated;
grant insert (bucket_name, path, media_type, metadata, declared_bytes, part_bytes)
  on storage.multipart_uploads to authenticated;
grant update (state) on storage.multipart_uploads to authenticated;
grant select, insert, update, delete on storage.multipart_parts to service_role;
grant select on storage.multipart_parts to authenticated;
grant select on storage.bucket_overview to service_role;
