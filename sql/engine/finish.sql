select app.finish_task($1, $2)
