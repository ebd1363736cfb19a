-- In a transaction the new value can be added but not used: whoever uses it comes in a later file.
alter type shop.order_state
  add value 'returned' after 'delivered';
