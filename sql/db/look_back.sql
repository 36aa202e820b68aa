-- For the rest of the transaction: the views of the past ask who is calling, perhaps before the statement has said it. What it reads it
-- records itself. (A function that pins its search path cannot set it for others.)
select app.as_caller($1::jsonb - 'reads'), app.look_back($2), set_config('search_path', 'past, app, public', true)
