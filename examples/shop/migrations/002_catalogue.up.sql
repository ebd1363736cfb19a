create table shop.categories (
  id integer primary key generated always as identity,
  parent_id integer references shop.categories (id),
  slug text not null unique,
  name text not null,
  created_at timestamptz not null default now(),
  constraint categories_slug_shape check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint categories_not_in_itself check (parent_id <> id)
);

create index categories_parent_id_idx
  on shop.categories (parent_id);

comment on table shop.categories is 'What the shop sells, as a tree';

create table shop.products (
  id uuid primary key default gen_random_uuid(),
  category_id integer not null references shop.categories (id),
  sku text not null unique,
  name text not null,
  description text not null default '',
  price_cents integer not null,
  currency character(3) not null default 'EUR',
  stock integer not null default 0,
  published boolean not null default false,
  search tsvector generated always as (
    setweight(to_tsvector('english'::regconfig, name), 'A')
    || setweight(to_tsvector('english'::regconfig, description), 'B')
  ) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint products_price_not_negative check (price_cents >= 0),
  constraint products_stock_not_negative check (stock >= 0),
  constraint products_currency_shape check (currency ~ '^[A-Z]{3}$')
);

create index products_category_id_idx
  on shop.products (category_id, price_cents)
  where published;

comment on table shop.products is 'What can be bought';
comment on column shop.products.stock is 'The sum of all movements of the product';

alter table shop.categories enable row level security;
alter table shop.products enable row level security;

create policy everyone_reads
  on shop.categories
  for select
  to anon, authenticated
  using (true);

create policy everyone_reads_published
  on shop.products
  for select
  to anon, authenticated
  using (published);

grant select on shop.categories to anon, authenticated;
grant select on shop.products to anon, authenticated;
