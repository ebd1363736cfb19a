drop view shop.my_orders;
