select app.put_off_task($1, $2, $3, $4, $5)
