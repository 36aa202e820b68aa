select app.refuse_launch($1, $2, $3)
