-- Tenants, users and how they prove who they are.
--
-- Row level security is on for every table and forced on none: the functions marked `security definer`
-- run as the owner of the tables and so look past the policies. That is how a policy on a table can ask
-- about rows of the same table without asking itself. service_role has BYPASSRLS; a table without any
-- policy is for it alone.

create domain auth.email as text
  constraint email_shape check (value ~ '^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:].]+$')
  constraint email_length check (length(value) <= 254);

comment on domain auth.email is 'An address as it was typed; compare auth.normalize_email() of it';

create type auth.membership_role as enum (
  'viewer',
  'member',
  'admin',
  'owner'
);

comment on type auth.membership_role is 'What a user may do in a tenant, from least to most: roles compare with < and >=';

create type auth.factor_kind as enum (
  'totp',
  'webauthn',
  'phone'
);

create type auth.token_purpose as enum (
  'confirm_email',
  'change_email',
  'reset_password',
  'magic_link',
  'reauthenticate'
);

create type auth.sso_kind as enum (
  'saml',
  'oidc'
);

create type auth.delivery_state as enum (
  'pending',
  'sending',
  'delivered',
  'abandoned'
);

comment on type auth.factor_kind is 'What a second factor is';
comment on type auth.token_purpose is 'What a one-time token is good for';
comment on type auth.sso_kind is 'The protocol of an identity provider';
comment on type auth.delivery_state is 'Where a webhook delivery stands';


-- The caller, as the request's claims tell it. A request without claims is anonymous.

create function auth.jwt()
  returns jsonb
  language sql
  stable
  parallel safe
  return coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb;

comment on function auth.jwt() is 'The claims of the present request, an empty object when there are none';

create function auth.claim_as_uuid(claim text)
  returns uuid
  language sql
  stable
  parallel safe
  return case
    when (auth.jwt() ->> claim) ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      then (auth.jwt() ->> claim)::uuid
  end;

comment on function auth.claim_as_uuid(text) is 'A claim as a uuid; null when it is missing or something else';

create function auth.uid()
  returns uuid
  language sql
  stable
  parallel safe
  return auth.claim_as_uuid('sub');

comment on function auth.uid() is 'The user who makes the present request';

create function auth.role()
  returns text
  language sql
  stable
  parallel safe
  return coalesce(auth.jwt() ->> 'role', 'anon');

comment on function auth.role() is 'The role the present request was made with: anon, authenticated or service_role';

create function auth.tenant_id()
  returns uuid
  language sql
  stable
  parallel safe
  return auth.claim_as_uuid('tenant_id');

comment on function auth.tenant_id() is 'The tenant the present request is made for';

create function auth.session_id()
  returns uuid
  language sql
  stable
  parallel safe
  return auth.claim_as_uuid('session_id');

comment on function auth.session_id() is 'The session the present request belongs to';

create function auth.assurance()
  returns text
  language sql
  stable
  parallel safe
  return coalesce(auth.jwt() ->> 'aal', 'aal1');

comment on function auth.assurance() is 'aal2 when the present request was made after a second factor, else aal1';


-- Functions that generated columns, checks and indexes are made of. They name everything in full: the
-- statements that build those run with a search_path of their own.

create function auth.normalize_email(address text)
  returns text
  language sql
  immutable
  strict
  parallel safe
  return lower(btrim(address));

comment on function auth.normalize_email(text) is 'The form in which two addresses are the same';

create function auth.scopes_are_valid(scopes text[])
  returns boolean
  language sql
  immutable
  strict
  parallel safe
as $$
  select coalesce(pg_catalog.bool_and(s is not null and s ~ '^[a-z_]+:([a-z_]+|[*])$'), true)
  from pg_catalog.unnest(scopes) as s
$$;

comment on function auth.scopes_are_valid(text[]) is 'Whether every scope reads area:verb or area:*';

create function auth.hash_token(token text)
  returns bytea
  language sql
  immutable
  strict
  parallel safe
as $$
  select pg_catalog.sha256(pg_catalog.convert_to(token, 'UTF8'))
$$;

comment on function auth.hash_token(text) is 'What is kept of a random token; not for passwords';

create function auth.new_token(bytes integer default 32)
  returns text
  language sql
  volatile
  set search_path = ''
as $$
  select rtrim(translate(encode(extensions.gen_random_bytes(bytes), 'base64'), E'+/\n', '-_'), '=')
$$;

comment on function auth.new_token(integer) is 'A random token, safe in a URL';

create function auth.hash_password(password text)
  returns text
  language sql
  volatile
  strict
  set search_path = ''
as $$
  select extensions.crypt(password, extensions.gen_salt('bf', 11))
$$;

comment on function auth.hash_password(text) is 'A salted hash of a password';

create function auth.password_matches(password text, hash text)
  returns boolean
  language sql
  immutable
  set search_path = ''
as $$
  select coalesce(extensions.crypt(password, hash) = hash, false)
$$;

comment on function auth.password_matches(text, text) is 'Whether a password is the one that was hashed';

revoke execute on function auth.new_token(integer) from public;
revoke execute on function auth.hash_password(text) from public;
revoke execute on function auth.password_matches(text, text) from public;
grant execute on function auth.new_token(integer) to authenticated, service_role;
grant execute on function auth.hash_password(text) to service_role;
grant execute on function auth.password_matches(text, text) to service_role;


-- Tenants and users.

create table auth.tenants (
  id uuid not null default gen_random_uuid(),
  slug app.slug not null,
  name text not null,
  plan text not null default 'free',
  settings jsonb not null default '{}',
  suspended_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tenants_pkey primary key (id),
  constraint tenants_name_length check (length(name) between 1 and 200),
  constraint tenants_plan_known check (plan in ('free', 'team', 'business')),
  constraint tenants_settings_object check (jsonb_typeof(settings) = 'object')
);

comment on table auth.tenants is 'Organisations that share nothing with one another';
comment on column auth.tenants.deleted_at is 'Kept for a while after it was deleted; the slug is free again at once';

create unique index tenants_slug_key
  on auth.tenants (slug)
  where deleted_at is null;

create table auth.users (
  id uuid not null default gen_random_uuid(),
  email auth.email,
  email_normalized text generated always as (auth.normalize_email(email)) stored,
  email_confirmed_at timestamptz,
  phone text,
  phone_confirmed_at timestamptz,
  password_hash text,
  role text not null default 'authenticated',
  display_name text not null default '',
  locale app.locale not null default 'en',
  avatar_object_id uuid,
  user_metadata jsonb not null default '{}',
  app_metadata jsonb not null default '{}',
  failed_sign_ins smallint not null default 0,
  locked_until timestamptz,
  banned_until timestamptz,
  last_sign_in_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint users_pkey primary key (id),
  constraint users_reachable check (deleted_at is not null or num_nonnulls(email, phone) > 0),
  constraint users_phone_shape check (phone ~ '^[+][1-9][0-9]{6,14}$'),
  constraint users_role_known check (role in ('authenticated', 'service_role')),
  constraint users_display_name_length check (length(display_name) <= 200),
  constraint users_user_metadata_object check (jsonb_typeof(user_metadata) = 'object'),
  constraint users_app_metadata_object check (jsonb_typeof(app_metadata) = 'object'),
  constraint users_failed_sign_ins_positive check (failed_sign_ins >= 0)
);

