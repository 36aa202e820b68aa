select api_key_id, user_id, name, key_prefix, role, created_at, expires_at, is_active, last_used_at, updated_at
from api_keys
where (select app.as_caller($1))
  and api_key_id = $2
