select app.end_overdue_run($1) as "is_new!"