comment on table auth.users is 'Everyone who can sign in';
comment on column auth.users.user_metadata is 'What users say about themselves: never decide a permission by it';
comment on column auth.users.app_metadata is 'What the application says about the user, written by service_role only';
comment on column auth.users.avatar_object_id is 'Its foreign key is in 90_foreign_keys.sql: storage.objects refers back to users';

create unique index users_email_key
  on auth.users (email_normalized)
  where deleted_at is null;
create unique index users_phone_key
  on auth.users (phone)
  where deleted_at is null;
create index users_app_metadata_idx
  on auth.users using gin (app_metadata jsonb_path_ops);
create index users_search_idx
  on auth.users using gin (display_name extensions.gin_trgm_ops, email_normalized extensions.gin_trgm_ops);
create index users_created_at_idx
  on auth.users (created_at desc)
  include (display_name);
create index users_avatar_object_id_idx
  on auth.users (avatar_object_id)
  where avatar_object_id is not null;

create table auth.memberships (
  tenant_id uuid not null,
  user_id uuid not null,
  role auth.membership_role not null default 'member',
  invited_by uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint memberships_pkey primary key (tenant_id, user_id),
  constraint memberships_tenant_id_fkey foreign key (tenant_id)
    references auth.tenants (id) on delete cascade,
  constraint memberships_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete cascade,
  constraint memberships_invited_by_fkey foreign key (invited_by)
    references auth.users (id) on delete set null
);

comment on table auth.memberships is 'Who belongs to which tenant';

create index memberships_user_id_idx
  on auth.memberships (user_id)
  include (tenant_id, role);
create index memberships_invited_by_idx
  on auth.memberships (invited_by);
create index memberships_owners_idx
  on auth.memberships (tenant_id)
  where role = 'owner';

create table auth.invitations (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid not null,
  email auth.email not null,
  role auth.membership_role not null default 'member',
  token_hash bytea not null,
  invited_by uuid,
  expires_at timestamptz not null default now() + interval '7 days',
  accepted_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  constraint invitations_pkey primary key (id),
  constraint invitations_token_hash_key unique (token_hash),
  constraint invitations_expires_later check (expires_at > created_at),
  constraint invitations_one_end check (num_nonnulls(accepted_at, revoked_at) <= 1),
  constraint invitations_not_owner check (role < 'owner'::auth.membership_role),
  constraint invitations_tenant_id_fkey foreign key (tenant_id)
    references auth.tenants (id) on delete cascade,
  constraint invitations_invited_by_fkey foreign key (invited_by)
    references auth.users (id) on delete set null
);

comment on table auth.invitations is 'Invitations to join a tenant';

create unique index invitations_open_key
  on auth.invitations (tenant_id, auth.normalize_email(email))
  where accepted_at is null and revoked_at is null;
create index invitations_invited_by_idx
  on auth.invitations (invited_by);


-- Single sign-on. A provider and its details agree on the kind through the pair in the foreign key.

create table auth.sso_providers (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid,
  kind auth.sso_kind not null,
  slug app.slug not null,
  name text not null,
  enabled boolean not null default true,
  enforced boolean not null default false,
  default_role auth.membership_role not null default 'member',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint sso_providers_pkey primary key (id),
  constraint sso_providers_slug_key unique (slug),
  constraint sso_providers_id_kind_key unique (id, kind),
  constraint sso_providers_enforced_needs_enabled check (enabled or not enforced),
  constraint sso_providers_default_role_low check (default_role < 'admin'::auth.membership_role),
  constraint sso_providers_tenant_id_fkey foreign key (tenant_id)
    references auth.tenants (id) on delete cascade
);

comment on table auth.sso_providers is 'Identity providers, of one tenant or, without a tenant, of everyone';

create index sso_providers_tenant_id_idx
  on auth.sso_providers (tenant_id);

create table auth.saml_providers (
  provider_id uuid not null,
  kind auth.sso_kind not null default 'saml',
  entity_id text not null,
  metadata_xml text not null,
  metadata_url app.http_url,
  sign_on_url app.http_url not null,
  certificates text[] not null,
  attribute_mapping jsonb not null default '{"email": "mail", "name": "displayName"}',
  name_id_format text not null default 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  clock_skew interval not null default '2 minutes',
  constraint saml_providers_pkey primary key (provider_id),
  constraint saml_providers_entity_id_key unique (entity_id),
  constraint saml_providers_is_saml check (kind = 'saml'),
  constraint saml_providers_has_certificate check (cardinality(certificates) between 1 and 4),
  constraint saml_providers_clock_skew_small check (clock_skew between interval '0' and interval '10 minutes'),
  constraint saml_providers_provider_fkey foreign key (provider_id, kind)
    references auth.sso_providers (id, kind) on delete cascade
);

comment on table auth.saml_providers is 'What SAML needs to know about a provider';

create table auth.oidc_providers (
  provider_id uuid not null,
  kind auth.sso_kind not null default 'oidc',
  issuer app.http_url not null,
  client_id text not null,
  client_secret_ciphertext bytea,
  scopes text[] not null default '{openid,email,profile}',
  claim_mapping jsonb not null default '{}',
  uses_pkce boolean not null default true,
  discovery jsonb,
  discovered_at timestamptz,
  constraint oidc_providers_pkey primary key (provider_id),
  constraint oidc_providers_issuer_client_id_key unique (issuer, client_id),
  constraint oidc_providers_is_oidc check (kind = 'oidc'),
  constraint oidc_providers_asks_openid check ('openid' = any (scopes)),
  constraint oidc_providers_secret_or_pkce check (uses_pkce or client_secret_ciphertext is not null),
  constraint oidc_providers_provider_fkey foreign key (provider_id, kind)
    references auth.sso_providers (id, kind) on delete cascade
);

comment on table auth.oidc_providers is 'What OpenID Connect needs to know about a provider';

create table auth.sso_domains (
  domain text not null,
  provider_id uuid not null,
  verification_token text not null,
  verified_at timestamptz,
  created_at timestamptz not null default now(),
  constraint sso_domains_pkey primary key (domain, provider_id),
  constraint sso_domains_domain_shape check (domain ~ '^([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+[a-z]{2,}$'),
  constraint sso_domains_provider_id_fkey foreign key (provider_id)
    references auth.sso_providers (id) on delete cascade
);

comment on table auth.sso_domains is 'Mail domains whose users sign in at a provider; one provider at most proves it owns a domain';

create unique index sso_domains_verified_key
  on auth.sso_domains (domain)
  where verified_at is not null;
create index sso_domains_provider_id_idx
  on auth.sso_domains (provider_id);

