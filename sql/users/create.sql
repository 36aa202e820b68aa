select
    user_id as "user_id!", username as "username!", email as "email!", role as "role!: _", is_active as "is_active!",
    created_at as "created_at!", updated_at as "updated_at!"
from app.create_user($2, $3, $4, $5)
where (select app.as_caller($1))
