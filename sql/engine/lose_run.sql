select app.lose_run($1, $2) as "is_new!"
