drop table shop.inventory_movements;
drop table shop.order_items;
drop table shop.orders;
drop type shop.movement_kind;
drop type shop.order_state;
