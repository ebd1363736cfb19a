-- Three steps on one table that make sense only together: the file says so itself.
begin;

alter table shop.categories
  add column path text;

with recursive tree as (
  select
    c.id,
    c.slug as path
  from shop.categories c
  where c.parent_id is null
  union all
  select
    c.id,
    tree.path || '/' || c.slug
  from shop.categories c
  join tree on tree.id = c.parent_id
)
update shop.categories c
set path = tree.path
from tree
where tree.id = c.id;

alter table shop.categories
  alter column path set not null,
  add constraint categories_path_key unique (path);

commit;
