-- What every other file builds on. These are in schema app, the rest of which follows in 70_app.sql.

create domain app.slug as text
  constraint slug_shape check (value ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$');

comment on domain app.slug is 'A name that is safe in a URL and as a host name';

create domain app.locale as text
  constraint locale_shape check (value ~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$');

comment on domain app.locale is 'A language tag such as en, pt-BR or zh-Hant-TW';

create domain app.http_url as text
  constraint http_url_scheme check (value ~ '^https?://[^[:space:]/]+')
  constraint http_url_length check (length(value) <= 2048);

comment on domain app.http_url is 'An absolute http or https address';

create type app.channel as enum (
  'email',
  'sms',
  'push',
  'in_app'
);

comment on type app.channel is 'How a message reaches a person';

create function app.touch_updated_at()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;

comment on function app.touch_updated_at() is 'Trigger: sets updated_at';

create function app.refuse_change()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  raise exception using
    errcode = 'restrict_violation',
    message = format('%s on %I.%I: its rows are written once', lower(tg_op), tg_table_schema, tg_table_name);
end
$$;

comment on function app.refuse_change() is 'Trigger: keeps the rows of an append-only table as they were written';
