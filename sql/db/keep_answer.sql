select app.keep_answer($2, $3, $4, $5)
where (select app.as_caller($1))
