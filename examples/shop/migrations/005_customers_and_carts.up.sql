-- A customer is a user of the platform who bought something, or is about to.
create table shop.customers (
  id uuid primary key references auth.users (id) on delete cascade,
  full_name text not null,
  shipping_address jsonb,
  newsletter boolean not null default false,
  created_at timestamptz not null default now(),
  constraint customers_address_object check (jsonb_typeof(shipping_address) = 'object')
);

create table shop.carts (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null references shop.customers (id) on delete cascade,
  ordered_at timestamptz,
  created_at timestamptz not null default now()
);

-- One cart at a time; those that became orders stay.
create unique index carts_open_key
  on shop.carts (customer_id)
  where ordered_at is null;

create table shop.cart_items (
  cart_id uuid not null references shop.carts (id) on delete cascade,
  product_id uuid not null references shop.products (id) on delete cascade,
  quantity integer not null default 1,
  added_at timestamptz not null default now(),
  primary key (cart_id, product_id),
  constraint cart_items_quantity_range check (quantity between 1 and 99)
);

create index cart_items_product_id_idx
  on shop.cart_items (product_id);

comment on table shop.customers is 'Users who shop';
comment on table shop.carts is 'What a customer is about to buy';
comment on table shop.cart_items is 'The products in a cart';

alter table shop.customers enable row level security;
alter table shop.carts enable row level security;
alter table shop.cart_items enable row level security;

create policy own
  on shop.customers
  to authenticated
  using (id = (select auth.uid()))
  with check (id = (select auth.uid()));

create policy own
  on shop.carts
  to authenticated
  using (customer_id = (select auth.uid()))
  with check (customer_id = (select auth.uid()) and ordered_at is null);

-- The policy of carts decides which carts the query below finds.
create policy own
  on shop.cart_items
  to authenticated
  using (
    exists (
      select
      from shop.carts c
      where c.id = cart_items.cart_id
        and c.ordered_at is null
    )
  );

grant select, insert, update on shop.customers to authenticated;
grant select, insert, delete on shop.carts to authenticated;
grant select, insert, update, delete on shop.cart_items to authenticated;
