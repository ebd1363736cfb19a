create type shop.order_state as enum (
  'placed',
  'paid',
  'shipped',
  'delivered',
  'cancelled'
);

create type shop.movement_kind as enum (
  'delivery',
  'sale',
  'return',
  'correction'
);

create table shop.orders (
  id uuid primary key default gen_random_uuid(),
  number bigint not null generated always as identity (start with 100001) unique,
  customer_id uuid not null references shop.customers (id) on delete restrict,
  cart_id uuid unique references shop.carts (id) on delete set null,
  state shop.order_state not null default 'placed',
  shipping_address jsonb not null,
  total_cents bigint not null default 0,
  currency character(3) not null default 'EUR',
  placed_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint orders_total_not_negative check (total_cents >= 0)
);

create index orders_customer_id_idx
  on shop.orders (customer_id, placed_at desc);
create index orders_open_idx
  on shop.orders (placed_at)
  where state in ('placed', 'paid');

create table shop.order_items (
  order_id uuid not null references shop.orders (id) on delete cascade,
  position smallint not null,
  product_id uuid not null references shop.products (id) on delete restrict,
  product_name text not null,
  quantity integer not null,
  price_cents integer not null,
  amount_cents bigint generated always as (quantity::bigint * price_cents) stored,
  primary key (order_id, position),
  unique (order_id, product_id),
  constraint order_items_quantity_positive check (quantity > 0)
);

create index order_items_product_id_idx
  on shop.order_items (product_id);

create table shop.inventory_movements (
  id bigint primary key generated always as identity,
  product_id uuid not null references shop.products (id) on delete cascade,
  kind shop.movement_kind not null,
  quantity integer not null,
  order_id uuid references shop.orders (id) on delete set null,
  note text,
  moved_at timestamptz not null default now(),
  constraint inventory_movements_sign check (
    case kind
      when 'sale' then quantity < 0
      when 'correction' then quantity <> 0
      else quantity > 0
    end
  )
);

create index inventory_movements_product_id_idx
  on shop.inventory_movements (product_id, moved_at desc);
create index inventory_movements_order_id_idx
  on shop.inventory_movements (order_id)
  where order_id is not null;

comment on table shop.orders is 'What customers bought';
comment on table shop.order_items is 'The products of an order, at the price and under the name they had';
comment on table shop.inventory_movements is 'What came into the stock and what left it';

alter table shop.orders enable row level security;
alter table shop.order_items enable row level security;
alter table shop.inventory_movements enable row level security;

create policy own_read
  on shop.orders
  for select
  to authenticated
  using (customer_id = (select auth.uid()));

create policy own_read
  on shop.order_items
  for select
  to authenticated
  using (
    exists (
      select
      from shop.orders o
      where o.id = order_items.order_id
    )
  );

grant select on shop.orders to authenticated;
grant select on shop.order_items to authenticated;
