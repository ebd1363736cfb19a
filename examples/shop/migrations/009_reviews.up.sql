create table shop.reviews (
  product_id uuid not null references shop.products (id) on delete cascade,
  customer_id uuid not null default auth.uid() references shop.customers (id) on delete cascade,
  stars smallint not null,
  title text not null,
  body text not null default '',
  approved_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (product_id, customer_id),
  constraint reviews_stars_range check (stars between 1 and 5),
  constraint reviews_title_length check (length(title) between 1 and 120)
);

create index reviews_customer_id_idx
  on shop.reviews (customer_id);
create index reviews_approved_idx
  on shop.reviews (product_id, created_at desc)
  include (stars)
  where approved_at is not null;

comment on table shop.reviews is 'What customers think of products they bought';

alter table shop.reviews enable row level security;

create policy approved_or_own_read
  on shop.reviews
  for select
  to anon, authenticated
  using (approved_at is not null or customer_id = (select auth.uid()));

create policy buyers_insert
  on shop.reviews
  for insert
  to authenticated
  with check (
    (select auth.role()) = 'authenticated'
    and customer_id = (select auth.uid())
    and exists (
      select
      from shop.order_items i
      join shop.orders o on o.id = i.order_id
      where i.product_id = reviews.product_id
        and o.customer_id = (select auth.uid())
        and o.state = 'delivered'
    )
  );

create policy own_delete
  on shop.reviews
  for delete
  to authenticated
  using (customer_id = (select auth.uid()));

grant select on shop.reviews to anon, authenticated;
grant insert (product_id, stars, title, body) on shop.reviews to authenticated;
grant delete on shop.reviews to authenticated;