create table auth.sso_flows (
  state_hash bytea not null,
  provider_id uuid not null,
  nonce text,
  code_verifier text,
  redirect_to text not null,
  ip inet,
  expires_at timestamptz not null default now() + interval '10 minutes',
  created_at timestamptz not null default now(),
  constraint sso_flows_pkey primary key (state_hash),
  constraint sso_flows_provider_id_fkey foreign key (provider_id)
    references auth.sso_providers (id) on delete cascade
);

comment on table auth.sso_flows is 'Sign-ins under way at a provider: SAML relay states and OpenID Connect states';

create index sso_flows_provider_id_idx
  on auth.sso_flows (provider_id);
create index sso_flows_expires_at_idx
  on auth.sso_flows (expires_at);

create table auth.identities (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  provider text not null,
  subject text not null,
  sso_provider_id uuid,
  claims jsonb not null default '{}',
  email text generated always as (auth.normalize_email(claims ->> 'email')) stored,
  last_sign_in_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint identities_pkey primary key (id),
  constraint identities_provider_subject_key unique (provider, subject),
  constraint identities_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete cascade,
  constraint identities_sso_provider_id_fkey foreign key (sso_provider_id)
    references auth.sso_providers (id) on delete restrict
);

comment on table auth.identities is 'Accounts elsewhere that a user signs in with';
comment on column auth.identities.subject is 'The name the provider has for the account, which never changes';

create index identities_user_id_idx
  on auth.identities (user_id);
create index identities_email_idx
  on auth.identities (email);
create index identities_sso_provider_id_idx
  on auth.identities (sso_provider_id)
  where sso_provider_id is not null;


-- Second factors.

create table auth.mfa_factors (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  kind auth.factor_kind not null,
  name text not null default '',
  secret_ciphertext bytea,
  credential_id bytea,
  public_key bytea,
  sign_count bigint not null default 0,
  phone text,
  verified_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint mfa_factors_pkey primary key (id),
  constraint mfa_factors_credential_id_key unique (credential_id),
  constraint mfa_factors_parts check (
    case kind
      when 'totp' then secret_ciphertext is not null
      when 'webauthn' then credential_id is not null and public_key is not null
      when 'phone' then phone is not null
    end
  ),
  constraint mfa_factors_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete cascade
);

comment on table auth.mfa_factors is 'Second factors of users, verified or being set up';

create index mfa_factors_user_id_idx
  on auth.mfa_factors (user_id)
  where verified_at is not null;
create unique index mfa_factors_name_key
  on auth.mfa_factors (user_id, lower(name))
  where name <> '';

create table auth.mfa_challenges (
  id uuid not null default gen_random_uuid(),
  factor_id uuid not null,
  challenge bytea,
  otp_hash bytea,
  attempts smallint not null default 0,
  ip inet,
  expires_at timestamptz not null default now() + interval '5 minutes',
  passed_at timestamptz,
  created_at timestamptz not null default now(),
  constraint mfa_challenges_pkey primary key (id),
  constraint mfa_challenges_few_attempts check (attempts between 0 and 5),
  constraint mfa_challenges_factor_id_fkey foreign key (factor_id)
    references auth.mfa_factors (id) on delete cascade
);

comment on table auth.mfa_challenges is 'Questions put to a second factor';

create index mfa_challenges_factor_id_idx
  on auth.mfa_challenges (factor_id, created_at desc);
create index mfa_challenges_open_idx
  on auth.mfa_challenges (expires_at)
  where passed_at is null;

create table auth.recovery_codes (
  user_id uuid not null,
  position smallint not null,
  code_hash text not null,
  used_at timestamptz,
  created_at timestamptz not null default now(),
  constraint recovery_codes_pkey primary key (user_id, position),
  constraint recovery_codes_position_range check (position between 1 and 16),
  constraint recovery_codes_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete cascade
);

comment on table auth.recovery_codes is 'Codes for when every second factor is lost';


-- Sessions and tokens. Tokens are kept as hashes only.

create table auth.sessions (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  tenant_id uuid,
  factor_id uuid,
  assurance text not null default 'aal1',
  user_agent text,
  ip inet,
  refreshed_at timestamptz,
  expires_at timestamptz not null default now() + interval '30 days',
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint sessions_pkey primary key (id),
  constraint sessions_assurance_known check (assurance in ('aal1', 'aal2')),
  constraint sessions_expires_later check (expires_at > created_at),
  constraint sessions_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete cascade,
  constraint sessions_tenant_id_fkey foreign key (tenant_id)
    references auth.tenants (id) on delete cascade,
  constraint sessions_factor_id_fkey foreign key (factor_id)
    references auth.mfa_factors (id) on delete set null
);

comment on table auth.sessions is 'Devices where a user is signed in';

create index sessions_user_id_idx
  on auth.sessions (user_id, created_at desc)
  where revoked_at is null;
create index sessions_tenant_id_idx
  on auth.sessions (tenant_id);
create index sessions_factor_id_idx
  on auth.sessions (factor_id);
create index sessions_expires_at_idx
  on auth.sessions (expires_at);

create table auth.refresh_tokens (
  id bigint not null generated always as identity,
  session_id uuid not null,
  parent_id bigint,
  token_hash bytea not null,
  used_at timestamptz,
  expires_at timestamptz not null default now() + interval '30 days',
  created_at timestamptz not null default now(),
  constraint refresh_tokens_pkey primary key (id),
  constraint refresh_tokens_token_hash_key unique (token_hash),
  constraint refresh_tokens_parent_id_key unique (parent_id),
  constraint refresh_tokens_session_id_fkey foreign key (session_id)
    references auth.sessions (id) on delete cascade,
  constraint refresh_tokens_parent_id_fkey foreign key (parent_id)
    references auth.refresh_tokens (id) on delete set null
);

comment on table auth.refresh_tokens is 'Chains of refresh tokens, each made from the one before';
comment on column auth.refresh_tokens.parent_id is 'Unique: a token that is used twice was stolen, and ends its session';

create index refresh_tokens_session_id_idx
  on auth.refresh_tokens (session_id);

create table auth.one_time_tokens (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  purpose auth.token_purpose not null,
  token_hash bytea not null,
  relates_to text not null,
  attempts smallint not null default 0,
  expires_at timestamptz not null default now() + interval '1 hour',
  used_at timestamptz,
  created_at timestamptz not null default now(),
  constraint one_time_tokens_pkey primary key (id),
  constraint one_time_tokens_token_hash_key unique (token_hash),
  constraint one_time_tokens_few_attempts check (attempts between 0 and 10),
  constraint one_time_tokens_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete cascade
);

comment on table auth.one_time_tokens is 'Links and codes that were sent to a user';
comment on column auth.one_time_tokens.relates_to is 'The address the token was sent to';

create unique index one_time_tokens_open_key
  on auth.one_time_tokens (user_id, purpose)
  where used_at is null;
