-- Whether the caller is shown a part of the trail only: what others did, admins see.
select not app.is_admin() as "is_partial!"
where (select app.as_caller($1))
