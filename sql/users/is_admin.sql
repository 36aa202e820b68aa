select app.is_admin() as "is_admin!"
where (select app.as_caller($1))