create index one_time_tokens_expires_at_idx
  on auth.one_time_tokens (expires_at)
  where used_at is null;

create table auth.sign_in_attempts (
  id bigint not null generated always as identity,
  email_normalized text,
  user_id uuid,
  ip inet not null,
  method text not null,
  succeeded boolean not null,
  reason text,
  attempted_at timestamptz not null default now(),
  constraint sign_in_attempts_pkey primary key (id),
  constraint sign_in_attempts_reason_given check (succeeded or reason is not null),
  constraint sign_in_attempts_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete cascade
);

comment on table auth.sign_in_attempts is 'Sign-ins that worked and that did not, to slow guessing down';

create index sign_in_attempts_email_idx
  on auth.sign_in_attempts (email_normalized, attempted_at desc)
  include (succeeded);
create index sign_in_attempts_failed_ip_idx
  on auth.sign_in_attempts using btree (ip, attempted_at desc)
  where not succeeded;
create index sign_in_attempts_user_id_idx
  on auth.sign_in_attempts (user_id)
  where user_id is not null;
create index sign_in_attempts_attempted_at_idx
  on auth.sign_in_attempts using brin (attempted_at);


-- Keys for programs.

create table auth.api_keys (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  tenant_id uuid,
  name text not null,
  prefix text not null,
  key_hash bytea not null,
  scopes text[] not null default '{}',
  rate_per_minute integer,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint api_keys_pkey primary key (id),
  constraint api_keys_prefix_key unique (prefix),
  constraint api_keys_key_hash_key unique (key_hash),
  constraint api_keys_name_length check (length(name) between 1 and 100),
  constraint api_keys_scopes_valid check (auth.scopes_are_valid(scopes)),
  constraint api_keys_rate_positive check (rate_per_minute > 0),
  constraint api_keys_user_id_fkey foreign key (user_id)
    references auth.users (id) on delete cascade,
  constraint api_keys_membership_fkey foreign key (tenant_id, user_id)
    references auth.memberships (tenant_id, user_id) on delete cascade
);

comment on table auth.api_keys is 'Keys that act for a user; one for a tenant ends with the membership';
comment on column auth.api_keys.prefix is 'The start of the key, to tell keys apart';

create index api_keys_user_id_idx
  on auth.api_keys (user_id)
  where revoked_at is null;
create index api_keys_membership_idx
  on auth.api_keys (tenant_id, user_id)
  where tenant_id is not null;
create index api_keys_scopes_idx
  on auth.api_keys using gin (scopes);

create table auth.api_key_usage (
  api_key_id uuid not null,
  day date not null default (now() at time zone 'UTC')::date,
  requests bigint not null default 0,
  errors bigint not null default 0,
  constraint api_key_usage_pkey primary key (api_key_id, day),
  constraint api_key_usage_counts check (requests >= errors and errors >= 0),
  constraint api_key_usage_api_key_id_fkey foreign key (api_key_id)
    references auth.api_keys (id) on delete cascade
);

comment on table auth.api_key_usage is 'How often a key was used, by day';

create table auth.service_keys (
  id uuid not null default gen_random_uuid(),
  name app.slug not null,
  key_hash bytea not null,
  role text not null default 'service_role',
  scopes text[] not null default '{}',
  allowed_networks cidr[] not null default '{}',
  replaces_id uuid,
  expires_at timestamptz,
  revoked_at timestamptz,
  revoked_because text,
  last_used_at timestamptz,
  created_at timestamptz not null default now(),
  constraint service_keys_pkey primary key (id),
  constraint service_keys_key_hash_key unique (key_hash),
  constraint service_keys_role_known check (role in ('anon', 'service_role')),
  constraint service_keys_scopes_valid check (auth.scopes_are_valid(scopes)),
  constraint service_keys_revoked_with_reason check ((revoked_at is null) = (revoked_because is null)),
  constraint service_keys_not_itself check (replaces_id <> id),
  constraint service_keys_replaces_id_fkey foreign key (replaces_id)
    references auth.service_keys (id) on delete set null
);

comment on table auth.service_keys is 'Keys of the platform itself and of back ends';

create unique index service_keys_name_key
  on auth.service_keys (name)
  where revoked_at is null;
create index service_keys_replaces_id_idx
  on auth.service_keys (replaces_id);


-- Audit.

create table auth.audit_events (
  id bigint not null generated always as identity,
  occurred_at timestamptz not null default now(),
  actor_id uuid,
  actor_role text not null,
  tenant_id uuid,
  action text not null,
  object_schema text not null,
  object_table text not null,
  object_key text,
  old_values jsonb,
  new_values jsonb,
  ip inet,
  request_id text,
  constraint audit_events_pkey primary key (id),
  constraint audit_events_action_known check (action in ('insert', 'update', 'delete'))
);

comment on table auth.audit_events is 'Who changed what; without foreign keys, for it outlives what it tells of';

create index audit_events_object_idx
  on auth.audit_events (object_schema, object_table, object_key, occurred_at desc);
create index audit_events_tenant_id_idx
  on auth.audit_events (tenant_id, occurred_at desc)
  where tenant_id is not null;
create index audit_events_actor_id_idx
  on auth.audit_events (actor_id, occurred_at desc)
  where actor_id is not null;
create index audit_events_occurred_at_idx
  on auth.audit_events using brin (occurred_at);


-- Webhooks.

create table auth.webhooks (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid not null,
  url app.http_url not null,
  description text not null default '',
  events text[] not null,
  headers jsonb not null default '{}',
  secret text not null default auth.new_token(32),
  enabled boolean not null default true,
  timeout interval not null default '10 seconds',
  max_attempts smallint not null default 8,
  failures_in_a_row integer not null default 0,
  created_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint webhooks_pkey primary key (id),
  constraint webhooks_has_events check (cardinality(events) > 0),
  constraint webhooks_headers_object check (jsonb_typeof(headers) = 'object'),
  constraint webhooks_timeout_range check (timeout between interval '1 second' and interval '1 minute'),
  constraint webhooks_max_attempts_range check (max_attempts between 1 and 20),
  constraint webhooks_tenant_id_fkey foreign key (tenant_id)
    references auth.tenants (id) on delete cascade,
  constraint webhooks_created_by_fkey foreign key (created_by)
    references auth.users (id) on delete set null
);

comment on table auth.webhooks is 'Addresses that want to hear of events';

create index webhooks_tenant_id_idx
  on auth.webhooks (tenant_id);
create index webhooks_events_idx
  on auth.webhooks using gin (events)
  where enabled;
create index webhooks_created_by_idx
  on auth.webhooks (created_by);

