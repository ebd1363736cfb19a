drop function shop.place_order(uuid);

drop trigger move_stock on shop.inventory_movements;
drop function shop.move_stock();

drop trigger pass_path_on on shop.categories;
drop function shop.pass_category_path_on();

drop trigger set_path on shop.categories;
drop function shop.set_category_path();

drop trigger touch_updated_at on shop.orders;
drop trigger touch_updated_at on shop.products;
drop function shop.touch_updated_at();
