create schema shop;

comment on schema shop is 'The example shop';

grant usage on schema shop to anon, authenticated, service_role;

alter default privileges in schema shop
  grant select, insert, update, delete on tables to service_role;
alter default privileges in schema shop
  grant usage, select on sequences to service_role;