create table auth.webhook_deliveries (
  id bigint not null generated always as identity,
  webhook_id uuid not null,
  event_id uuid not null default gen_random_uuid(),
  event text not null,
  payload jsonb not null,
  state auth.delivery_state not null default 'pending',
  attempts smallint not null default 0,
  next_attempt_at timestamptz not null default now(),
  response_status smallint,
  response_body text,
  error text,
  delivered_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint webhook_deliveries_pkey primary key (id),
  constraint webhook_deliveries_event_key unique (webhook_id, event_id),
  constraint webhook_deliveries_status_range check (response_status between 100 and 599),
  constraint webhook_deliveries_body_short check (length(response_body) <= 4096),
  constraint webhook_deliveries_delivered check ((state = 'delivered') = (delivered_at is not null)),
  constraint webhook_deliveries_webhook_id_fkey foreign key (webhook_id)
    references auth.webhooks (id) on delete cascade
);

comment on table auth.webhook_deliveries is 'What was sent to a webhook, or is to be';

create index webhook_deliveries_due_idx
  on auth.webhook_deliveries (next_attempt_at)
  where state in ('pending', 'sending');
create index webhook_deliveries_webhook_id_idx
  on auth.webhook_deliveries (webhook_id, created_at desc);


-- What policies ask.

create function auth.role_in(tenant uuid)
  returns auth.membership_role
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select m.role
  from auth.memberships m
  join auth.tenants t on t.id = m.tenant_id
  where m.tenant_id = tenant
    and m.user_id = auth.uid()
    and t.deleted_at is null
$$;

comment on function auth.role_in(uuid) is 'The role of the caller in a tenant, null for strangers';

create function auth.is_member(tenant uuid)
  returns boolean
  language sql
  stable
  set search_path = ''
as $$
  select auth.role_in(tenant) is not null
$$;

comment on function auth.is_member(uuid) is 'Whether the caller belongs to a tenant';

create function auth.is_member(tenant uuid, at_least auth.membership_role)
  returns boolean
  language sql
  stable
  set search_path = ''
as $$
  select coalesce(auth.role_in(tenant) >= at_least, false)
$$;

comment on function auth.is_member(uuid, auth.membership_role) is 'Whether the caller has a role in a tenant, or a higher one';

create function auth.has_second_factor()
  returns boolean
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select exists (
    select
    from auth.mfa_factors f
    where f.user_id = auth.uid()
      and f.verified_at is not null
  )
$$;

comment on function auth.has_second_factor() is 'Whether the caller has set a second factor up';

revoke execute on function auth.role_in(uuid) from public;
revoke execute on function auth.has_second_factor() from public;
grant execute on function auth.role_in(uuid) to authenticated, service_role;
grant execute on function auth.has_second_factor() to authenticated, service_role;


-- What the application calls.

create function auth.create_tenant(name text, slug text)
  returns uuid
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  created uuid;
begin
  if auth.uid() is null then
    raise exception using
      errcode = 'insufficient_privilege',
      message = 'only a user can create a tenant';
  end if;

  insert into auth.tenants (name, slug)
  values (create_tenant.name, create_tenant.slug)
  returning id into created;

  insert into auth.memberships (tenant_id, user_id, role)
  values (created, auth.uid(), 'owner');

  return created;
end
$$;

comment on function auth.create_tenant(text, text) is 'Creates a tenant that belongs to the caller';

create function auth.accept_invitation(token text)
  returns uuid
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  invitation auth.invitations;
begin
  update auth.invitations i
  set accepted_at = now()
  from auth.users u
  where i.token_hash = auth.hash_token(token)
    and i.accepted_at is null
    and i.revoked_at is null
    and i.expires_at > now()
    and u.id = auth.uid()
    and u.email_confirmed_at is not null
    and u.email_normalized = auth.normalize_email(i.email)
  returning i.* into invitation;

  if not found then
    raise exception using
      errcode = 'no_data_found',
      message = 'there is no such invitation for this user';
  end if;

  insert into auth.memberships (tenant_id, user_id, role, invited_by)
  values (invitation.tenant_id, auth.uid(), invitation.role, invitation.invited_by)
  on conflict (tenant_id, user_id) do nothing;

  return invitation.tenant_id;
end
$$;

comment on function auth.accept_invitation(text) is 'Makes the caller a member of the tenant that invited their confirmed address';

create function auth.create_api_key(
  name text,
  scopes text[] default '{}',
  tenant uuid default null,
  expires_at timestamptz default null,
  out id uuid,
  out key text
)
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  prefix text := 'sk_' || lower(encode(extensions.gen_random_bytes(5), 'hex'));
begin
  key := prefix || '_' || auth.new_token(32);

  insert into auth.api_keys (user_id, tenant_id, name, prefix, key_hash, scopes, expires_at)
  values (
    auth.uid(),
    create_api_key.tenant,
    create_api_key.name,
    prefix,
    auth.hash_token(key),
    create_api_key.scopes,
    create_api_key.expires_at
  )
  returning api_keys.id into create_api_key.id;
end
$$;

comment on function auth.create_api_key(text, text[], uuid, timestamptz) is 'Creates a key of the caller; the key itself is shown this once';

create function auth.use_api_key(key text)
  returns table (user_id uuid, tenant_id uuid, scopes text[])
  language sql
  volatile
  set search_path = ''
as $$
  with used as (
    update auth.api_keys k
    set last_used_at = now()
    where k.key_hash = auth.hash_token(use_api_key.key)
      and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > now())
    returning k.id, k.user_id, k.tenant_id, k.scopes
  ),
  counted as (
    insert into auth.api_key_usage as u (api_key_id, requests)
    select used.id, 1
    from used
    on conflict (api_key_id, day) do update
    set requests = u.requests + 1
  )
  select used.user_id, used.tenant_id, used.scopes
  from used
$$;

comment on function auth.use_api_key(text) is 'Whose key this is, counting the use; no row when the key is not valid';

create function auth.too_many_attempts(email text, ip inet)
  returns boolean
  language sql
  stable
  set search_path = ''
as $$
  select
    (
      select count(*) >= 10
      from auth.sign_in_attempts a
      where a.email_normalized = auth.normalize_email(too_many_attempts.email)
        and a.attempted_at > now() - interval '15 minutes'
        and not a.succeeded
    )
    or (
      select count(*) >= 50
      from auth.sign_in_attempts a
      where a.ip = too_many_attempts.ip
        and a.attempted_at > now() - interval '15 minutes'
        and not a.succeeded
    )
$$;

comment on function auth.too_many_attempts(text, inet) is 'Whether an address or a network guessed too often in the last quarter of an hour';

create function auth.search_users(term text, at_most integer default 20)
  returns setof auth.users
  language sql
  stable
  set search_path = ''
as $$
  select u.*
  from auth.users u
  where u.deleted_at is null
    and (u.display_name operator(extensions.%) term or u.email_normalized like '%' || auth.normalize_email(term) || '%')
  order by extensions.similarity(u.display_name, term) desc, u.created_at desc
  limit at_most
$$;

comment on function auth.search_users(text, integer) is 'Users whose name resembles a term, or whose address contains it';

create function auth.rotate_webhook_secret(webhook uuid)
  returns text
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  rotated text;
begin
  update auth.webhooks w
  set secret = auth.new_token(32)
  where w.id = webhook
    and auth.is_member(w.tenant_id, 'admin')
  returning w.secret into rotated;

  return rotated;
