-- $2 whose key it is: the caller's when null.
select
    api_key_id as "api_key_id!", user_id as "user_id!", name as "name!", key_prefix as "key_prefix!", role as "role: _",
    created_at as "created_at!", expires_at, is_active as "is_active!", last_used_at, updated_at as "updated_at!",
    (select u.username from usernames u where u.user_id = made.user_id) as "username!"
from app.create_api_key($2, $3, $4, $5, $6, $7) as made
where (select app.as_caller($1))
