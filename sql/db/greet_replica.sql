-- Who is asked for reads writes nothing, also when it has become a primary that nobody knows of.
select set_config('default_transaction_read_only', 'on', false) as "read_only!"
