-- For the rest of the transaction. (A function that pins its search path cannot set it for others.)
select app.look_back($1), set_config('search_path', 'past, app, public', true)
