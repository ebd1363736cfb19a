-- Without cascade: whatever is left in the schema was not made by these migrations.
drop schema shop;
