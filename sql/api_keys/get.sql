select
    api_key_id, user_id, name, key_prefix, role, created_at, expires_at, is_active, last_used_at, updated_at,
    (select u.username from usernames u where u.user_id = api_keys.user_id) as "username!"
from api_keys
where (select app.as_caller($1))
  and api_key_id = $2
