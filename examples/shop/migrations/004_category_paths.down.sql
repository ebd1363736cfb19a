begin;

alter table shop.categories
  drop column path;

commit;
