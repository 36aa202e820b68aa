select app.see_run($1, $2, $3, $4, $5, $6) as "is_new!"
