-- A view reads with the rights of its owner, past the policies of its tables: it names the caller itself.
create view shop.my_orders
  with (security_barrier = true)
as
select
  o.number,
  o.state,
  o.state = 'returned' as was_returned,
  o.placed_at,
  o.total_cents,
  o.currency,
  count(i.product_id) as products,
  string_agg(i.quantity || ' × ' || i.product_name, ', ' order by i.position) as summary
from shop.orders o
left join shop.order_items i on i.order_id = o.id
where o.customer_id = auth.uid()
group by o.id;

comment on view shop.my_orders is 'The orders of the caller, one line each';

grant select on shop.my_orders to authenticated;
