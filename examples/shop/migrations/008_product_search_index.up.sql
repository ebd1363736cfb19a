-- Can't run in a transaction, and so is alone: nobody has to wait while it is built.
create index concurrently products_search_idx
  on shop.products using gin (search);
