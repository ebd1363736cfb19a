/**
 * slipway's own tables, as numbered steps. A step that was released is never edited: add another.
 *
 * Every step only adds (a table, a nullable column, a column with a constant default), so that a
 * slipway one release older can still read what it finds. Names stand in `{schema}`.
 */
export const LAYOUT_STEPS: readonly string[] = [
  `
create table {schema}.runs (
  id uuid primary key,
  command text not null,
  status text not null default 'running'
    check (status in ('running', 'done', 'failed', 'interrupted', 'abandoned')),
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  phases jsonb not null default '[]',
  plan_id text,
  user_version bigint,
  error_code text,
  error_message text,
  pod text,
  release text not null,
  backend_pid integer not null default pg_catalog.pg_backend_pid(),
  source_hash text,
  catalog_signature text,
  bootstrap_signature text,
  ledger_signature text
);
comment on table {schema}.runs is 'One row a run of slipway: outcome, phases with durations, who and what.';
comment on column {schema}.runs.source_hash is 'Hash of all files and settings that the run was asked to bring about.';
comment on column {schema}.runs.catalog_signature is 'Cheap hash of the managed catalog rows at the end of the run.';
create index runs_done on {schema}.runs (source_hash, finished_at desc) where status = 'done';
create index runs_finished on {schema}.runs (finished_at);
create index runs_started on {schema}.runs (started_at desc);

create table {schema}.bootstrap_state (
  id bigint generated always as identity primary key,
  hash text not null,
  names text[] not null,
  signature text not null,
  applied_at timestamptz not null default clock_timestamp(),
  run_id uuid,
  release text not null
);
comment on table {schema}.bootstrap_state is 'Each time bootstrap.sql ran; the newest row says for which file and server state.';

create table {schema}.declarative_state (
  id bigint generated always as identity primary key,
  files_hash text not null,
  schema_fingerprint text not null,
  engine text not null,
  server_major integer not null,
  source text not null check (source in ('install', 'apply', 'adopt', 'verify')),
  plan_id text,
  managed_schemas text[] not null,
  declared_partitions text[] not null,
  desired bytea not null,
  applied_at timestamptz not null default clock_timestamp(),
  run_id uuid,
  release text not null
);
comment on table {schema}.declarative_state is 'Desired schemas that were applied; the newest row is the one in force.';
comment on column {schema}.declarative_state.desired is 'What the desired schema held: gzip of JSON, read by slipway alone.';

create table {schema}.plans (
  id text primary key,
  files_hash text not null,
  catalog_signature text not null,
  plan bytea not null,
  summary text not null,
  destructive integer not null,
  created_at timestamptz not null default clock_timestamp(),
  run_id uuid,
  approved_at timestamptz,
  approved_by text,
  applied_at timestamptz
);
comment on table {schema}.plans is 'Plans that waited for an approval.';

create table {schema}.app (
  version bigint primary key check (version >= 0),
  name text not null,
  status text not null default 'pending' check (status in ('pending', 'applied', 'failed')),
  error_message text,
  applied_at timestamptz,
  checksum text,
  transactional boolean,
  statements_total integer,
  statements_done integer not null default 0,
  statement_inflight integer,
  done_hash text,
  down_done integer not null default 0,
  down_inflight integer,
  down_hash text,
  attempts integer not null default 0,
  started_at timestamptz,
  duration_ms bigint,
  run_id uuid,
  failure jsonb
);
comment on table {schema}.app is 'The ledger of user migrations: one row a migration.';
comment on column {schema}.app.status is 'Set it to pending to have a failed migration tried again.';

create table {schema}.app_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  run_id uuid,
  version bigint not null,
  name text not null,
  event text not null,
  direction text not null default 'up' check (direction in ('up', 'down')),
  statement_no integer,
  sqlstate text,
  message text,
  duration_ms bigint,
  checksum text,
  release text
);
comment on table {schema}.app_log is 'Every attempt at a user migration, up and down; only ever added to.';
create index app_log_version on {schema}.app_log (version, id);

revoke all on all tables in schema {schema} from public;
`,
  `
alter table {schema}.app add column sql_checksum text;
comment on column {schema}.app.checksum is 'Hash of the file as it was applied or last tried.';
comment on column {schema}.app.sql_checksum is 'Hash of its statements alone: comments and white space do not count.';
`,
  `
alter table {schema}.runs add column status_configmap text;
comment on column {schema}.runs.status_configmap is 'Where in Kubernetes the end of the run was shown, or was tried to be.';
`,
];

export const LAYOUT_VERSION = LAYOUT_STEPS.length;

const STAMP = /^slipway records, layout (\d+)\b/;

/** The comment on the schema that says whose it is. */
export function formatStamp(version: number): string {
  return `slipway records, layout ${version}; written by slipway, do not edit`;
}

/** The layout's version in a stamp; undefined when the comment is not slipway's. */
export function parseStamp(comment: string | null | undefined): number | undefined {
  const match = STAMP.exec(comment ?? "");
  return match === null ? undefined : Number(match[1]);
}
