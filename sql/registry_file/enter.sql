select true as "entered!" from app.enter_apply() where (select app.as_caller($1))
