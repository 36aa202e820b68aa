update api_keys set
    name = coalesce($3, name),
    expires_at = coalesce($4, expires_at)
where (select app.as_caller($1))
  and api_key_id = $2
  and ($5::timestamptz[] is null or updated_at = any ($5))
returning
    api_key_id, user_id, name, key_prefix, role, created_at, expires_at, is_active, last_used_at, updated_at,
    (select u.username from usernames u where u.user_id = api_keys.user_id) as "username!"
