-- Notes who manages what ($2).
select true as "noted!" from app.manage($2) where (select app.as_caller($1))