end
$$;

comment on function auth.rotate_webhook_secret(uuid) is 'Gives a webhook of the caller''s tenant a new secret, which is shown this once';

create function auth.queue_webhooks(tenant uuid, event text, payload jsonb)
  returns integer
  language plpgsql
  set search_path = ''
as $$
declare
  queued integer;
begin
  insert into auth.webhook_deliveries (webhook_id, event, payload)
  select w.id, queue_webhooks.event, queue_webhooks.payload
  from auth.webhooks w
  where w.tenant_id = queue_webhooks.tenant
    and w.enabled
    and w.events && array[queue_webhooks.event, '*'];

  get diagnostics queued = row_count;
  return queued;
end
$$;

comment on function auth.queue_webhooks(uuid, text, jsonb) is 'Queues an event for every webhook of a tenant that wants it, and says how many do';

create function auth.claim_webhook_deliveries(at_most integer default 20)
  returns table (
    id bigint,
    url text,
    headers jsonb,
    timeout interval,
    body text,
    signature text
  )
  language sql
  volatile
  set search_path = ''
as $$
  with due as materialized (
    select d.id
    from auth.webhook_deliveries d
    where d.state in ('pending', 'sending')
      and d.next_attempt_at <= now()
    order by d.next_attempt_at
    limit at_most
    for update skip locked
  ),
  claimed as (
    update auth.webhook_deliveries d
    set
      state = 'sending',
      attempts = d.attempts + 1,
      -- A sender that dies leaves its delivery to the next one, two minutes later.
      next_attempt_at = now() + interval '2 minutes'
    from due
    where d.id = due.id
    returning d.id, d.webhook_id, d.event_id, d.event, d.payload
  )
  select
    c.id,
    w.url,
    w.headers,
    w.timeout,
    b.body,
    'sha256=' || encode(extensions.hmac(b.body, w.secret, 'sha256'), 'hex')
  from claimed c
  join auth.webhooks w on w.id = c.webhook_id
  cross join lateral (
    select jsonb_build_object('id', c.event_id, 'event', c.event, 'data', c.payload)::text as body
  ) b
$$;

comment on function auth.claim_webhook_deliveries(integer) is 'Deliveries that are due, signed, for this sender alone';

create function auth.settle_webhook_delivery(delivery bigint, status integer, response text default null, failure text default null)
  returns auth.delivery_state
  language plpgsql
  set search_path = ''
as $$
declare
  succeeded boolean := coalesce(status between 200 and 299, false);
  outcome auth.delivery_state;
  hook uuid;
begin
  update auth.webhook_deliveries d
  set
    state = case
      when succeeded then 'delivered'::auth.delivery_state
      when d.attempts >= w.max_attempts then 'abandoned'
      else 'pending'
    end,
    delivered_at = case when succeeded then now() end,
    next_attempt_at = now() + least(interval '10 seconds' * power(3, least(d.attempts, 12)), interval '6 hours'),
    response_status = status,
    response_body = left(response, 4096),
    error = failure
  from auth.webhooks w
  where d.id = delivery
    and d.state = 'sending'
    and w.id = d.webhook_id
  returning d.state, d.webhook_id into outcome, hook;

  update auth.webhooks w
  set
    failures_in_a_row = case when succeeded then 0 else w.failures_in_a_row + 1 end,
    enabled = w.enabled and (succeeded or w.failures_in_a_row < 100)
  where w.id = hook;

  return outcome;
end
$$;

comment on function auth.settle_webhook_delivery(bigint, integer, text, text) is 'Records how a delivery went and when it is tried again; null when it was not under way';

revoke execute on function auth.create_tenant(text, text) from public;
revoke execute on function auth.accept_invitation(text) from public;
revoke execute on function auth.create_api_key(text, text[], uuid, timestamptz) from public;
revoke execute on function auth.rotate_webhook_secret(uuid) from public;
revoke execute on function auth.use_api_key(text) from public;
revoke execute on function auth.too_many_attempts(text, inet) from public;
revoke execute on function auth.search_users(text, integer) from public;
revoke execute on function auth.queue_webhooks(uuid, text, jsonb) from public;
revoke execute on function auth.claim_webhook_deliveries(integer) from public;
revoke execute on function auth.settle_webhook_delivery(bigint, integer, text, text) from public;
grant execute on function auth.create_tenant(text, text) to authenticated;
grant execute on function auth.accept_invitation(text) to authenticated;
grant execute on function auth.create_api_key(text, text[], uuid, timestamptz) to authenticated;
grant execute on function auth.rotate_webhook_secret(uuid) to authenticated;
grant execute on function auth.use_api_key(text) to service_role;
grant execute on function auth.too_many_attempts(text, inet) to service_role;
grant execute on function auth.search_users(text, integer) to service_role;
grant execute on function auth.queue_webhooks(uuid, text, jsonb) to service_role;
grant execute on function auth.claim_webhook_deliveries(integer) to service_role;
grant execute on function auth.settle_webhook_delivery(bigint, integer, text, text) to service_role;


-- Triggers.

create function auth.record_change()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  key_columns text[] := string_to_array(tg_argv[0], ',');
  hidden text[] := string_to_array(tg_argv[1], ',');
  old_row jsonb := to_jsonb(old);
  new_row jsonb := to_jsonb(new);
  present jsonb := coalesce(new_row, old_row);
begin
  if tg_op = 'UPDATE' then
    select
      jsonb_object_agg(n.key, old_row -> n.key),
      jsonb_object_agg(n.key, n.value)
    into old_row, new_row
    from jsonb_each(new_row) n
    where n.value is distinct from old_row -> n.key
      and n.key <> 'updated_at';

    if new_row is null then
      return null;
    end if;
  end if;

  insert into auth.audit_events (
    actor_id,
    actor_role,
    tenant_id,
    action,
    object_schema,
    object_table,
    object_key,
    old_values,
    new_values,
    ip,
    request_id
  )
  values (
    auth.uid(),
    auth.role(),
    case when tg_table_name = 'tenants' then present ->> 'id' else present ->> 'tenant_id' end::uuid,
    lower(tg_op),
    tg_table_schema,
    tg_table_name,
    (select string_agg(present ->> c, ':' order by n) from unnest(key_columns) with ordinality as k (c, n)),
    old_row - coalesce(hidden, '{}'),
    new_row - coalesce(hidden, '{}'),
    nullif(current_setting('request.ip', true), '')::inet,
    nullif(current_setting('request.id', true), '')
  );

  return null;
end
$$;

comment on function auth.record_change() is 'Trigger: writes the change to auth.audit_events. Arguments: key columns, columns to leave out';

