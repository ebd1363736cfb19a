drop table shop.reviews;
