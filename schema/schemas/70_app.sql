-- What the application itself is set up with. The types and the trigger functions of this schema are in
-- 05_common.sql.

create table app.settings (
  key text not null,
  value jsonb not null,
  value_type text not null generated always as (jsonb_typeof(value)) stored,
  description text not null default '',
  public boolean not null default false,
  secret boolean not null default false,
  updated_by uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint settings_pkey primary key (key),
  constraint settings_key_shape check (key ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*$'),
  constraint settings_public_or_secret check (not (public and secret)),
  constraint settings_updated_by_fkey foreign key (updated_by)
    references auth.users (id) on delete set null
);

comment on table app.settings is 'Settings of the platform, by dotted name';

create index settings_updated_by_idx
  on app.settings (updated_by);
create index settings_public_idx
  on app.settings (key text_pattern_ops)
  where public;

create table app.tenant_settings (
  tenant_id uuid not null,
  key text not null,
  value jsonb not null,
  updated_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tenant_settings_pkey primary key (tenant_id, key),
  constraint tenant_settings_tenant_id_fkey foreign key (tenant_id)
    references auth.tenants (id) on delete cascade,
  constraint tenant_settings_key_fkey foreign key (key)
    references app.settings (key) on update cascade on delete cascade,
  constraint tenant_settings_updated_by_fkey foreign key (updated_by)
    references auth.users (id) on delete set null
);

comment on table app.tenant_settings is 'Where a tenant wants a setting to be different';

create index tenant_settings_key_idx
  on app.tenant_settings (key);
create index tenant_settings_updated_by_idx
  on app.tenant_settings (updated_by);

create table app.feature_flags (
  key text not null,
  description text not null default '',
  enabled boolean not null default false,
  rollout_percent numeric(5, 2) not null default 100,
  salt text not null default md5(random()::text),
  public boolean not null default false,
  expires_on date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint feature_flags_pkey primary key (key),
  constraint feature_flags_key_shape check (key ~ '^[a-z][a-z0-9-]*$'),
  constraint feature_flags_rollout_range check (rollout_percent between 0 and 100)
);

comment on table app.feature_flags is 'Features that are on for some';
comment on column app.feature_flags.salt is 'Another salt picks other users for the same percentage';

create table app.feature_flag_overrides (
  id bigint not null generated always as identity,
  flag_key text not null,
  tenant_id uuid,
  user_id uuid,
  enabled boolean not null,
  created_at timestamptz not null default now(),
  constraint feature_flag_overrides_pkey primary key (id),
  constraint feature_flag_overrides_one_target check (num_nonnulls(tenant_id, user_id) = 1),
  constraint feature_flag_overrides_flag_key_fkey foreign key (flag_key)
    references app.feature_flags (key) on update cascade on delete cascade,
  constraint feature_flag_overrides_tenant_id_fkey foreign key (tenant_id)
    references auth.tenants (id) on delete cascade,
  constraint feature_flag_overrides_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete cascade
);

comment on table app.feature_flag_overrides is 'Tenants and users for whom a feature is on or off, whatever the percentage';

create unique index feature_flag_overrides_target_key
  on app.feature_flag_overrides (flag_key, coalesce(tenant_id, user_id));
create index feature_flag_overrides_tenant_id_idx
  on app.feature_flag_overrides (tenant_id)
  where tenant_id is not null;
create index feature_flag_overrides_user_id_idx
  on app.feature_flag_overrides (user_id)
  where user_id is not null;

create table app.templates (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid,
  key app.slug not null,
  channel app.channel not null,
  description text not null default '',
  variables text[] not null default '{}',
  fallback_locale app.locale not null default 'en',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint templates_pkey primary key (id),
  constraint templates_tenant_id_fkey foreign key (tenant_id)
    references auth.tenants (id) on delete cascade
);

comment on table app.templates is 'What the platform writes to people; a tenant''s own comes before the platform''s';

create unique index templates_tenant_key_channel_key
  on app.templates (tenant_id, key, channel)
  where tenant_id is not null;
create unique index templates_platform_key_channel_key
  on app.templates (key, channel)
  where tenant_id is null;

create table app.template_texts (
  template_id uuid not null,
  locale app.locale not null,
  subject text,
  body text not null,
  html text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint template_texts_pkey primary key (template_id, locale),
  constraint template_texts_subject_one_line check (subject !~ '[[:cntrl:]]'),
  constraint template_texts_template_id_fkey foreign key (template_id)
    references app.templates (id) on delete cascade
);

comment on table app.template_texts is 'The text of a template in each language';

create table app.notifications (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  tenant_id uuid,
  template_id uuid,
  topic text not null default 'general',
  title text not null,
  body text not null default '',
  link text,
  data jsonb not null default '{}',
  sent_to app.channel[] not null default '{in_app}',
  read_at timestamptz,
  archived_at timestamptz,
  created_at timestamptz not null default now(),
  constraint notifications_pkey primary key (id),
  constraint notifications_title_length check (length(title) between 1 and 200),
  constraint notifications_link_shape check (link ~ '^(/|https?://)'),
  constraint notifications_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete cascade,
  constraint notifications_tenant_id_fkey foreign key (tenant_id)
    references auth.tenants (id) on delete cascade,
  constraint notifications_template_id_fkey foreign key (template_id)
    references app.templates (id) on delete set null
);

comment on table app.notifications is 'What users are told in the application';

create index notifications_inbox_idx
  on app.notifications (user_id, created_at desc)
  where archived_at is null;
create index notifications_unread_idx
  on app.notifications (user_id)
  where read_at is null and archived_at is null;
create index notifications_tenant_id_idx
  on app.notifications (tenant_id)
  where tenant_id is not null;
create index notifications_template_id_idx
  on app.notifications (template_id)
  where template_id is not null;

create table app.notification_preferences (
  user_id uuid not null default auth.uid(),
  topic text not null,
  channel app.channel not null,
  wanted boolean not null default true,
  updated_at timestamptz not null default now(),
  constraint notification_preferences_pkey primary key (user_id, topic, channel),
  constraint notification_preferences_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete cascade
);

comment on table app.notification_preferences is 'What users want to hear of, and how; what is not here is wanted';

create table app.maintenance_windows (
  id integer not null generated always as identity,
  during tstzrange not null,
  reason text not null,
  read_only boolean not null default true,
  cancelled_at timestamptz,
  created_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  constraint maintenance_windows_pkey primary key (id),
  constraint maintenance_windows_bounded check (
    not isempty(during)
    and not lower_inf(during)
    and not upper_inf(during)
  ),
  constraint maintenance_windows_apart exclude using gist (during with &&) where (cancelled_at is null),
  constraint maintenance_windows_created_by_fkey foreign key (created_by)
    references auth.users (id) on delete set null
);

comment on table app.maintenance_windows is 'When the application is closed; no two at the same time';

create index maintenance_windows_created_by_idx
  on app.maintenance_windows (created_by);


create function app.setting(key text)
  returns jsonb
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select coalesce(t.value, s.value)
  from app.settings s
  left join app.tenant_settings t
    on t.key = s.key
    and t.tenant_id = auth.tenant_id()
    and auth.is_member(t.tenant_id)
  where s.key = setting.key
    and not s.secret
    and (s.public or auth.uid() is not null)
$$;

comment on function app.setting(text) is 'A setting as it is for the caller, who never sees a secret one';

create function app.setting(key text, otherwise text)
  returns text
  language sql
  stable
  set search_path = ''
as $$
  select coalesce(app.setting(setting.key) #>> '{}', otherwise)
$$;

comment on function app.setting(text, text) is 'A setting as text, or something else where there is none';

create function app.setting(key text, otherwise integer)
  returns integer
  language sql
  stable
  set search_path = ''
as $$
  select coalesce((app.setting(setting.key) #>> '{}')::integer, otherwise)
$$;

comment on function app.setting(text, integer) is 'A setting as a number, or another where there is none';

create function app.is_enabled(flag text, for_user uuid, for_tenant uuid)
  returns boolean
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select coalesce(
    (
      select
        f.enabled
        and (f.expires_on is null or f.expires_on >= (now() at time zone 'UTC')::date)
        and coalesce(
          (
            select o.enabled
            from app.feature_flag_overrides o
            where o.flag_key = f.key
              and (o.user_id = for_user or o.tenant_id = for_tenant)
            order by o.user_id nulls last
            limit 1
          ),
          -- The same user falls into the same hundredth of a percent every time.
          abs(hashtextextended(f.salt || coalesce(for_user, for_tenant)::text, 0) % 10000) < f.rollout_percent * 100,
          f.rollout_percent = 100
        )
      from app.feature_flags f
      where f.key = flag
    ),
    false
  )
$$;

comment on function app.is_enabled(text, uuid, uuid) is 'Whether a feature is on for a user in a tenant';

create function app.is_enabled(flag text)
  returns boolean
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select app.is_enabled(flag, auth.uid(), auth.tenant_id())
$$;

comment on function app.is_enabled(text) is 'Whether a feature is on for the caller';

create function app.notify(to_user uuid, title text, body text default '', topic text default 'general', link text default null)
  returns uuid
  language sql
  volatile
  set search_path = ''
as $$
  insert into app.notifications (user_id, topic, title, body, link, sent_to)
  select
    u.id,
    notify.topic,
    notify.title,
    notify.body,
    notify.link,
    array(
      select c.channel
      from unnest(enum_range(null::app.channel)) as c (channel)
      where (c.channel <> 'email' or u.email_confirmed_at is not null)
        and (c.channel <> 'sms' or u.phone_confirmed_at is not null)
        and not exists (
          select
          from app.notification_preferences p
          where p.user_id = u.id
            and p.topic = notify.topic
            and p.channel = c.channel
            and not p.wanted
        )
    )
  from auth.users u
  where u.id = notify.to_user
    and u.deleted_at is null
  returning id
$$;

comment on function app.notify(uuid, text, text, text, text) is 'Tells a user something, by the channels they want; null for a user who is gone';

create function app.template_text(key text, channel app.channel, locale text, tenant uuid default null)
  returns setof app.template_texts
  language sql
  stable
  set search_path = ''
as $$
  select x.*
  from app.templates t
  join app.template_texts x on x.template_id = t.id
  where t.key = template_text.key
    and t.channel = template_text.channel
    and (t.tenant_id = template_text.tenant or t.tenant_id is null)
    and x.locale in (template_text.locale, split_part(template_text.locale, '-', 1), t.fallback_locale)
  order by
    t.tenant_id nulls last,
    x.locale = template_text.locale desc,
    x.locale = split_part(template_text.locale, '-', 1) desc
  limit 1
$$;

comment on function app.template_text(text, app.channel, text, uuid) is 'The text of a template in the language that comes nearest';

create function app.under_maintenance(at_time timestamptz default now())
  returns boolean
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select exists (
    select
    from app.maintenance_windows w
    where w.during @> at_time
      and w.cancelled_at is null
  )
$$;

comment on function app.under_maintenance(timestamptz) is 'Whether the application is closed at a time';

revoke execute on function app.setting(text) from public;
revoke execute on function app.is_enabled(text, uuid, uuid) from public;
revoke execute on function app.is_enabled(text) from public;
revoke execute on function app.notify(uuid, text, text, text, text) from public;
revoke execute on function app.template_text(text, app.channel, text, uuid) from public;
revoke execute on function app.under_maintenance(timestamptz) from public;
grant execute on function app.setting(text) to anon, authenticated, service_role;
grant execute on function app.is_enabled(text, uuid, uuid) to service_role;
grant execute on function app.is_enabled(text) to anon, authenticated, service_role;
grant execute on function app.notify(uuid, text, text, text, text) to service_role;
grant execute on function app.template_text(text, app.channel, text, uuid) to service_role;
grant execute on function app.under_maintenance(timestamptz) to anon, authenticated, service_role;


create function app.note_editor()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  new.updated_at := now();
  new.updated_by := coalesce(auth.uid(), new.updated_by);
  return new;
end
$$;

comment on function app.note_editor() is 'Trigger: sets updated_at and updated_by';

create trigger note_editor
  before insert or update on app.settings
  for each row
  execute function app.note_editor();

create trigger record_change
  after insert or update or delete on app.settings
  for each row
  execute function auth.record_change('key', 'value');

create trigger note_editor
  before update on app.tenant_settings
  for each row
  when (old.* is distinct from new.*)
  execute function app.note_editor();

create trigger touch_updated_at
  before update on app.feature_flags
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger record_change
  after insert or update or delete on app.feature_flags
  for each row
  execute function auth.record_change('key', 'salt');

create trigger touch_updated_at
  before update on app.templates
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger touch_updated_at
  before update on app.template_texts
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger publish_change
  after insert or update or delete on app.notifications
  for each row
  execute function realtime.publish_change();

create trigger touch_updated_at
  before update on app.notification_preferences
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();


create view app.unread
  with (security_barrier = true)
as
select
  n.topic,
  count(*) as unread,
  max(n.created_at) as newest
from app.notifications n
where n.user_id = auth.uid()
  and n.read_at is null
  and n.archived_at is null
group by n.topic;

comment on view app.unread is 'How much the caller has not read yet';


alter table app.settings enable row level security;
alter table app.tenant_settings enable row level security;
alter table app.feature_flags enable row level security;
alter table app.feature_flag_overrides enable row level security;
alter table app.templates enable row level security;
alter table app.template_texts enable row level security;
alter table app.notifications enable row level security;
alter table app.notification_preferences enable row level security;
alter table app.maintenance_windows enable row level security;

create policy public_read
  on app.settings
  for select
  to anon, authenticated
  using (public);

create policy members_read
  on app.tenant_settings
  for select
  to authenticated
  using (auth.is_member(tenant_id));

create policy admins_write
  on app.tenant_settings
  to authenticated
  using (auth.is_member(tenant_id, 'admin'))
  with check (auth.is_member(tenant_id, 'admin'));

create policy public_read
  on app.feature_flags
  for select
  to anon, authenticated
  using (public and enabled);

create policy admins_all
  on app.templates
  to authenticated
  using (auth.is_member(tenant_id, 'admin'))
  with check (auth.is_member(tenant_id, 'admin'));

create policy admins_all
  on app.template_texts
  to authenticated
  using (
    exists (
      select
      from app.templates t
      where t.id = template_texts.template_id
    )
  )
  with check (
    exists (
      select
      from app.templates t
      where t.id = template_texts.template_id
    )
  );

create policy own_read
  on app.notifications
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy own_update
  on app.notifications
  for update
  to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));

create policy own_delete
  on app.notifications
  for delete
  to authenticated
  using (user_id = (select auth.uid()) and archived_at is not null);

create policy own_all
  on app.notification_preferences
  to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));

