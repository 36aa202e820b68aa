select app.use_engine($1, $2)
