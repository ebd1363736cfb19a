create function shop.touch_updated_at()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;

create trigger touch_updated_at
  before update of category_id, sku, name, description, price_cents, currency, published on shop.products
  for each row
  execute function shop.touch_updated_at();

create trigger touch_updated_at
  before update on shop.orders
  for each row
  when (old.* is distinct from new.*)
  execute function shop.touch_updated_at();

create function shop.set_category_path()
  returns trigger
  language plpgsql
  set search_path = ''
as $body$
begin
  new.path := concat_ws('/', (select c.path from shop.categories c where c.id = new.parent_id), new.slug);
  return new;
end
$body$;

create trigger set_path
  before insert or update of parent_id, slug on shop.categories
  for each row
  execute function shop.set_category_path();

create function shop.pass_category_path_on()
  returns trigger
  language plpgsql
  set search_path = ''
as $body$
begin
  -- Writing the slug, unchanged, makes each child find its path again, and then its own children theirs.
  update shop.categories c
  set slug = c.slug
  where c.parent_id = new.id;

  return null;
end
$body$;

create trigger pass_path_on
  after update on shop.categories
  for each row
  when (old.path is distinct from new.path)
  execute function shop.pass_category_path_on();

create function shop.move_stock()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  update shop.products p
  set stock = p.stock + new.quantity
  where p.id = new.product_id;

  return null;
exception
  when check_violation then
    raise exception using
      errcode = 'check_violation',
      message = format('there are fewer than %s of product %s', -new.quantity, new.product_id),
      constraint = 'products_stock_not_negative';
end
$$;

create trigger move_stock
  after insert on shop.inventory_movements
  for each row
  execute function shop.move_stock();

-- Runs as the owner of the tables, for customers may not write orders themselves: so it asks who calls.
create function shop.place_order(cart uuid)
  returns bigint
  language plpgsql
  security definer
  set search_path = ''
as $place_order$
declare
  ordered uuid;
  order_number bigint;
  missing text;
begin
  update shop.carts c
  set ordered_at = now()
  where c.id = place_order.cart
    and c.customer_id = auth.uid()
    and c.ordered_at is null;

  if not found then
    raise exception 'the caller has no open cart %', place_order.cart
      using errcode = 'no_data_found';
  end if;

  select string_agg(p.name, ', ' order by p.name)
  into missing
  from shop.cart_items i
  join shop.products p on p.id = i.product_id
  where i.cart_id = place_order.cart
    and (not p.published or p.stock < i.quantity);

  if missing is not null then
    raise exception $$these can't be had any more: %$$, missing
      using errcode = 'object_not_in_prerequisite_state';
  end if;

  insert into shop.orders (customer_id, cart_id, shipping_address)
  select c.id, place_order.cart, c.shipping_address
  from shop.customers c
  where c.id = auth.uid()
  returning id, number into ordered, order_number;

  insert into shop.order_items (order_id, position, product_id, product_name, quantity, price_cents)
  select ordered, row_number() over (order by i.added_at, p.sku), p.id, p.name, i.quantity, p.price_cents
  from shop.cart_items i
  join shop.products p on p.id = i.product_id
  where i.cart_id = place_order.cart;

  if not found then
    raise exception 'cart % is empty', place_order.cart
      using errcode = 'object_not_in_prerequisite_state';
  end if;

  update shop.orders o
  set total_cents = (select sum(i.amount_cents) from shop.order_items i where i.order_id = ordered)
  where o.id = ordered;

  -- In the order of the products, so that two orders for the same ones wait for each other and don't
  -- stop each other.
  insert into shop.inventory_movements (product_id, kind, quantity, order_id)
  select i.product_id, 'sale', -i.quantity, ordered
  from shop.order_items i
  where i.order_id = ordered
  order by i.product_id;

  return order_number;
end
$place_order$;

comment on function shop.place_order(uuid) is 'Makes an order of a cart of the caller and returns its number';

revoke execute on function shop.place_order(uuid) from public;
grant execute on function shop.place_order(uuid) to authenticated;