create policy upcoming_read
  on app.maintenance_windows
  for select
  to anon, authenticated
  using (cancelled_at is null and upper(during) > now());


grant select, insert, update, delete on app.settings to service_role;
grant select (key, value, value_type, description, public) on app.settings to anon, authenticated;
grant select, insert, update, delete on app.tenant_settings to service_role;
grant select, delete on app.tenant_settings to authenticated;
grant insert (tenant_id, key, value), update (value) on app.tenant_settings to authenticated;
grant select, insert, update, delete on app.feature_flags to service_role;
grant select (key, description) on app.feature_flags to anon, authenticated;
grant select, insert, update, delete on app.feature_flag_overrides to service_role;
grant select, insert, update, delete on app.templates to service_role;
grant select, insert, update, delete on app.templates to authenticated;
grant select, insert, update, delete on app.template_texts to service_role;
grant select, insert, update, delete on app.template_texts to authenticated;
grant select, insert, update, delete on app.notifications to service_role;
grant select, delete on app.notifications to authenticated;
grant update (read_at, archived_at) on app.notifications to authenticated;
grant select, insert, update, delete on app.notification_preferences to service_role;
grant select, insert, update, delete on app.notification_preferences to authenticated;
grant select, insert, update, delete on app.maintenance_windows to service_role;
grant select (id, during, reason, read_only) on app.maintenance_windows to anon, authenticated;
grant select on app.unread to authenticated;