create function auth.keep_an_owner()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  -- Two owners who leave at the same time would each see the other still there.
  perform
  from auth.tenants t
  where t.id = old.tenant_id
    and t.deleted_at is null
  for no key update;

  if found and not exists (
    select
    from auth.memberships m
    where m.tenant_id = old.tenant_id
      and m.role = 'owner'
  ) then
    raise exception using
      errcode = 'check_violation',
      message = 'a tenant needs an owner',
      constraint = tg_name,
      schema = tg_table_schema,
      table = tg_table_name;
  end if;

  return null;
end
$$;

comment on function auth.keep_an_owner() is 'Trigger: refuses to leave a tenant without an owner';

create function auth.end_sessions()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  update auth.sessions s
  set revoked_at = now()
  where s.user_id = new.id
    and s.revoked_at is null
    and s.id is distinct from auth.session_id();

  return null;
end
$$;

comment on function auth.end_sessions() is 'Trigger: signs a user out everywhere else';

create trigger touch_updated_at
  before update on auth.tenants
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger record_change
  after insert or update or delete on auth.tenants
  for each row
  execute function auth.record_change('id', 'settings');

-- On tables with a generated column a condition before the write can't name the whole row.
create trigger touch_updated_at
  before update on auth.users
  for each row
  execute function app.touch_updated_at();

create trigger record_insert
  after insert on auth.users
  for each row
  execute function auth.record_change('id', 'password_hash,failed_sign_ins,last_sign_in_at');

-- Not every sign-in is a change worth keeping.
create trigger record_update
  after update on auth.users
  for each row
  when (
    old.email is distinct from new.email
    or old.phone is distinct from new.phone
    or old.role is distinct from new.role
    or old.password_hash is distinct from new.password_hash
    or old.app_metadata is distinct from new.app_metadata
    or old.banned_until is distinct from new.banned_until
    or old.deleted_at is distinct from new.deleted_at
  )
  execute function auth.record_change('id', 'password_hash,failed_sign_ins,last_sign_in_at');

create trigger record_delete
  after delete on auth.users
  for each row
  execute function auth.record_change('id', 'password_hash,failed_sign_ins,last_sign_in_at');

create trigger end_sessions
  after update of password_hash, banned_until, deleted_at on auth.users
  for each row
  when (
    old.password_hash is distinct from new.password_hash
    or new.banned_until > now()
    or new.deleted_at is not null
  )
  execute function auth.end_sessions();

create trigger touch_updated_at
  before update on auth.memberships
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger record_change
  after insert or update or delete on auth.memberships
  for each row
  execute function auth.record_change('tenant_id,user_id');

create constraint trigger keep_an_owner_on_update
  after update on auth.memberships
  deferrable initially deferred
  for each row
  when (old.role = 'owner' and (new.role <> 'owner' or new.tenant_id <> old.tenant_id))
  execute function auth.keep_an_owner();

create constraint trigger keep_an_owner_on_delete
  after delete on auth.memberships
  deferrable initially deferred
  for each row
  when (old.role = 'owner')
  execute function auth.keep_an_owner();

create trigger touch_updated_at
  before update on auth.sso_providers
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger record_change
  after insert or update or delete on auth.sso_providers
  for each row
  execute function auth.record_change('id');

create trigger touch_updated_at
  before update on auth.identities
  for each row
  execute function app.touch_updated_at();

create trigger touch_updated_at
  before update on auth.mfa_factors
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger touch_updated_at
  before update on auth.sessions
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger touch_updated_at
  before update on auth.api_keys
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger record_change
  after insert or delete on auth.api_keys
  for each row
  execute function auth.record_change('id', 'key_hash');

create trigger record_revocation
  after update of revoked_at on auth.api_keys
  for each row
  when (old.revoked_at is null and new.revoked_at is not null)
  execute function auth.record_change('id', 'key_hash');

create trigger record_change
  after insert or update or delete on auth.service_keys
  for each row
  execute function auth.record_change('id', 'key_hash,last_used_at');

create trigger append_only
  before update on auth.audit_events
  for each row
  execute function app.refuse_change();

create trigger kept_for_a_year
  before delete on auth.audit_events
  for each row
  when (old.occurred_at > now() - interval '1 year')
  execute function app.refuse_change();

create trigger touch_updated_at
  before update on auth.webhooks
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();

create trigger record_change
  after insert or update of tenant_id, url, events, enabled or delete on auth.webhooks
  for each row
  execute function auth.record_change('id', 'secret,headers,failures_in_a_row');

create trigger touch_updated_at
  before update on auth.webhook_deliveries
  for each row
  when (old.* is distinct from new.*)
  execute function app.touch_updated_at();


-- A view looks at its tables with the rights of its owner, so it says itself which rows are whose.

create view auth.directory
  with (security_barrier = true)
as
select
  m.tenant_id,
  m.user_id,
  m.role,
  u.display_name,
  u.email,
  u.avatar_object_id,
  m.created_at as member_since
from auth.memberships m
join auth.users u on u.id = m.user_id
where u.deleted_at is null
  and auth.is_member(m.tenant_id);

comment on view auth.directory is 'The people of the caller''s tenants';


-- Row level security.

alter table auth.tenants enable row level security;
alter table auth.users enable row level security;
alter table auth.memberships enable row level security;
alter table auth.invitations enable row level security;
alter table auth.sso_providers enable row level security;
alter table auth.saml_providers enable row level security;
alter table auth.oidc_providers enable row level security;
alter table auth.sso_domains enable row level security;
alter table auth.sso_flows enable row level security;
alter table auth.identities enable row level security;
alter table auth.mfa_factors enable row level security;
alter table auth.mfa_challenges enable row level security;
alter table auth.recovery_codes enable row level security;
alter table auth.sessions enable row level security;
alter table auth.refresh_tokens enable row level security;
alter table auth.one_time_tokens enable row level security;
alter table auth.sign_in_attempts enable row level security;
alter table auth.api_keys enable row level security;
alter table auth.api_key_usage enable row level security;
alter table auth.service_keys enable row level security;
alter table auth.audit_events enable row level security;
alter table auth.webhooks enable row level security;
alter table auth.webhook_deliveries enable row level security;

create policy members_read
  on auth.tenants
  for select
  to authenticated
  using (auth.is_member(id));

create policy admins_update
  on auth.tenants
  for update
  to authenticated
  using (auth.is_member(id, 'admin'))
  with check (auth.is_member(id, 'admin'));

create policy own_read
  on auth.users
  for select
  to authenticated
  using (id = (select auth.uid()));

create policy own_update
  on auth.users
  for update
  to authenticated
  using (id = (select auth.uid()) and deleted_at is null)
  with check (id = (select auth.uid()));

create policy members_read
  on auth.memberships
  for select
  to authenticated
  using (auth.is_member(tenant_id));

-- Nobody hands out, changes or takes away a role above their own.
create policy admins_update
  on auth.memberships
  for update
  to authenticated
  using (auth.is_member(tenant_id, 'admin') and role <= auth.role_in(tenant_id))
  with check (auth.is_member(tenant_id, 'admin') and role <= auth.role_in(tenant_id));

