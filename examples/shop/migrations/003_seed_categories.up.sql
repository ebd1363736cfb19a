insert into shop.categories (slug, name)
values
  ('kitchen', 'Kitchen'),
  ('garden', 'Garden'),
  ('workshop', 'Workshop');

insert into shop.categories (parent_id, slug, name)
select parent.id, child.slug, child.name
from (
  values
    ('kitchen', 'pans', 'Pots and pans'),
    ('kitchen', 'knives', 'Knives'),
    ('garden', 'seeds', 'Seeds'),
    ('workshop', 'hand-tools', 'Hand tools')
) as child (parent_slug, slug, name)
join shop.categories parent on parent.slug = child.parent_slug;

insert into shop.categories (parent_id, slug, name)
select parent.id, 'planes', 'Planes'
from shop.categories parent
where parent.slug = 'hand-tools';
