-- Of an empty page: whether the caller is shown a part of the trail only. What others did, admins see.
select not app.is_admin() as "is_partial!"
where (select app.as_caller($1))