create policy admins_or_oneself_delete
  on auth.memberships
  for delete
  to authenticated
  using (
    user_id = (select auth.uid())
    or (auth.is_member(tenant_id, 'admin') and role <= auth.role_in(tenant_id))
  );

create policy admins_read
  on auth.invitations
  for select
  to authenticated
  using (auth.is_member(tenant_id, 'admin'));

create policy admins_revoke
  on auth.invitations
  for update
  to authenticated
  using (auth.is_member(tenant_id, 'admin') and accepted_at is null)
  with check (auth.is_member(tenant_id, 'admin') and revoked_at is not null);

create policy members_read
  on auth.sso_providers
  for select
  to authenticated
  using (tenant_id is null or auth.is_member(tenant_id));

create policy anyone_reads_shared
  on auth.sso_providers
  for select
  to anon
  using (tenant_id is null and enabled);

create policy admins_read
  on auth.sso_domains
  for select
  to authenticated
  using (
    exists (
      select
      from auth.sso_providers p
      where p.id = sso_domains.provider_id
        and auth.is_member(p.tenant_id, 'admin')
    )
  );

create policy own_read
  on auth.identities
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy own_read
  on auth.mfa_factors
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy own_delete
  on auth.mfa_factors
  for delete
  to authenticated
  using (user_id = (select auth.uid()));

-- Whoever has a second factor takes one away only after using one.
create policy only_with_second_factor
  on auth.mfa_factors
  as restrictive
  for delete
  to authenticated
  using ((select auth.assurance()) = 'aal2' or not (select auth.has_second_factor()));

create policy own_read
  on auth.sessions
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy own_revoke
  on auth.sessions
  for update
  to authenticated
  using (user_id = (select auth.uid()) and revoked_at is null)
  with check (user_id = (select auth.uid()) and revoked_at is not null);

create policy own_read
  on auth.api_keys
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy own_revoke
  on auth.api_keys
  for update
  to authenticated
  using (user_id = (select auth.uid()) and revoked_at is null)
  with check (user_id = (select auth.uid()));

create policy own_delete
  on auth.api_keys
  for delete
  to authenticated
  using (user_id = (select auth.uid()) and revoked_at is not null);

create policy own_read
  on auth.api_key_usage
  for select
  to authenticated
  using (
    exists (
      select
      from auth.api_keys k
      where k.id = api_key_usage.api_key_id
    )
  );

create policy own_or_admins_read
  on auth.audit_events
  for select
  to authenticated
  using (
    actor_id = (select auth.uid())
    or (tenant_id is not null and auth.is_member(tenant_id, 'admin'))
  );

create policy "admins manage webhooks"
  on auth.webhooks
  to authenticated
  using (auth.is_member(tenant_id, 'admin'))
  with check (auth.is_member(tenant_id, 'admin'));

create policy "admins read deliveries"
  on auth.webhook_deliveries
  for select
  to authenticated
  using (
    exists (
      select
      from auth.webhooks w
      where w.id = webhook_deliveries.webhook_id
    )
  );


-- Grants. Where a table holds a hash or a secret, or a column that decides what its row may do, users
-- get columns rather than the table.

grant select, insert, update, delete on auth.tenants to service_role;
grant select on auth.tenants to authenticated;
grant update (name, slug, settings) on auth.tenants to authenticated;

grant select, insert, update, delete on auth.users to service_role;
grant select (
  id,
  email,
  email_confirmed_at,
  phone,
  phone_confirmed_at,
  role,
  display_name,
  locale,
  avatar_object_id,
  user_metadata,
  app_metadata,
  last_sign_in_at,
  created_at,
  updated_at
) on auth.users to authenticated;
grant update (display_name, locale, avatar_object_id, user_metadata) on auth.users to authenticated;

grant select, insert, update, delete on auth.memberships to service_role;
grant select, delete on auth.memberships to authenticated;
grant update (role) on auth.memberships to authenticated;

grant select, insert, update, delete on auth.invitations to service_role;
grant select (id, tenant_id, email, role, invited_by, expires_at, accepted_at, revoked_at, created_at)
  on auth.invitations to authenticated;
grant update (revoked_at) on auth.invitations to authenticated;

grant select, insert, update, delete on auth.sso_providers to service_role;
grant select on auth.sso_providers to authenticated;
grant select (id, kind, slug, name) on auth.sso_providers to anon;
grant select, insert, update, delete on auth.saml_providers to service_role;
grant select, insert, update, delete on auth.oidc_providers to service_role;
grant select, insert, update, delete on auth.sso_domains to service_role;
grant select on auth.sso_domains to authenticated;
grant select, insert, update, delete on auth.sso_flows to service_role;

grant select, insert, update, delete on auth.identities to service_role;
grant select on auth.identities to authenticated;

grant select, insert, update, delete on auth.mfa_factors to service_role;
grant select (id, user_id, kind, name, phone, verified_at, last_used_at, created_at)
  on auth.mfa_factors to authenticated;
grant delete on auth.mfa_factors to authenticated;
grant select, insert, update, delete on auth.mfa_challenges to service_role;
grant select, insert, update, delete on auth.recovery_codes to service_role;

grant select, insert, update, delete on auth.sessions to service_role;
grant select on auth.sessions to authenticated;
grant update (revoked_at) on auth.sessions to authenticated;
grant select, insert, update, delete on auth.refresh_tokens to service_role;
grant select, insert, update, delete on auth.one_time_tokens to service_role;
grant select, insert, update, delete on auth.sign_in_attempts to service_role;

grant select, insert, update, delete on auth.api_keys to service_role;
grant select (
  id,
  user_id,
  tenant_id,
  name,
  prefix,
  scopes,
  rate_per_minute,
  expires_at,
  revoked_at,
  last_used_at,
  created_at
) on auth.api_keys to authenticated;
grant update (name, revoked_at) on auth.api_keys to authenticated;
grant delete on auth.api_keys to authenticated;
grant select, insert, update, delete on auth.api_key_usage to service_role;
grant select on auth.api_key_usage to authenticated;
grant select, insert, update, delete on auth.service_keys to service_role;

grant select, insert on auth.audit_events to service_role;
revoke update, delete on auth.audit_events from service_role;
grant select on auth.audit_events to authenticated;

grant select, insert, update, delete on auth.webhooks to service_role;
grant select (id, tenant_id, url, description, events, enabled, timeout, max_attempts, failures_in_a_row, created_by, created_at, updated_at)
  on auth.webhooks to authenticated;
grant insert (tenant_id, url, description, events, headers, enabled, timeout, max_attempts)
  on auth.webhooks to authenticated;
grant update (url, description, events, headers, enabled, timeout, max_attempts)
  on auth.webhooks to authenticated;
grant delete on auth.webhooks to authenticated;
grant select, insert, update, delete on auth.webhook_deliveries to service_role;
grant select on auth.webhook_deliveries to authenticated;

grant select on auth.directory to authenticated, service_role;
