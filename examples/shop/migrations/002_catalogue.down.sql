drop table shop.products;
drop table shop.categories;
