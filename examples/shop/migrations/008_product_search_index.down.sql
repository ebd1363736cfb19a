drop index concurrently shop.products_search_idx;
